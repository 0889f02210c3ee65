//! `/health/…`: for load balancers, orchestrators and people. What is said here was found out before.

mod detailed;
mod fresh;
mod head;
mod live;

use http::Method;
use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use self::fresh::Fresh;
use self::head::Head;
use self::live::live;
use super::readiness::reasons;
use crate::error::{ErrorCode, Result};
use crate::http::{Access, Call, Checked, Endpoint, Held, Query, Written};
use crate::lifecycle::Phase;
use crate::state::App;
use crate::telemetry::metrics::{self, HealthStatus};
use crate::values::timestamp;

const HEALTH: &str = "Whether this instance takes requests and can answer them, for load balancers: 200 or 503.";
const READY: &str = "Whether this instance should get requests, with the reasons, for orchestrators.";
const DETAILED: &str = "Each dependency, the figures that matter, the machine.";
const METRICS: &str = "All metrics as JSON, with quantiles, for scripts without Prometheus.";

/// What clients of the API are served.
pub(super) fn of_api() -> Vec<Endpoint<App>> {
    vec![
        Endpoint::new(Access::Anyone, Method::GET, "/health/", HEALTH, report).always(),
        Endpoint::new(Access::Anyone, Method::GET, "/health/live", live::ABOUT, live).always(),
        Endpoint::new(Access::Anyone, Method::GET, "/health/ready", READY, ready).always(),
    ]
}

/// The same with `?fresh=true`, which clients of the API are not given: it costs the dependencies something.
pub(super) fn of_operations() -> Vec<Endpoint<App>> {
    vec![
        Endpoint::new(Access::Anyone, Method::GET, "/health/", HEALTH, fresh_report).always(),
        Endpoint::new(Access::Anyone, Method::GET, "/health/live", live::ABOUT, live).always(),
        Endpoint::new(Access::Anyone, Method::GET, "/health/ready", READY, fresh_ready).always(),
        Endpoint::new(Access::Anyone, Method::GET, "/health/detailed", DETAILED, detailed::report).always(),
        Endpoint::new(Access::Token, Method::GET, "/health/metrics", METRICS, registry)
            .always()
            .fails_with(&[ErrorCode::ServiceOverloaded]),
    ]
}

async fn report(call: Call<App>, (): ()) -> Result<Checked<State>> {
    Ok(state(&call.state))
}

async fn fresh_report(call: Call<App>, Query(fresh): Query<Fresh>) -> Result<Checked<State>> {
    look(&call.state, fresh).await;
    Ok(state(&call.state))
}

#[derive(Serialize, JsonSchema)]
struct State {
    #[serde(flatten)]
    head: Head,
    /// Why the database cannot be used, where it cannot: the kind of the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
}

/// Good while the service takes requests and can answer them.
fn state(app: &App) -> Checked<State> {
    let (is_good, status) = match (app.lifecycle.phase(), app.health.status()) {
        (Phase::Starting, _) => (false, "starting"),
        (Phase::Draining | Phase::Closing, _) => (false, "shutting_down"),
        (Phase::Ready, status) => (status.is_usable(), status.as_str()),
    };
    let cause = if status == HealthStatus::Unhealthy.as_str() { app.health.database.cause() } else { None };
    Checked { is_good, body: State { head: Head::new(status), cause } }
}

#[derive(Serialize, JsonSchema)]
struct Readiness {
    #[serde(flatten)]
    head: Head,
    reasons: Vec<&'static str>,
}

async fn ready(call: Call<App>, (): ()) -> Result<Checked<Readiness>> {
    Ok(readiness(&call.state))
}

async fn fresh_ready(call: Call<App>, Query(fresh): Query<Fresh>) -> Result<Checked<Readiness>> {
    look(&call.state, fresh).await;
    Ok(readiness(&call.state))
}

/// Good while the service can do its work for one client more.
fn readiness(app: &App) -> Checked<Readiness> {
    let reasons = reasons(app);
    let status = if reasons.is_empty() { "ready" } else { "not_ready" };
    Checked { is_good: reasons.is_empty(), body: Readiness { head: Head::new(status), reasons } }
}

/// State and readiness follow from the database alone.
async fn look(app: &App, fresh: Fresh) {
    if fresh.0 {
        app.health.database.fresh_report().await;
    }
}

#[derive(Serialize, JsonSchema)]
struct Registry {
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    timestamp: OffsetDateTime,
    version: &'static str,
    #[serde(flatten)]
    metrics: metrics::Snapshot,
}

/// All metrics as JSON.
async fn registry(call: Call<App>, (): ()) -> Result<Held<Written<Registry>>> {
    let answer = move || {
        let Head { timestamp, version, .. } = Head::new("");
        Written::new(&Registry { timestamp, version, metrics: metrics::snapshot() })
    };
    let (answer, place) = super::metrics::gather(&call.state, &call.context, answer).await?;
    Ok(Held { answer: answer?, place })
}
