//! `/health/…`: for load balancers, orchestrators and people. What is said here was found out before.

mod detailed;

use std::future::ready;
use std::sync::Arc;

use http::{Method, StatusCode};
use serde::Serialize;
use time::OffsetDateTime;

use crate::build;
use crate::error::Result;
use crate::http::{Access, Context, Handler, Request, Response, Route, json, with_place};
use crate::lifecycle::Phase;
use crate::state::App;
use crate::telemetry::metrics::{self, DependencyStatus, HealthStatus};
use crate::values::timestamp::{self, millis};

/// What both listeners answer.
pub(super) fn api_routes() -> Vec<Route<App>> {
    vec![
        route("/health/", |app, _, _| Box::pin(ready(report(&app)))),
        route("/health/live", |app, _, _| Box::pin(ready(live(&app)))),
        route("/health/ready", |app, _, _| Box::pin(ready(readiness(&app)))),
    ]
}

/// The same with `?fresh=true`, which clients of the API are not given: it costs the dependencies something.
pub(super) fn ops_routes() -> Vec<Route<App>> {
    vec![
        route("/health/", |app, _, request| Box::pin(after_fresh_look(app, request, report))),
        route("/health/live", |app, _, _| Box::pin(ready(live(&app)))),
        route("/health/ready", |app, _, request| Box::pin(after_fresh_look(app, request, readiness))),
        route("/health/detailed", |app, _, request| Box::pin(detailed::report(app, request))),
        Route { access: Access::Token, ..route("/health/metrics", |app, context, _| Box::pin(registry(app, context))) },
    ]
}

fn route(path: &'static str, handler: Handler<App>) -> Route<App> {
    Route { path, method: Method::GET, codes: &[200], always: true, access: Access::Open, handler }
}

/// The gauges that follow from several things at once; called before each exposition.
pub(super) fn refresh_metrics(app: &App) {
    metrics::health(app.health.status(), reasons(app).is_empty());
}

#[derive(Serialize)]
struct Head {
    status: &'static str,
    #[serde(with = "timestamp")]
    timestamp: OffsetDateTime,
    version: &'static str,
}

impl Head {
    fn new(status: &'static str) -> Self {
        Head { status, timestamp: OffsetDateTime::now_utc(), version: build::INFO.version }
    }
}

/// 200 while the service takes requests and can answer them.
fn report(app: &App) -> Result<Response> {
    let (code, status) = match (app.lifecycle.phase(), app.health.status()) {
        (Phase::Starting, _) => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        (Phase::Draining | Phase::Closing, _) => (StatusCode::SERVICE_UNAVAILABLE, "shutting_down"),
        (Phase::Ready, status) => (code_of(status), status.as_str()),
    };
    json(code, &Head::new(status))
}

#[derive(Serialize)]
struct Live {
    #[serde(flatten)]
    head: Head,
    event_loop_delay_ms: f64,
    last_beat_ms: f64,
}

/// 200 while the async runtime turns. A process that is not live is best started anew.
fn live(app: &App) -> Result<Response> {
    let pulse = app.health.beat.pulse();
    let (code, status) = match pulse.is_stalled {
        false => (StatusCode::OK, "live"),
        true => (StatusCode::SERVICE_UNAVAILABLE, "stalled"),
    };
    let (event_loop_delay_ms, last_beat_ms) = (millis(pulse.delay), millis(pulse.age));
    json(code, &Live { head: Head::new(status), event_loop_delay_ms, last_beat_ms })
}

#[derive(Serialize)]
struct Readiness {
    #[serde(flatten)]
    head: Head,
    reasons: Vec<&'static str>,
}

/// 200 while the service can do its work for one client more.
fn readiness(app: &App) -> Result<Response> {
    let reasons = reasons(app);
    let (code, status) = match reasons.is_empty() {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    };
    json(code, &Readiness { head: Head::new(status), reasons })
}

/// Why the service is not ready. Without its tables it does not start at all, so that is not among them.
fn reasons(app: &App) -> Vec<&'static str> {
    let phase = app.lifecycle.phase();
    let all = [
        (phase == Phase::Starting, "starting"),
        (phase >= Phase::Draining, "shutting_down"),
        (app.health.database.status() == DependencyStatus::Error, "database_unusable"),
        (app.hash_pool.is_saturated(), "hash_queue_saturated"),
    ];
    all.into_iter().filter(|(holds, _)| *holds).map(|(_, reason)| reason).collect()
}

/// Both answers follow from the database alone.
async fn after_fresh_look(app: Arc<App>, request: Request, answer: fn(&App) -> Result<Response>) -> Result<Response> {
    if wants_fresh(&request) {
        app.health.database.fresh_report().await;
    }
    answer(&app)
}

fn wants_fresh(request: &Request) -> bool {
    let query = request.head.uri.query().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes()).any(|(key, value)| key == "fresh" && value == "true")
}

fn code_of(status: HealthStatus) -> StatusCode {
    match status {
        HealthStatus::Healthy | HealthStatus::Degraded => StatusCode::OK,
        HealthStatus::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
    }
}

#[derive(Serialize)]
struct Registry {
    #[serde(with = "timestamp")]
    timestamp: OffsetDateTime,
    version: &'static str,
    #[serde(flatten)]
    metrics: metrics::Snapshot,
}

/// All metrics as JSON.
async fn registry(app: Arc<App>, context: Arc<Context>) -> Result<Response> {
    let answer = move || {
        let Head { timestamp, version, .. } = Head::new("");
        json(StatusCode::OK, &Registry { timestamp, version, metrics: metrics::snapshot() })
    };
    let (response, place) = super::metrics::gather(&app, &context, answer).await?;
    Ok(with_place(response?, place))
}
