//! One registration under way, from its begin to its end, whatever that is.

use std::sync::Arc;
use std::time::Instant;

use super::events::{Begun, Identified, Queued, RegistrationCancelled, RegistrationEnded, StepEnded, outcome_of};
use crate::accounts::users::User;
use crate::error::{Error, Result};
use crate::http::Context;
use crate::outbox::NewJob;
use crate::telemetry::Event;
use crate::telemetry::logging::{LoggerName, info};
use crate::telemetry::metrics::{RegistrationOutcome, Step};
use crate::values::Email;

/// One registration. Dropped before its end, it was cancelled by its client, or failed.
pub(super) struct Attempt {
    pub(super) context: Arc<Context>,
    began: Instant,
    /// The address as it is shown.
    email: Option<String>,
    ended: bool,
}

/// A user who is registered.
pub(super) enum Registered {
    /// By this request.
    Now(User),
    /// By the first of those that are the same.
    Before(User),
}

impl Attempt {
    pub(super) fn begin(context: Arc<Context>) -> Self {
        Begun.emit(&context.logger(LoggerName::UserService));
        Attempt { context, began: Instant::now(), email: None, ended: false }
    }

    /// Who registers is known now.
    pub(super) fn identify(&mut self, email: &Email, full: bool) {
        let shown = if full { email.expose().to_owned() } else { email.masked() };
        self.context.set_address(email.key());
        self.emit(Identified { email: &shown, client_ip: self.context.client_ip });
        self.email = Some(shown);
    }

    /// Times a step.
    pub(super) async fn step<T>(&self, step: Step, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.context.enter_step(step.as_str());
        let began = Instant::now();
        let result = work.await;
        let ended = StepEnded { step, failure: result.as_ref().err(), took: began.elapsed() };
        ended.emit(&self.context.logger(LoggerName::Db));
        result
    }

    /// What follows is on its way.
    pub(super) fn queued(&self, jobs: &[NewJob]) {
        self.emit(Queued(jobs));
    }

    /// The registration ended like this.
    pub(super) fn end(mut self, result: Result<Registered>) -> Result<User> {
        self.ended = true;
        let is_repeated = matches!(result, Ok(Registered::Before(_)));
        self.tell_end(is_repeated, result.as_ref().err());
        if matches!(result, Ok(Registered::Now(_))) {
            info!(self.context.logger(LoggerName::UserActions), "User action: user_registered");
        }
        result.map(|(Registered::Now(user) | Registered::Before(user))| user)
    }

    fn tell_end(&self, is_repeated: bool, failure: Option<&Error>) {
        if failure.is_some_and(|failure| outcome_of(failure.code()) == RegistrationOutcome::Error) {
            self.context.error_is_told();
        }
        let (email, client_ip) = (self.email.as_deref(), self.context.client_ip);
        self.emit(RegistrationEnded { email, client_ip, took: self.began.elapsed(), is_repeated, failure });
    }

    fn emit(&self, event: impl Event) {
        event.emit(&self.context.logger(LoggerName::UserService));
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let took = self.began.elapsed();
        match self.context.cut_by("while it registered a user", took) {
            Some(failure) => self.tell_end(false, Some(&failure)),
            None => {
                let (email, client_ip) = (self.email.as_deref(), self.context.client_ip);
                self.emit(RegistrationCancelled { email, client_ip, took });
            }
        }
    }
}
