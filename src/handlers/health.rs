//! `GET /health/`: what a load balancer asks.

use http::StatusCode;
use serde::Serialize;
use time::OffsetDateTime;

use crate::app::App;
use crate::build;
use crate::error::Result;
use crate::http::{Response, json};
use crate::lifecycle::Phase;
use crate::timestamp;

#[derive(Serialize)]
struct Health {
    status: &'static str,
    #[serde(with = "timestamp")]
    timestamp: OffsetDateTime,
    version: &'static str,
}

/// 200 while the service takes requests, 503 before and after.
pub(super) fn report(app: &App) -> Result<Response> {
    let (code, status) = match app.lifecycle.phase() {
        Phase::Ready => (StatusCode::OK, "healthy"),
        Phase::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        Phase::Draining | Phase::Closing => (StatusCode::SERVICE_UNAVAILABLE, "shutting_down"),
    };
    json(code, &Health { status, timestamp: OffsetDateTime::now_utc(), version: build::INFO.version })
}
