//! What happens to a sign-in.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;
use slog::Logger;

use crate::error::{Error, ErrorCode};
use crate::telemetry::Event;
use crate::telemetry::logging::{Exception, context, error, info, warn};
use crate::telemetry::metrics::{self, SignInOutcome};
use crate::values::timestamp::millis;

/// It ended, well or not.
pub(super) struct SignInEnded<'a> {
    /// The address as it is shown.
    pub(super) email: &'a str,
    pub(super) client_ip: IpAddr,
    pub(super) took: Duration,
    pub(super) failure: Option<&'a Error>,
}

#[derive(Serialize)]
struct Details<'a> {
    email: &'a str,
    client_ip: IpAddr,
    duration_ms: f64,
    outcome: &'static str,
}

/// The client went away before it ended.
pub(super) struct SignInCancelled<'a> {
    pub(super) email: &'a str,
    pub(super) client_ip: IpAddr,
    pub(super) took: Duration,
}

/// A password that was to be said again was held against the hash, or was not let.
pub(super) struct ConfirmationEnded<'a> {
    pub(super) client_ip: IpAddr,
    pub(super) failure: Option<&'a Error>,
}

#[derive(Serialize)]
struct Refused {
    client_ip: IpAddr,
    outcome: &'static str,
}

/// How a sign-in ended that failed with this.
pub(super) fn outcome_of(failure: &Error) -> SignInOutcome {
    match (failure, failure.code()) {
        (Error::LoginDelayed { .. }, _) => SignInOutcome::Delayed,
        (_, ErrorCode::InvalidCredentials) => SignInOutcome::Wrong,
        (_, ErrorCode::AccountInactive) => SignInOutcome::Inactive,
        (_, ErrorCode::EmailNotVerified) => SignInOutcome::Unverified,
        (_, ErrorCode::PasswordLocked) => SignInOutcome::Locked,
        (_, ErrorCode::ServiceOverloaded) => SignInOutcome::Overloaded,
        (_, ErrorCode::DatabaseError) => SignInOutcome::Database,
        (_, ErrorCode::AuthenticationFailure) => SignInOutcome::Authentication,
        _ => SignInOutcome::Error,
    }
}

/// A failure of the service is an error here, with its causes, and not once more where its request ends.
pub(super) fn is_told_as_error(outcome: SignInOutcome) -> bool {
    matches!(outcome, SignInOutcome::Database | SignInOutcome::Authentication | SignInOutcome::Error)
}

impl Event for SignInEnded<'_> {
    fn emit(self, log: &Logger) {
        let SignInEnded { email, client_ip, took, failure } = self;
        let outcome = failure.map_or(SignInOutcome::Success, outcome_of);
        metrics::sign_in(outcome, took);
        let details = context(Details { email, client_ip, duration_ms: millis(took), outcome: outcome.as_str() });
        match failure {
            None => info!(log, "User signed in"; "context" => details),
            Some(failure) if is_told_as_error(outcome) => {
                let exception = Exception::named(failure.code().as_str(), failure);
                error!(log, "Sign-in failed"; "exception" => exception, "context" => details);
            }
            Some(_) => warn!(log, "Sign-in refused"; "context" => details),
        }
    }
}

impl Event for ConfirmationEnded<'_> {
    fn emit(self, log: &Logger) {
        let ConfirmationEnded { client_ip, failure } = self;
        let outcome = failure.map_or(SignInOutcome::Success, outcome_of);
        metrics::password_confirmed(outcome);
        // A failure of the service is told where its request ends.
        if failure.is_some() && !is_told_as_error(outcome) {
            let details = context(Refused { client_ip, outcome: outcome.as_str() });
            warn!(log, "Password confirmation refused"; "context" => details);
        }
    }
}

impl Event for SignInCancelled<'_> {
    fn emit(self, log: &Logger) {
        let SignInCancelled { email, client_ip, took } = self;
        let outcome = SignInOutcome::Cancelled;
        metrics::sign_in(outcome, took);
        let details = context(Details { email, client_ip, duration_ms: millis(took), outcome: outcome.as_str() });
        info!(log, "Sign-in cancelled"; "context" => details);
    }
}
