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

impl SignInEnded<'_> {
    fn outcome(&self) -> SignInOutcome {
        match self.failure {
            None => SignInOutcome::Success,
            Some(Error::LoginDelayed { .. }) => SignInOutcome::Delayed,
            Some(failure) => match failure.code() {
                ErrorCode::InvalidCredentials => SignInOutcome::Wrong,
                ErrorCode::AccountInactive => SignInOutcome::Inactive,
                ErrorCode::PasswordLocked => SignInOutcome::Locked,
                ErrorCode::ServiceOverloaded => SignInOutcome::Overloaded,
                _ => SignInOutcome::Error,
            },
        }
    }

    /// A failure of the service is an error here, with its causes, and not once more where its request ends.
    pub(super) fn is_told_as_error(&self) -> bool {
        self.outcome() == SignInOutcome::Error
    }
}

impl Event for SignInEnded<'_> {
    fn emit(self, log: &Logger) {
        let outcome = self.outcome();
        metrics::sign_in(outcome);
        let SignInEnded { email, client_ip, took, failure } = self;
        let details = context(Details { email, client_ip, duration_ms: millis(took), outcome: outcome.as_str() });
        match failure {
            None => info!(log, "User signed in"; "context" => details),
            Some(failure) if outcome == SignInOutcome::Error => {
                let exception = Exception::named(failure.code().as_str(), failure);
                error!(log, "Sign-in failed"; "exception" => exception, "context" => details);
            }
            Some(_) => warn!(log, "Sign-in refused"; "context" => details),
        }
    }
}
