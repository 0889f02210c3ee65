//! One dependency: checked on an interval, one check at a time, and what came of it.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use serde::Serialize;
use serde_json::json;
use slog::Logger;
use time::OffsetDateTime;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

use super::judge::Judge;
use super::probes::Probe;
use crate::clock;
use crate::error::{Cause, DbErrorKind, Error, chain_in_words};
use crate::redaction::redact;
use crate::telemetry::logging::{context, debug, info, warn};
use crate::telemetry::metrics::{self, CallOutcome, Calls, Dependency, DependencyStatus, ExternalService};
use crate::values::timestamp::{self, millis};

/// What was seen and is not believed yet is looked at again after this time, where the interval is longer.
const SECOND_LOOK: Duration = Duration::from_millis(500);

/// How many causes of an error are shown, and how much of them.
const MAX_CAUSES: usize = 8;
const MAX_ERROR_BYTES: usize = 300;

/// How often a dependency is checked, and how strictly.
#[derive(Clone, Copy, Debug)]
pub(super) struct CheckLimits {
    pub interval: Duration,
    pub timeout: Duration,
    pub slow_after: Duration,
    pub down_after: u32,
    pub up_after: u32,
}

/// A dependency and its checks.
pub struct Check {
    dependency: Dependency,
    probe: Option<Probe>,
    /// What is counted of them; the database has metrics of its own.
    calls: Option<Calls>,
    limits: CheckLimits,
    report: watch::Sender<Report>,
    wanted: Notify,
}

/// What is known of a dependency.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Report {
    /// Whether it is as it should be: it answers in time, or is not used.
    pub healthy: bool,
    /// What is believed, after as many checks as the settings ask for.
    #[serde(serialize_with = "as_str")]
    #[schemars(with = "String")]
    pub status: DependencyStatus,
    /// How long the last check took.
    pub response_time_ms: Option<f64>,
    /// When that was.
    #[serde(serialize_with = "timestamp::option::serialize")]
    #[schemars(with = "Option<timestamp::Moment>")]
    pub checked_at: Option<OffsetDateTime>,
    /// Since when the status is believed.
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    pub since: OffsetDateTime,
    /// What the last check failed with, also while that is not believed yet.
    pub error: Option<String>,
    /// Which kind of failure that is, as in `neodyme_db_errors_total`; of the database only.
    pub cause: Option<&'static str>,
}

fn as_str<S: serde::Serializer>(status: &DependencyStatus, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(status.as_str())
}

impl Report {
    fn first(status: DependencyStatus) -> Self {
        let since = OffsetDateTime::now_utc();
        Report { healthy: true, status, response_time_ms: None, checked_at: None, since, error: None, cause: None }
    }

    fn is_known(&self) -> bool {
        self.checked_at.is_some() || self.status == DependencyStatus::Disabled
    }
}

/// What one check came to.
struct Outcome {
    took: Duration,
    error: Option<String>,
    cause: Option<&'static str>,
    call: CallOutcome,
    seen: DependencyStatus,
}

impl Check {
    /// A dependency without a probe is not used. Until its first check, one with a probe is thought to be well: nothing
    /// speaks against it.
    pub(super) fn new(dependency: Dependency, probe: Option<Probe>, limits: CheckLimits) -> Self {
        let status = if probe.is_some() { DependencyStatus::Connected } else { DependencyStatus::Disabled };
        if status == DependencyStatus::Disabled {
            metrics::dependency_status(dependency, status);
        }
        let report = watch::Sender::new(Report::first(status));
        Check { dependency, probe, calls: calls(dependency), limits, report, wanted: Notify::new() }
    }

    /// What is believed.
    pub fn status(&self) -> DependencyStatus {
        self.report.borrow().status
    }

