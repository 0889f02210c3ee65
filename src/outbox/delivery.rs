//! One attempt at a job: made, timed, counted and logged in one place, under the ids of the request that caused it.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use serde::Serialize;
use serde_json::json;
use slog::{Logger, o};
use tokio::time::timeout;

use super::station::Station;
use crate::error::ErrorCode;
use crate::telemetry::errors::{self, Occurrence};
use crate::telemetry::logging::{Exception, LoggerName, Loggers, context, info, warn};
use crate::telemetry::metrics::{self, CallOutcome};
use crate::values::job::{Effect, Failure, Job, Reason, Receipt};
use crate::values::timestamp::millis;

/// No answer is waited for longer; topics have limits of their own, which are shorter.
const LONGEST_ANSWER: Duration = Duration::from_secs(2 * 3600);

#[derive(Serialize)]
struct Call<'a> {
    service: &'static str,
    operation: &'static str,
    duration_ms: f64,
    success: bool,
    attempt: u32,
    job_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

impl Station {
    /// Makes one attempt, which has this long; one that has said everything, and waits for the answer, has more.
    pub(super) async fn deliver(&self, job: &Job, limit: Duration, loggers: &Loggers) -> Result<Receipt, Failure> {
        let began = Instant::now();
        let in_flight = self.calls.enter();
        let mut attempt = pin!(AssertUnwindSafe(self.topic.deliver(job)).catch_unwind());
        let mut attempt_ended = timeout(limit, &mut attempt).await;
        if attempt_ended.is_err() && job.handed_over.since().is_some() {
            attempt_ended = timeout(LONGEST_ANSWER, attempt).await;
        }
        let result = match attempt_ended {
            Ok(Ok(result)) => result,
            // The service was not asked, for all that is known.
            Ok(Err(_panic)) => Err(Failure::new(Reason::Payload, Effect::RetryJob, "the delivery panicked")),
            Err(_) => Err(Failure::new(Reason::Timeout, Effect::RetryJob, "the delivery did not end")),
        };
        drop(in_flight);
        if result.is_err() && job.handed_over.since().is_some() {
            metrics::mail_perhaps_sent();
        }
        // Whoever had nothing to ask for has said so, and why.
        if result.as_ref().is_ok_and(|receipt| receipt.withheld.is_some()) {
            return result;
        }
        let took = began.elapsed();
        self.calls.ended(outcome_of(&result), took);
        if let Err(failure) = &result {
            self.record(job, failure);
        }
        self.log_call(&logger(job, LoggerName::ExternalServices, loggers), job, &result, took);
        result
    }

    /// An attempt has said everything and waits for its answer for long. It goes on; nobody has to wait for its end to hear
    /// that the service is slow.
    pub(super) fn tell_of_no_answer(&self, job: &Job, waited: Duration, loggers: &Loggers) {
        let why = format!("everything was said, and there is no answer within {waited:?}; it is waited for");
        let failure = Failure::new(Reason::Timeout, Effect::ServiceDown, why);
        self.record(job, &failure);
        let exception = Exception::named(self.error_code(&failure).as_str(), &failure);
        warn!(logger(job, LoggerName::ExternalServices, loggers), "A service does not answer; it is waited for"; "exception" => exception,
            "context" => context(json!({ "topic": job.topic.as_str(), "job_id": job.id, "attempt": job.attempt })));
    }

    fn record(&self, job: &Job, failure: &Failure) {
        errors::record(&Occurrence {
            subject: job.user_id.map(|id| id.to_string()).as_deref(),
            user_id: job.user_id,
            request_id: Some(&job.request_id),
            trace_id: Some(job.trace_id()),
            step: Some(job.topic.as_str()),
            ..Occurrence::of(self.error_code(failure), failure, "outbox")
        });
    }

    fn log_call(&self, log: &Logger, job: &Job, result: &Result<Receipt, Failure>, took: Duration) {
        let (service, operation) = (self.calls.service().as_str(), self.calls.operation());
        let failure = result.as_ref().err();
        let job_id = job.id.to_string();
        let call = Call {
            service,
            operation,
            duration_ms: millis(took),
            success: failure.is_none(),
            attempt: job.attempt,
            job_id: &job_id,
            reply_code: result.as_ref().map_or_else(|failure| failure.code, |receipt| receipt.code),
            reason: failure.map(|failure| failure.reason.as_str()),
        };
        info!(log, "External service call: {}.{}", service, operation; "context" => context(&call));
        if let Some(failure) = failure {
            let exception = Exception::named(self.error_code(failure).as_str(), failure);
            warn!(log, "{}", self.about.failure_line; "exception" => exception, "context" => context(&call));
        }
    }

    /// A job that cannot be read is the outbox's fault, and not that of the service.
    fn error_code(&self, failure: &Failure) -> ErrorCode {
        if failure.reason == Reason::Payload { ErrorCode::OutboxError } else { self.about.error }
    }
}

/// A logger under the ids of the request that caused the job.
pub fn logger(job: &Job, name: LoggerName, loggers: &Loggers) -> Logger {
    loggers.get(name).new(o!(
        "user_id" => job.user_id.map(|id| id.to_string()),
        "trace_id" => job.trace_id().to_owned(),
        "request_id" => job.request_id.clone(),
    ))
}

fn outcome_of(result: &Result<Receipt, Failure>) -> CallOutcome {
    match result {
        Ok(_) => CallOutcome::Success,
        Err(Failure { reason: Reason::Timeout, .. }) => CallOutcome::Timeout,
        Err(_) => CallOutcome::Error,
    }
}
