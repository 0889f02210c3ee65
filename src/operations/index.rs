//! `GET /` on the operations listener: what is wrong now, the last hour, and what is there.
//!
//! All of it is in memory already: a look at the page asks neither the database nor any service.

mod cards;
mod dependencies;
mod failure;
mod limits;
mod outbox;
mod recent;
mod sign_ins;
mod signing;
mod spark;
mod trouble;
mod troubles;
mod word;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use http::Method;
use serde::Serialize;
use time::OffsetDateTime;

use self::cards::{Card, cards};
use self::dependencies::dependencies;
use self::failure::OfType;
use self::outbox::{Jobs, Topic};
use self::trouble::Trouble;
use self::troubles::troubles;
use self::word::Word;
use super::page::page;
use super::words::{age, count, rate};
use crate::build;
use crate::config::Environment;
use crate::error::{ErrorKind, Result};
use crate::http::{Access, Call, Endpoint, Page};
use crate::lifecycle::Phase;
use crate::state::App;
use crate::telemetry::history::Span;
use crate::telemetry::metrics::{self, HealthStatus, RegistrationOutcome, SignInOutcome, Summary};
use crate::values::timestamp;

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
    const ABOUT: &str = "What is wrong now and what to do about it, the last hour in figures, and what is there.";
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
    /// Minutes that are now.
    recent: usize,
    troubles: Vec<Trouble>,
    cards: Vec<Card>,
    dependencies: Vec<dependencies::Shown>,
    signing_key: signing::Shown,
    topics: Vec<Topic>,
    jobs: Jobs,
    registrations: Vec<Count>,
    sign_ins: Vec<Count>,
    errors: Vec<Count>,
    last_errors: Vec<OfType>,
    endpoints: &'a [Link],
}

/// A figure: now, and since the start.
#[derive(Serialize)]
struct Count {
    name: &'static str,
    rate: String,
    count: String,
    is_seen: bool,
}

#[derive(Serialize)]
pub(super) struct Link {
    path: &'static str,
    meaning: &'static str,
}

fn show(app: &App, links: &[Link]) -> Result<Page> {
    let (minutes, topics) = (app.history.minutes(), app.outbox.topics());
    let now = recent::now(&minutes);
    let dependencies = dependencies(app, &minutes, &topics);
    let troubles = troubles(app, &now, &dependencies, &topics);
    let totals = metrics::summary();
    let last_errors = failure::of_types(&now, |last| troubles.runbook_of(last.code(), last.place()), &app.config);
    let troubles = troubles.sorted();
    let index = Index {
        timestamp: OffsetDateTime::now_utc(),
        state: state(app, &troubles),
        uptime: age(app.health.uptime()),
        version: build::INFO.version,
        revision: build::INFO.revision,
        environment: app.config.environment,
        database: app.db.backend(),
        recent: recent::MINUTES,
        troubles,
        cards: cards(&minutes),
        dependencies,
        signing_key: signing::shown(app),
        topics: topics.iter().map(outbox::topic).collect(),
        jobs: outbox::jobs(&app.outbox.failed()),
        registrations: registrations(&now, &totals),
        sign_ins: sign_ins(&now, &totals),
        errors: errors(&now, &totals),
        last_errors,
        endpoints: links,
    };
    page("index.html", index)
}

/// Healthy is only what has no trouble: the checks alone do not see everything.
fn state(app: &App, troubles: &[Trouble]) -> Word {
    let is_failing = troubles.iter().any(|trouble| trouble.class == "bad");
    match (app.lifecycle.phase(), app.health.status()) {
        (Phase::Starting, _) => Word::warn("starting"),
        (Phase::Draining | Phase::Closing, _) => Word::warn("shutting down"),
        (Phase::Ready, HealthStatus::Unhealthy) => Word::bad("unhealthy"),
        (Phase::Ready, _) if is_failing => Word::bad("failing"),
        (Phase::Ready, HealthStatus::Healthy) if troubles.is_empty() => Word::good("healthy"),
        (Phase::Ready, _) => Word::warn("degraded"),
    }
}

fn registrations(now: &Span, totals: &Summary) -> Vec<Count> {
    let of = |outcome: &RegistrationOutcome| {
        figure(outcome.as_str(), now.per_minute(now.counts.registrations(*outcome)), &totals.registrations)
    };
    RegistrationOutcome::ALL.iter().map(of).collect()
}

fn sign_ins(now: &Span, totals: &Summary) -> Vec<Count> {
    let of = |outcome: &SignInOutcome| {
        figure(outcome.as_str(), now.per_minute(now.counts.sign_ins(*outcome)), &totals.sign_ins)
    };
    SignInOutcome::ALL.iter().map(of).collect()
}

fn errors(now: &Span, totals: &Summary) -> Vec<Count> {
    let of = |kind: &ErrorKind| figure(kind.as_str(), now.per_minute(now.counts.errors(*kind)), &totals.errors);
    ErrorKind::ALL.iter().map(of).collect()
}

fn figure(name: &'static str, per_minute: f64, totals: &BTreeMap<&'static str, u64>) -> Count {
    let total = totals.get(name).copied().unwrap_or_default();
    Count { name, rate: rate(per_minute), count: count(total), is_seen: total > 0 }
}
