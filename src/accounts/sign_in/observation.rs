//! One sign-in from its begin to its end, whatever that is.

use std::time::Instant;

use super::events::{SignInCancelled, SignInEnded, is_told_as_error, outcome_of};
use crate::error::Error;
use crate::http::Context;
use crate::telemetry::Event;
use crate::telemetry::logging::LoggerName;

/// One sign-in. Dropped before its end, its client went away, or it took too long, or failed.
pub(super) struct Observation<'a> {
    context: &'a Context,
    began: Instant,
    /// The address as it is shown.
    email: String,
    ended: bool,
}

impl<'a> Observation<'a> {
    pub(super) fn begin(context: &'a Context, email: String) -> Self {
        Observation { context, began: Instant::now(), email, ended: false }
    }

    /// It ended, well or with this.
    pub(super) fn end(mut self, failure: Option<&Error>) {
        self.tell_end(failure);
        self.ended = true;
    }

    fn tell_end(&self, failure: Option<&Error>) {
        if failure.is_some_and(|failure| is_told_as_error(outcome_of(failure))) {
            self.context.error_is_told();
        }
        let (email, client_ip) = (self.email.as_str(), self.context.client_ip);
        self.emit(SignInEnded { email, client_ip, took: self.began.elapsed(), failure });
    }

    fn emit(&self, event: impl Event) {
        event.emit(&self.context.logger(LoggerName::UserService));
    }
}

impl Drop for Observation<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let took = self.began.elapsed();
        match self.context.cut_by("while it signed a user in", took) {
            Some(failure) => self.tell_end(Some(&failure)),
            None => {
                let (email, client_ip) = (self.email.as_str(), self.context.client_ip);
                self.emit(SignInCancelled { email, client_ip, took });
            }
        }
    }
}