    /// Which kind of failure the last check ended with.
    pub fn cause(&self) -> Option<&'static str> {
        self.report.borrow().cause
    }

    /// What is known now, which before the first check is nothing.
    pub fn latest(&self) -> Report {
        self.report.borrow().clone()
    }

    /// What is known; waits for the first check, which begins with the service.
    pub async fn report(&self) -> Report {
        match self.report.subscribe().wait_for(Report::is_known).await {
            Ok(report) => report.clone(),
            // It fails only without a sender, and this is one.
            Err(_) => self.report.borrow().clone(),
        }
    }

    /// What a new check says: the one that is running, or else one that begins now.
    pub async fn fresh_report(&self) -> Report {
        if self.probe.is_some() {
            let mut report = self.report.subscribe();
            self.wanted.notify_one();
            let _ = report.changed().await;
        }
        self.report().await
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Report> {
        self.report.subscribe()
    }

    /// Checks until it is dropped.
    pub(super) async fn run(&self, log: &Logger) {
        let Some(probe) = &self.probe else { return };
        let mut judge = Judge::new(self.limits.down_after, self.limits.up_after);
        loop {
            let outcome = self.attempt(probe).await;
            self.note(&outcome);
            self.publish(judge.believe(outcome.seen), outcome, log);
            let pause = if judge.is_in_doubt() { self.limits.interval.min(SECOND_LOOK) } else { self.limits.interval };
            let _ = timeout(with_jitter(pause), self.wanted.notified()).await;
        }
    }

    async fn attempt(&self, probe: &Probe) -> Outcome {
        let _in_flight = self.calls.as_ref().map(Calls::enter);
        let began = Instant::now();
        let probing = AssertUnwindSafe(async { probe().await }).catch_unwind();
        let answer = clock::timeout(self.limits.timeout, probing).await;
        let took = began.elapsed();
        let seen = DependencyStatus::Error;
        let failed = |call, error, cause| Outcome { took, error: Some(error), cause, call, seen };
        let is_slow = took >= self.limits.slow_after;
        let seen = if is_slow { DependencyStatus::Slow } else { DependencyStatus::Connected };
        match answer {
            Ok(Ok(Ok(()))) => Outcome { took, error: None, cause: None, call: CallOutcome::Success, seen },
            Ok(Ok(Err(cause))) => failed(CallOutcome::Error, in_words(&cause), kind_of(&cause)),
            Ok(Err(_panic)) => failed(CallOutcome::Error, "the check itself failed".into(), None),
            Err(_) => {
                let error = format!("no answer within {:?}", self.limits.timeout);
                let is_database = self.dependency == Dependency::Database;
                failed(CallOutcome::Timeout, error, is_database.then_some(DbErrorKind::Timeout.as_str()))
            }
        }
    }

    fn note(&self, outcome: &Outcome) {
        metrics::dependency_checked(self.dependency, outcome.error.is_none(), outcome.took);
        if let Some(calls) = &self.calls {
            calls.ended(outcome.call, outcome.took);
        }
    }

    fn publish(&self, status: DependencyStatus, outcome: Outcome, log: &Logger) {
        metrics::dependency_status(self.dependency, status);
        let before = self.status();
        let dependency = self.dependency.as_str();
        let response_time_ms = millis(outcome.took);
        debug!(log, "Dependency checked"; "context" => context(json!({
            "dependency": dependency, "seen": outcome.seen.as_str(), "status": status.as_str(),
            "response_time_ms": response_time_ms, "error": outcome.error,
        })));
        if status != before {
            let change = context(json!({
                "dependency": dependency, "from": before.as_str(), "to": status.as_str(),
                "response_time_ms": response_time_ms, "error": outcome.error,
            }));
            match status {
                DependencyStatus::Connected => info!(log, "Dependency changed"; "context" => change),
                _ => warn!(log, "Dependency changed"; "context" => change),
            }
        }
        // Whoever has asked for a check while this one ran is answered by it.
        let _ = self.wanted.notified().now_or_never();
        self.report.send_modify(|report| {
            let now = OffsetDateTime::now_utc();
            *report = Report {
                healthy: status == DependencyStatus::Connected,
                status,
                response_time_ms: Some(response_time_ms),
                checked_at: Some(now),
                since: if status == before { report.since } else { now },
                error: outcome.error,
                cause: outcome.cause,
            };
        });
    }
}

/// The series of the checks of a service outside.
pub(super) fn calls(dependency: Dependency) -> Option<Calls> {
    match dependency {
        Dependency::Database => None,
        Dependency::Email => Some(Calls::new(ExternalService::Email, metrics::HEALTH)),
        Dependency::Analytics => Some(Calls::new(ExternalService::Analytics, metrics::HEALTH)),
    }
}

/// An error with its causes, as it is shown: on one line, of bounded length, without addresses and passwords.
fn in_words(cause: &Cause) -> String {
    let mut text = String::new();
    for message in chain_in_words(&**cause).take(MAX_CAUSES) {
        // Some errors repeat their cause in their own message.
        if !text.contains(&message) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&message);
        }
    }
    redact(&text, MAX_ERROR_BYTES).into()
}

/// The kind of a failure of the database.
fn kind_of(cause: &Cause) -> Option<&'static str> {
    cause.downcast_ref().and_then(Error::database_kind).map(DbErrorKind::as_str)
}

/// A tenth more or less, so that instances started together do not check together.
fn with_jitter(pause: Duration) -> Duration {
    let random = f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX);
    pause.mul_f64(0.9 + 0.2 * random)
}

#[cfg(test)]
mod tests;
