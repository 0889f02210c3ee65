//! `GET /` on the operations listener: the state at a glance, and what is there.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;

use super::page::page;
use crate::build;
use crate::config::Environment;
use crate::error::{ErrorKind, Result};
use crate::http::Response;
use crate::lifecycle::Phase;
use crate::state::App;
use crate::telemetry::metrics::{self, DependencyStatus, HealthStatus, RegistrationOutcome};
use crate::values::timestamp;

/// The endpoints of this listener, each with what it is for.
const ENDPOINTS: &[(&str, &str)] = &[
    ("/health/", "Whether this instance takes requests and can answer them, for load balancers: 200 or 503."),
    ("/health/live", "Whether the process is best started anew, for orchestrators."),
    ("/health/ready", "Whether this instance should get requests, with the reasons, for orchestrators."),
    ("/health/detailed", "Each dependency, the figures that matter, the machine."),
    ("/health/metrics", "All metrics as JSON, with quantiles, for scripts without Prometheus."),
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
    state: Word,
    uptime: String,
    version: &'static str,
    revision: &'static str,
    environment: Environment,
    database: &'static str,
    checks: Vec<Check>,
    registrations: Vec<Count>,
    errors: Vec<Count>,
    endpoints: Vec<Endpoint>,
}

/// A word, and how it is shown: `good`, `warn`, `bad` or `soft`.
#[derive(Serialize)]
struct Word {
    text: &'static str,
    class: &'static str,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    status: Word,
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
    let (summary, health) = (metrics::summary(), &app.health);
    let check = |name, status| Check { name, status: status_word(status) };
    let index = Index {
        timestamp: OffsetDateTime::now_utc(),
        state: state(app),
        uptime: humantime::format_duration(Duration::from_secs(health.uptime().as_secs())).to_string(),
        version: build::INFO.version,
        revision: build::INFO.revision,
        environment: app.config.environment,
        database: app.db.backend(),
        checks: vec![
            check("database", health.database.status()),
            check("email", health.email.status()),
            check("analytics", health.analytics.status()),
        ],
        registrations: counts(RegistrationOutcome::ALL.iter().map(|outcome| outcome.as_str()), &summary.registrations),
        errors: counts(ErrorKind::ALL.iter().map(|kind| kind.as_str()), &summary.errors),
        endpoints: ENDPOINTS.iter().map(|(path, meaning)| Endpoint { path, meaning }).collect(),
    };
    page("index.html", index)
}

fn state(app: &App) -> Word {
    let (text, class) = match (app.lifecycle.phase(), app.health.status()) {
        (Phase::Starting, _) => ("starting", "warn"),
        (Phase::Draining | Phase::Closing, _) => ("shutting down", "warn"),
        (Phase::Ready, HealthStatus::Healthy) => ("healthy", "good"),
        (Phase::Ready, HealthStatus::Degraded) => ("degraded", "warn"),
        (Phase::Ready, HealthStatus::Unhealthy) => ("unhealthy", "bad"),
    };
    Word { text, class }
}

fn status_word(status: DependencyStatus) -> Word {
    let class = match status {
        DependencyStatus::Connected => "good",
        DependencyStatus::Slow => "warn",
        DependencyStatus::Error => "bad",
        DependencyStatus::Disabled => "soft",
    };
    Word { text: status.as_str(), class }
}

/// The figures in the order of their names.
fn counts(names: impl Iterator<Item = &'static str>, figures: &BTreeMap<&'static str, u64>) -> Vec<Count> {
    names.map(|name| Count { name, count: figures.get(name).copied().unwrap_or_default() }).collect()
}
