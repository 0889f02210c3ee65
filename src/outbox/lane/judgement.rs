//! What the end of an attempt means: for its service, for its job, for the attempts that come.

use serde_json::json;
use tokio::time::Instant;

use super::{Lane, tell_of_pause};
use crate::clock;
use crate::error::Error;
use crate::outbox::backoff::{random, wait_after};
use crate::outbox::circuit::Circuit;
use crate::outbox::delivery::logger;
use crate::outbox::store::Settlement;
use crate::telemetry::logging::{LoggerName, context, error, info, warn};
use crate::telemetry::metrics::{self, CircuitState};
use crate::values::job::{Effect, Failure, Job, Reason};

impl Lane {
    pub(super) fn note_service(&mut self, job: &Job, failure: Option<&Failure>) {
        let now = Instant::now();
        let was_closed = self.circuit.state() == CircuitState::Closed;
        let (opened, closed) = match failure {
            Some(failure) if failure.reason.needs_an_operator() => (self.circuit.is_misconfigured(now), false),
            Some(Failure { effect: Effect::ServiceDown, .. }) => (self.circuit.failed(now), false),
            // The service is back: it answers, and refuses one that it refused before.
            Some(Failure { effect: Effect::DoubtService, .. })
                if !was_closed && job.attempt > 1 && self.fault != Some(Reason::SenderRefused) =>
            {
                (false, self.circuit.answered())
            }
            // A job that was refused before says nothing about the others, and nothing about whether the service is back.
            Some(Failure { effect: Effect::DoubtService, .. }) if was_closed && job.attempt > 1 => (false, false),
            Some(Failure { effect: Effect::DoubtService, .. }) => (self.circuit.failed(now), false),
            Some(Failure { reason: Reason::Payload, .. }) => {
                self.circuit.unasked();
                (false, false)
            }
            _ => (false, self.circuit.answered()),
        };
        if self.circuit.state() == CircuitState::Closed {
            self.fault = None;
        } else if let Some(failure) = failure.filter(|failure| failure.reason != Reason::Payload) {
            self.fault = fault(failure);
        }
        if let Some(failure) = failure.filter(|_| opened) {
            tell_of_pause(&self.log, self.topic(), self.fault.unwrap_or(failure.reason));
        }
        if closed {
            info!(self.log, "Circuit closed; deliveries resumed"; "context" => context(json!({ "topic": self.topic().as_str() })));
            self.came_back = true;
            self.back_since = Some(now);
        }
        if failure.is_none() && !self.has_delivered {
            self.has_delivered = true;
            self.came_back = true;
        }
        if let Some(pause) = failure.and_then(|failure| failure.retry_after) {
            self.circuit.pause(now + pause.min(self.settings.max_backoff));
        }
    }

    /// Whoever wants nothing any more gets nothing, not even a probe, until an operator says otherwise.
    pub(super) async fn is_switched_off(&mut self) -> Result<bool, Error> {
        let is_off = self.station.topic.is_switched_off().await?;
        if is_off {
            // It does not fail: once it is on again, nobody waits for it to come back.
            self.circuit = Circuit::new();
            self.fault = Some(Reason::Gone);
        } else if self.circuit.state() == CircuitState::Closed {
            self.fault = None;
        }
        Ok(is_off)
    }

    pub(super) fn after_failure(&self, job: &Job, failure: &Failure) -> Settlement {
        let error = failure.in_words();
        if failure.effect == Effect::GiveUp || self.has_failed_for_too_long(job, failure) {
            error!(logger(job, LoggerName::ExternalServices, &self.loggers), "Job given up"; "context" => context(json!({
                "topic": self.topic().as_str(), "job_id": job.id, "attempt": job.attempt, "reason": failure.reason.as_str(),
                "reply_code": failure.code, "error": error })));
            return Settlement::Dead { error };
        }
        let now = clock::now();
        let wait = wait_after(job.attempt, self.settings.max_backoff, random());
        let wait = wait.max(failure.retry_after.unwrap_or_default().min(self.settings.max_backoff));
        let failing_since = (failure.effect != Effect::ServiceDown && self.fault.is_none()).then_some(now);
        Settlement::Retry { run_at: now + wait, error, failing_since, unanswered: job.handed_over.since().is_some() }
    }

    /// A job dies of its age only if it fails for its own sake: the time for which the service was out of order, or refused
    /// everything, is not counted. One that breaks the service each time, while others are delivered, counts from the start.
    fn has_failed_for_too_long(&self, job: &Job, failure: &Failure) -> bool {
        let (since, watched_since) = match failure.effect {
            Effect::ServiceDown => (Some(job.created_at), Some(self.began)),
            _ => (job.failing_since, None),
        };
        let limit = self.settings.retry_for;
        let is_up = self.circuit.state() == CircuitState::Closed;
        let has_been_up = [watched_since, self.back_since].into_iter().flatten().all(|since| since.elapsed() > limit);
        is_up && has_been_up && since.is_some_and(|since| clock::earliest() - since > limit)
    }

    /// A delivery that the end of the process broke off. One that had said everything may have been done.
    pub(super) fn after_abort(&self, job: &Job) -> Settlement {
        if job.handed_over.since().is_none() {
            return Settlement::Return;
        }
        metrics::mail_perhaps_sent();
        let failure = Failure::new(Reason::Timeout, Effect::ServiceDown, "the process ended before the answer came");
        let failure = failure.perhaps_done("it may have been sent");
        let error = failure.in_words();
        warn!(logger(job, LoggerName::ExternalServices, &self.loggers), "A delivery ended without its answer"; "context" => context(json!({
            "topic": self.topic().as_str(), "job_id": job.id, "attempt": job.attempt, "error": error })));
        Settlement::Retry { run_at: clock::now(), error, failing_since: None, unanswered: true }
    }
}

/// What somebody has to mend, if the service is out of order for that.
fn fault(failure: &Failure) -> Option<Reason> {
    match failure.effect {
        // Whoever is refused whomever it writes to.
        Effect::DoubtService => Some(Reason::SenderRefused),
        _ => Some(failure.reason).filter(|reason| reason.needs_an_operator()),
    }
}
