//! `POST /users/`, and how many users there are.

use std::sync::Arc;

use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use slog::warn;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::accounts::registration;
use crate::accounts::users;
use crate::error::Result;
use crate::http::{Context, Request, Response, json, with_header};
use crate::state::App;
use crate::telemetry::logging::{Exception, LoggerName};
use crate::telemetry::metrics;
use crate::values::timestamp;

/// A user, as API clients see it.
#[derive(Serialize)]
struct UserBody<'a> {
    id: Uuid,
    email: &'a str,
    full_name: &'a str,
    is_active: bool,
    #[serde(with = "timestamp")]
    created_at: OffsetDateTime,
    #[serde(with = "timestamp")]
    updated_at: OffsetDateTime,
}

/// Registers a user: 201 once it is durable.
pub async fn register(app: Arc<App>, context: Arc<Context>, request: Request) -> Result<Response> {
    let user = registration::register(app, context, request).await?;
    let body = UserBody {
        id: user.id,
        email: &user.email,
        full_name: &user.full_name,
        is_active: user.is_active,
        created_at: user.created_at,
        updated_at: user.updated_at,
    };
    let response = json(StatusCode::CREATED, &body)?;
    match HeaderValue::try_from(format!("/users/{}", user.id)) {
        Ok(location) => Ok(with_header(response, LOCATION, location)),
        Err(_) => Ok(response),
    }
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
