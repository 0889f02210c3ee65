//! `GET /` on the operations listener: the state at a glance, and what is there.

use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;

use super::page::page;
use crate::app::App;
use crate::build;
use crate::config::Environment;
use crate::error::{ErrorCode, ErrorKind, Result};
use crate::errors::recorder;
use crate::http::Response;
use crate::lifecycle::Phase;
use crate::metrics::{RegistrationOutcome, registrations};
use crate::timestamp;

/// The endpoints of this listener, each with what it is for.
const ENDPOINTS: &[(&str, &str)] = &[
    ("/health/", "Whether this instance takes requests, for load balancers: 200 or 503."),
    ("/errors/", "What went wrong since the start, with the last samples of each type: a page, or JSON for scripts."),
    ("/metrics", "All metrics, for Prometheus: text 0.0.4 or protobuf, gzipped on request."),
    ("/log-level", "What each logger writes. PUT changes it for a limited time."),
    ("/config", "The settings in force, secrets redacted, and where each comes from."),
    ("/version", "What is running: version, revision, compiler."),
];

#[derive(Serialize)]
struct Index {
    #[serde(with = "timestamp")]
    timestamp: OffsetDateTime,
    state: &'static str,
    uptime: String,
    version: &'static str,
    revision: &'static str,
    environment: Environment,
    database: &'static str,
    registrations: Vec<Count>,
    errors: Vec<Count>,
    endpoints: Vec<Endpoint>,
}

#[derive(Serialize)]
struct Count {
    name: &'static str,
    count: u64,
}

#[derive(Serialize)]
struct Endpoint {
    path: &'static str,
    meaning: &'static str,
}

/// The index page.
pub(super) fn show(app: &App) -> Result<Response> {
    let outcome = |outcome: &RegistrationOutcome| Count { name: outcome.as_str(), count: registrations(*outcome) };
    let kind = |kind: &ErrorKind| Count { name: kind.as_str(), count: errors_of(*kind) };
    page(
        "index.html",
        Index {
            timestamp: OffsetDateTime::now_utc(),
            state: state(app.lifecycle.phase()),
            uptime: humantime::format_duration(Duration::from_secs(app.began.elapsed().as_secs())).to_string(),
            version: build::INFO.version,
            revision: build::INFO.revision,
            environment: app.config.environment,
            database: app.db.backend(),
            registrations: RegistrationOutcome::ALL.iter().map(outcome).collect(),
            errors: ErrorKind::ALL.iter().map(kind).collect(),
            endpoints: ENDPOINTS.iter().map(|(path, meaning)| Endpoint { path, meaning }).collect(),
        },
    )
}

fn state(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "starting",
        Phase::Ready => "ready",
        Phase::Draining | Phase::Closing => "shutting down",
    }
}

fn errors_of(kind: ErrorKind) -> u64 {
    ErrorCode::ALL.iter().filter(|code| code.kind() == kind).map(|code| recorder().count(*code)).sum()
}
