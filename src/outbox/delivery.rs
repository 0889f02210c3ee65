//! One attempt at a job: made, timed, counted and logged in one place, under the ids of the request that caused it.

use std::time::{Duration, Instant};

use serde::Serialize;
use slog::{Logger, info, o, warn};

use super::{Failure, Job, Outbox, Reason, Receipt, Topic};
use crate::error::ErrorCode;
use crate::telemetry::errors::{self, Occurrence};
use crate::telemetry::logging::{Exception, LoggerName, Loggers, context};
use crate::telemetry::metrics::{self, CallInFlight, CallOutcome, Operation};
use crate::values::timestamp::millis;

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

impl Topic {
    /// The call that a job of this topic is.
    pub(super) const fn operation(self) -> Operation {
        match self {
            Topic::WelcomeEmail => Operation::SendWelcome,
            Topic::AnalyticsEvent => Operation::TrackRegistration,
        }
    }

    const fn error_code(self) -> ErrorCode {
        match self {
            Topic::WelcomeEmail => ErrorCode::EmailServiceError,
            Topic::AnalyticsEvent => ErrorCode::AnalyticsServiceError,
        }
    }

    const fn failure_line(self) -> &'static str {
        match self {
            Topic::WelcomeEmail => "Welcome email failed but registration continues",
            Topic::AnalyticsEvent => "Analytics event failed but registration continues",
        }
    }
}

impl Outbox {
    /// Makes one attempt.
    pub(super) async fn deliver(&self, job: &Job, loggers: &Loggers) -> Result<Receipt, Failure> {
        let operation = job.topic.operation();
        let began = Instant::now();
        let in_flight = CallInFlight::enter(operation.service());
        let result = match (job.topic, &self.analytics) {
            (Topic::WelcomeEmail, _) => self.mailer.send_welcome(job).await,
            (Topic::AnalyticsEvent, Some(analytics)) => analytics.track(job).await,
            (Topic::AnalyticsEvent, None) => Err(switched_off()),
        };
        drop(in_flight);
        let took = began.elapsed();
        metrics::external_call(operation, outcome_of(&result), took);
        if let Err(failure) = &result {
            record(job, failure);
        }
        log_call(&logger(job, loggers), job, &result, took);
        result
    }
}

fn record(job: &Job, failure: &Failure) {
    errors::record(&Occurrence {
        subject: job.user_id.map(|id| id.to_string()).as_deref(),
        user_id: job.user_id,
        request_id: Some(&job.request_id),
        trace_id: Some(job.trace_id()),
        step: Some(job.topic.as_str()),
        ..Occurrence::of(error_code(job.topic, failure), failure, "outbox")
    });
}

/// A logger under the ids of the request that caused the job.
pub(super) fn logger(job: &Job, loggers: &Loggers) -> Logger {
    loggers.get(LoggerName::ExternalServices).new(o!(
        "user_id" => job.user_id.map(|id| id.to_string()),
        "trace_id" => job.trace_id().to_owned(),
        "request_id" => job.request_id.clone(),
    ))
}

fn log_call(log: &Logger, job: &Job, result: &Result<Receipt, Failure>, took: Duration) {
    let operation = job.topic.operation();
    let failure = result.as_ref().err();
    let job_id = job.id.to_string();
    let call = Call {
        service: operation.service().as_str(),
        operation: operation.as_str(),
        duration_ms: millis(took),
        success: failure.is_none(),
        attempt: job.attempt,
        job_id: &job_id,
        reply_code: result.as_ref().map_or_else(|failure| failure.code, |receipt| receipt.code),
        reason: failure.map(|failure| failure.reason.as_str()),
    };
    info!(log, "External service call: {}.{}", operation.service().as_str(), operation.as_str();
        "context" => context(&call));
    if let Some(failure) = failure {
        let code = error_code(job.topic, failure);
        warn!(log, "{}", job.topic.failure_line();
            "exception" => Exception::named(code.as_str(), failure), "context" => context(&call));
    }
}

fn outcome_of(result: &Result<Receipt, Failure>) -> CallOutcome {
    match result {
        Ok(_) => CallOutcome::Success,
        Err(Failure { reason: Reason::Timeout, .. }) => CallOutcome::Timeout,
        Err(_) => CallOutcome::Error,
    }
}

/// A job that cannot be read is the outbox's fault, and not that of the service.
fn error_code(topic: Topic, failure: &Failure) -> ErrorCode {
    if failure.reason == Reason::Payload { ErrorCode::OutboxError } else { topic.error_code() }
}

/// Events of the time when there was an analytics service wait for it to be switched on again.
fn switched_off() -> Failure {
    Failure {
        reason: Reason::Connect,
        permanent: false,
        service_down: true,
        code: None,
        retry_after: None,
        remedy: None,
        cause: "analytics_base_url is not set".into(),
    }
}
