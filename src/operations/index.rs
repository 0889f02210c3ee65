//! `GET /` on the operations listener: the state at a glance, and what is there.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::Method;
use serde::Serialize;
use time::OffsetDateTime;

use super::page::{Page, page};
use crate::build;
use crate::config::Environment;
use crate::error::{ErrorKind, Result};
use crate::http::{Access, Call, Endpoint};
use crate::lifecycle::Phase;
use crate::outbox::store::Group;
use crate::outbox::{FailedJobs, JobState};
use crate::state::App;
use crate::telemetry::metrics::{self, DependencyStatus, HealthStatus, RegistrationOutcome};
use crate::values::timestamp::{self, rfc3339};

/// What the index leads to, once the table is whole.
#[derive(Clone, Default)]
pub(super) struct Links(Arc<OnceLock<Vec<Link>>>);

impl Links {
    /// Leads to each page and document of the table.
    pub(super) fn fill(&self, table: &[Endpoint<App>]) {
        let is_page =
            |line: &&Endpoint<App>| line.method == Method::GET && line.path != "/" && !line.path.contains('{');
        let links = table.iter().filter(is_page).map(|line| Link { path: line.path, meaning: line.about });
        self.0.get_or_init(|| links.collect());
    }
}

/// The line of the table, and what it leads to, which is not known yet.
pub(super) fn endpoint() -> (Endpoint<App>, Links) {
    const ABOUT: &str = "The state at a glance, and what is there.";
    let links = Links::default();
    let shown = links.clone();
    let show = move |call: Call<App>, (): ()| {
        let links = shown.clone();
        async move { show(&call.state, links.0.get().map_or(&[], Vec::as_slice)) }
    };
    (Endpoint::new(Access::Token, Method::GET, "/", ABOUT, show).always(), links)
}

#[derive(Serialize)]
struct Index<'a> {
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
    jobs: Jobs,
    endpoints: &'a [Link],
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

/// Jobs of the outbox that failed, as they were found at some time.
#[derive(Serialize)]
struct Jobs {
    at: Option<String>,
    groups: Vec<Failed>,
    has_more: bool,
}

/// Jobs that failed in the same way.
#[derive(Serialize)]
struct Failed {
    jobs: i64,
    state: Word,
    topic: Option<String>,
    domain: Option<String>,
    reply: Option<String>,
    oldest: String,
    example: String,
}

#[derive(Serialize)]
struct Count {
    name: &'static str,
    count: u64,
}

#[derive(Serialize)]
pub(super) struct Link {
    path: &'static str,
    meaning: &'static str,
}

fn show(app: &App, links: &[Link]) -> Result<Page> {
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
        jobs: jobs(&app.outbox.failed()),
        endpoints: links,
    };
    page("index.html", index)
}

fn jobs(found: &FailedJobs) -> Jobs {
    let failed = |group: &Group| Failed {
        jobs: group.jobs,
        state: Word { text: group.state.as_str(), class: if group.state == JobState::Dead { "bad" } else { "warn" } },
        topic: group.topic.clone(),
        domain: group.domain.clone(),
        reply: group.reply.clone(),
        oldest: rfc3339(group.oldest),
        example: group.example.to_string(),
    };
    Jobs { at: found.at.map(rfc3339), groups: found.groups.iter().map(failed).collect(), has_more: found.has_more }
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
