//! What happens to a registration.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use slog::Logger;

use crate::accounts::new_password;
use crate::error::{Error, ErrorCode};
use crate::outbox::NewJob;
use crate::telemetry::Event;
use crate::telemetry::logging::{Exception, context, error, info};
use crate::telemetry::metrics::{self, ActionOutcome, RegistrationOutcome, Step, StepOutcome, UserAction};
use crate::values::timestamp::millis;

/// Nobody who wants to register gives up sooner.
const HUNG_UP: Duration = Duration::from_secs(1);

/// It begins; nothing is known of it yet.
pub(super) struct Begun;

/// Who registers is known now; before that there is nobody to write of.
pub(super) struct Identified<'a> {
    /// The address as it is shown.
    pub(super) email: &'a str,
    pub(super) client_ip: IpAddr,
}

/// A step ended.
pub(super) struct StepEnded<'a> {
    pub(super) step: Step,
    pub(super) failure: Option<&'a Error>,
    pub(super) took: Duration,
}

/// What follows is on its way.
pub(super) struct Queued<'a>(pub(super) &'a [NewJob]);

/// It ended, well or not.
pub(super) struct RegistrationEnded<'a> {
    pub(super) email: Option<&'a str>,
    pub(super) client_ip: IpAddr,
    pub(super) took: Duration,
    /// Whether there was such a user before.
    pub(super) is_repeated: bool,
    pub(super) failure: Option<&'a Error>,
}

/// The client went away. One that does so at once may have learned from the time alone whether the address is taken.
pub(super) struct RegistrationCancelled<'a> {
    pub(super) email: Option<&'a str>,
    pub(super) client_ip: IpAddr,
    pub(super) took: Duration,
}

#[derive(Serialize)]
struct Details<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    client_ip: IpAddr,
    duration_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_type: Option<&'static str>,
}

impl Event for Begun {
    fn emit(self, _log: &Logger) {
        metrics::registration_attempt();
    }
}

impl Event for Identified<'_> {
    fn emit(self, log: &Logger) {
        let Identified { email, client_ip } = self;
        info!(log, "User registration started"; "context" => context(json!({ "email": email, "client_ip": client_ip })));
    }
}

impl Event for StepEnded<'_> {
    fn emit(self, log: &Logger) {
        let StepEnded { step, failure, took } = self;
        let (outcome, result) = match failure {
            None => (StepOutcome::Ok, "ok"),
            Some(Error::EmailAlreadyExists) => (StepOutcome::Refused, "exists"),
            Some(error) if outcome_of(error.code()) == RegistrationOutcome::Error => (StepOutcome::Error, "error"),
            Some(_) => (StepOutcome::Refused, "error"),
        };
        metrics::registration_step(step, outcome, took);
        if matches!(step, Step::CheckExisting | Step::CreateUser) {
            let operation = step.as_str();
            info!(log, "Database operation: {}", operation; "context" => context(json!({
                "operation": operation, "duration_ms": millis(took), "result": result,
            })));
        }
    }
}

impl Event for Queued<'_> {
    fn emit(self, log: &Logger) {
        let ids: Vec<_> = self.0.iter().map(NewJob::shown).collect();
        info!(log, "Registration side effects queued"; "context" => context(json!({ "jobs": ids })));
    }
}

impl Event for RegistrationEnded<'_> {
    /// A failure of the service is an error here, with its causes, and not once more where its request ends. A refusal is
    /// everyday business.
    fn emit(self, log: &Logger) {
        let RegistrationEnded { email, client_ip, took, is_repeated, failure } = self;
        let outcome = match failure {
            Some(failure) => outcome_of(failure.code()),
            None if is_repeated => RegistrationOutcome::Repeated,
            None => RegistrationOutcome::Success,
        };
        count(outcome, took);
        if let Some(failure) = failure {
            new_password::count_refusals(failure, "password");
        }
        let error_type = failure.map(|failure| failure.code().as_str());
        let details = context(Details { email, client_ip, duration_ms: millis(took), error_type });
        match failure {
            None if is_repeated => info!(log, "User registration repeated"; "context" => details),
            None => info!(log, "User registration completed successfully"; "context" => details),
            Some(failure) if outcome == RegistrationOutcome::Error => {
                let exception = Exception::named(failure.code().as_str(), failure);
                error!(log, "User registration failed"; "exception" => exception, "context" => details);
            }
            Some(_) => info!(log, "User registration failed"; "context" => details),
        }
    }
}

impl Event for RegistrationCancelled<'_> {
    fn emit(self, log: &Logger) {
        let RegistrationCancelled { email, client_ip, took } = self;
        count(if took < HUNG_UP { RegistrationOutcome::HungUp } else { RegistrationOutcome::Cancelled }, took);
        let details = Details { email, client_ip, duration_ms: millis(took), error_type: None };
        info!(log, "User registration cancelled"; "context" => context(details));
    }
}

fn count(outcome: RegistrationOutcome, took: Duration) {
    metrics::registration(outcome, took);
    match outcome {
        RegistrationOutcome::Success => {
            metrics::user_action(UserAction::UserCreated, ActionOutcome::Success);
            metrics::user_action(UserAction::UserRegistered, ActionOutcome::Success);
        }
        RegistrationOutcome::Duplicate => {
            metrics::user_action(UserAction::RegistrationDuplicate, ActionOutcome::Failure);
        }
        RegistrationOutcome::Repeated => {}
        _ => metrics::user_action(UserAction::UserRegistered, ActionOutcome::Failure),
    }
}

/// What a failure makes of a registration.
pub(super) fn outcome_of(code: ErrorCode) -> RegistrationOutcome {
    use ErrorCode::*;
    match code {
        EmailAlreadyExists => RegistrationOutcome::Duplicate,
        RateLimited => RegistrationOutcome::RateLimited,
        ValidationFailed | MalformedJson | UnsupportedMediaType | BodyTooLarge | BodyIncomplete | MalformedRequest
        | IdempotencyKeyReused | PasswordLocked
        // The form of another site.
        | Forbidden => RegistrationOutcome::Invalid,
        _ => RegistrationOutcome::Error,
    }
}
