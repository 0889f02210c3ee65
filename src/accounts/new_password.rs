//! A password that somebody chooses, at a registration or instead of another one.

use crate::error::{Error, FieldError, Result};
use crate::http::Context;
use crate::label;
use crate::state::App;
use crate::telemetry::logging::LoggerName;
use crate::telemetry::metrics::{self, PasswordRefusal};
use crate::values::NewPassword;

/// Refuses one that is known from data breaches, where somebody is asked. What is wrong with the form itself is to be said before.
///
/// # Errors
/// [`Error::Validation`] with the fault of this field.
pub(super) async fn check_breaches(app: &App, context: &Context, password: &NewPassword, field: &str) -> Result<()> {
    let Some(breaches) = &app.breaches else { return Ok(()) };
    let log = context.logger(LoggerName::ExternalServices);
    let checked = breaches.check(password.as_password(), &log).await;
    checked.map_err(|fault| Error::Validation(vec![fault.of(field)]))
}

/// Counts what the policy has against the password in this field.
pub(super) fn count_refusals(failure: &Error, field: &str) {
    let Error::Validation(faults) = failure else { return };
    let refusal = |fault: &FieldError| label::parse::<PasswordRefusal>(fault.code).filter(|_| fault.field == field);
    faults.iter().filter_map(refusal).for_each(metrics::password_refused);
}
