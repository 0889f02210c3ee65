//! What clients of the API are served, and how many users and sessions there are.

use std::sync::Arc;

use http::Method;

use super::profile::{self, UserBody};
use super::registration::{self, IdempotencyKey, Registration};
use super::users::{self, UserCounts};
use super::{change, directory, erasure, export, keys, password_change, sessions, sign_in, trail};
use crate::error::{ErrorCode, Result};
use crate::http::{Access, Call, Created, Endpoint, Json, Unread};
use crate::state::App;
use crate::store::Db;
use crate::telemetry::logging::{Exception, LoggerName, warn};
use crate::telemetry::metrics;

/// What clients of the API are served.
pub fn endpoints() -> Vec<Endpoint<App>> {
    const ABOUT: &str = "Registers a user: 201 once it is durable.";
    let registration = Endpoint::new(Access::Anyone, Method::POST, "/users/", ABOUT, register)
        .limited_by(|app| app.registrations.as_ref())
        .fails_with(&[
            ErrorCode::EmailAlreadyExists,
            ErrorCode::MalformedRequest,
            ErrorCode::IdempotencyKeyReused,
            ErrorCode::PasswordLocked,
            ErrorCode::AuthenticationFailure,
            ErrorCode::DatabaseError,
            ErrorCode::UserRegistrationError,
        ]);
    let stories = [
        directory::endpoints(),
        sign_in::endpoints(),
        sessions::endpoints(),
        profile::endpoints(),
        password_change::endpoints(),
        change::endpoints(),
        erasure::endpoints(),
        export::endpoints(),
        trail::endpoints(),
        keys::endpoints(),
    ];
    std::iter::once(registration).chain(stories.into_iter().flatten()).collect()
}

async fn register(call: Call<App>, form: Unread<(IdempotencyKey, Json<Registration>)>) -> Result<Created<UserBody>> {
    let Call { state, context, .. } = call;
    let form = form.read_by(&context, |body| Registration::parse(body, &state.password_policy));
    let user = registration::register(Arc::clone(&state), Arc::clone(&context), form).await?;
    let location = format!("/users/{}", user.id);
    Ok(Created { location, body: user.into() })
}

/// Keeps `neodyme_users` and `neodyme_sessions` up to date until it is dropped.
pub async fn refresh_counts(app: Arc<App>) {
    let mut ticks = tokio::time::interval(app.config.database.users_refresh_interval);
    loop {
        ticks.tick().await;
        if let Err(error) = count(&app.db).await {
            let exception = Exception::of(&error);
            warn!(app.loggers.get(LoggerName::Db), "Users could not be counted"; "exception" => exception);
        }
    }
}

async fn count(db: &Db) -> Result<()> {
    let UserCounts { active, inactive } = users::count_by_state(db).await?;
    metrics::users(active, inactive);
    metrics::sessions(sessions::count(db).await?);
    Ok(())
}
