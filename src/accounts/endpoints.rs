//! `POST /users/`, and how many users there are.

use std::sync::Arc;

use http::Method;
use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::registration::{self, Registration};
use super::users::{self, User};
use crate::error::{ErrorCode, Result};
use crate::http::{Call, Created, Endpoint, Json, Unread};
use crate::state::App;
use crate::telemetry::logging::{Exception, LoggerName, warn};
use crate::telemetry::metrics;
use crate::values::timestamp;

/// What clients of the API are served.
pub fn endpoints() -> Vec<Endpoint<App>> {
    const ABOUT: &str = "Registers a user: 201 once it is durable.";
    vec![
        Endpoint::new(Method::POST, "/users/", ABOUT, register)
            .limited_by("registrations", |app| app.registration_rate.as_ref())
            .fails_with(&[ErrorCode::EmailAlreadyExists, ErrorCode::DatabaseError, ErrorCode::UserRegistrationError]),
    ]
}

/// A user, as clients of the API see it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "User")]
struct UserBody {
    id: Uuid,
    email: String,
    full_name: String,
    is_active: bool,
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    created_at: OffsetDateTime,
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    updated_at: OffsetDateTime,
}

async fn register(call: Call<App>, form: Unread<Json<Registration>>) -> Result<Created<UserBody>> {
    let Call { state, context, .. } = call;
    let form = form.read_by(&context, |body| Registration::parse(body, &state.password_policy));
    let user = registration::register(Arc::clone(&state), Arc::clone(&context), form).await?;
    let location = format!("/users/{}", user.id);
    let User { id, email, full_name, is_active, created_at, updated_at, .. } = user;
    let (email, full_name) = (email.into_exposed(), full_name.into_exposed());
    Ok(Created { location, body: UserBody { id, email, full_name, is_active, created_at, updated_at } })
}

/// Keeps `neodyme_users` up to date until it is dropped.
pub async fn refresh_users(app: Arc<App>) {
    let mut ticks = tokio::time::interval(app.config.database.users_refresh_interval);
    loop {
        ticks.tick().await;
        match users::count_by_state(&app.db).await {
            Ok(counts) => metrics::users(counts.active, counts.inactive),
            Err(error) => {
                warn!(app.loggers.get(LoggerName::Db), "Users could not be counted"; "exception" => Exception::of(&error));
            }
        }
    }
}
