//! The observation of one registration: attempts, steps, outcomes, and what the log says of them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;
use slog::{error, info, warn};

use crate::accounts::users::NewUser;
use crate::error::{Error, ErrorCode, Result};
use crate::http::Context;
use crate::outbox::NewJob;
use crate::telemetry::logging::{Exception, LoggerName, context};
use crate::telemetry::metrics::{self, ActionOutcome, RegistrationOutcome, Step, StepOutcome, UserAction};
use crate::values::Email;
use crate::values::timestamp::millis;

/// Nobody who wants to register gives up sooner.
const HUNG_UP: Duration = Duration::from_secs(1);

/// One registration, from its begin to its end. Dropped before, it was cancelled by its client, or failed.
pub(super) struct Attempt {
    pub(super) context: Arc<Context>,
    began: Instant,
    email: Option<String>,
    ended: bool,
}

#[derive(Serialize)]
struct Ended {
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    client_ip: IpAddr,
    duration_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_type: Option<&'static str>,
}

#[derive(Serialize)]
struct DatabaseStep {
    operation: &'static str,
    duration_ms: f64,
    result: &'static str,
}

impl Attempt {
    pub(super) fn begin(context: Arc<Context>) -> Self {
        metrics::registration_attempt();
        Attempt { context, began: Instant::now(), email: None, ended: false }
    }

    /// Who registers is known now; before that there is nobody to write of.
    pub(super) fn identify(&mut self, email: &Email, full: bool) {
        let shown = if full { email.expose().to_owned() } else { email.masked() };
        self.context.set_subject(email.key());
        let client_ip = self.context.client_ip;
        info!(self.context.logger(LoggerName::UserService), "User registration started";
            "context" => context(json!({ "email": shown, "client_ip": client_ip })));
        self.email = Some(shown);
    }

    /// Times a step.
    pub(super) async fn step<T>(&self, step: Step, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.context.enter_step(step.as_str());
        let began = Instant::now();
        let result = work.await;
        self.record(step, &result, began.elapsed());
        result
    }

    fn record<T>(&self, step: Step, result: &Result<T>, took: Duration) {
        metrics::registration_step(step, step_outcome(result), took);
        if matches!(step, Step::CheckExisting | Step::CreateUser) {
            let operation = step.as_str();
            let details = DatabaseStep { operation, duration_ms: millis(took), result: word(result) };
            info!(self.context.logger(LoggerName::Db), "Database operation: {}", operation; "context" => context(details));
        }
    }

    /// What follows is on its way.
    pub(super) fn log_queued(&self, jobs: &[NewJob]) {
        let ids: Vec<_> = jobs.iter().map(|job| json!({ "topic": job.topic.as_str(), "job_id": job.id })).collect();
        info!(self.context.logger(LoggerName::UserService), "Registration side effects queued";
            "context" => context(json!({ "jobs": ids })));
    }

    /// The registration ended like this.
    pub(super) fn end(mut self, result: Result<NewUser>) -> Result<NewUser> {
        self.ended = true;
        let outcome = match &result {
            Ok(_) => RegistrationOutcome::Success,
            Err(error) => outcome_of(error.code()),
        };
        self.count(outcome);
        self.log(result.as_ref().err());
        result
    }

    /// The client went away. One that does so at once may have learned from the time alone whether the address is taken.
    fn cancelled(&mut self) {
        self.count(match self.began.elapsed() < HUNG_UP {
            true => RegistrationOutcome::HungUp,
            false => RegistrationOutcome::Cancelled,
        });
        let details = context(Ended {
            email: self.email.take(),
            client_ip: self.context.client_ip,
            duration_ms: millis(self.began.elapsed()),
            error_type: None,
        });
        info!(self.context.logger(LoggerName::UserService), "User registration cancelled"; "context" => details);
    }

    fn count(&self, outcome: RegistrationOutcome) {
        metrics::registration(outcome, self.began.elapsed());
        match outcome {
            RegistrationOutcome::Success => {
                metrics::user_action(UserAction::UserCreated, ActionOutcome::Success);
                metrics::user_action(UserAction::UserRegistered, ActionOutcome::Success);
            }
            RegistrationOutcome::Duplicate => {
                metrics::user_action(UserAction::RegistrationDuplicate, ActionOutcome::Failure);
            }
            _ => metrics::user_action(UserAction::UserRegistered, ActionOutcome::Failure),
        }
    }

    fn log(&mut self, failure: Option<&Error>) {
        let log = self.context.logger(LoggerName::UserService);
        let details = context(Ended {
            email: self.email.take(),
            client_ip: self.context.client_ip,
            duration_ms: millis(self.began.elapsed()),
            error_type: failure.map(|error| error.code().as_str()),
        });
        match failure {
            None => {
                info!(log, "User registration completed successfully"; "context" => details);
                info!(self.context.logger(LoggerName::UserActions), "User action: user_registered");
            }
            Some(failure) if outcome_of(failure.code()) == RegistrationOutcome::Error => {
                let exception = Exception::named(failure.code().as_str(), failure);
                error!(log, "User registration failed"; "exception" => exception, "context" => details);
            }
            Some(_) => warn!(log, "User registration failed"; "context" => details),
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let failure = match (std::thread::panicking(), self.context.is_abandoned()) {
            (true, _) => Error::Panic("while it registered a user".into()),
            (false, true) => Error::Timeout(self.began.elapsed()),
            (false, false) => return self.cancelled(),
        };
        self.count(RegistrationOutcome::Error);
        self.log(Some(&failure));
    }
}

fn outcome_of(code: ErrorCode) -> RegistrationOutcome {
    use ErrorCode::*;
    match code {
        EmailAlreadyExists => RegistrationOutcome::Duplicate,
        RateLimited => RegistrationOutcome::RateLimited,
        ValidationFailed | MalformedJson | UnsupportedMediaType | BodyTooLarge | BodyIncomplete => {
            RegistrationOutcome::Invalid
        }
        _ => RegistrationOutcome::Error,
    }
}

fn step_outcome<T>(result: &Result<T>) -> StepOutcome {
    match result {
        Ok(_) => StepOutcome::Ok,
        Err(error) if outcome_of(error.code()) == RegistrationOutcome::Error => StepOutcome::Error,
        Err(_) => StepOutcome::Refused,
    }
}

/// The result of a database step in a word.
fn word<T>(result: &Result<T>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(Error::EmailAlreadyExists) => "exists",
        Err(_) => "error",
    }
}
