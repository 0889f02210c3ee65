//! What is wrong, for templates: they have the words for it.

use std::time::Duration;

use serde::Serialize;

use crate::error::{Error, FieldError};
use crate::templates::Length;

/// An address that has an account.
pub(super) const TAKEN: &str = "taken";
/// A password that is another one.
pub(super) const WRONG: &str = "wrong";
/// A link whose code is good for nothing, or not any more.
pub(super) const LINK_INVALID: &str = "link_invalid";
/// An account of an admin, which stays.
pub(super) const ADMIN: &str = "admin";
/// What there is too much of where passwords were wrong.
pub(super) const PASSWORDS: &str = "wrong passwords";

/// What is wrong with a field, or besides the fields.
#[derive(Clone, Serialize)]
pub(super) struct FaultView {
    /// Of a field: the name of a [`FaultCode`](crate::values::FaultCode), or one of those above. Else, the error's.
    pub(super) code: &'static str,
    /// The number of characters that a value was held against.
    pub(super) bound: Option<usize>,
    /// What there is too much of.
    pub(super) what: &'static str,
    /// How long to wait before the next try.
    pub(super) wait: Option<Length>,
    /// The same in English, for templates that have no words for the code.
    pub(super) sentence: String,
}

impl FaultView {
    pub(super) fn new(code: &'static str, sentence: impl Into<String>) -> Self {
        FaultView { code, bound: None, what: "", wait: None, sentence: sentence.into() }
    }

    /// That a link is of no use.
    pub(super) fn link_invalid() -> Self {
        FaultView::new(LINK_INVALID, "The code is wrong, was used before, or is too old.")
    }

    pub(super) fn of_field(fault: &FieldError) -> Self {
        FaultView { bound: fault.bound, ..Self::new(fault.code, format!("It {}.", fault.message)) }
    }

    pub(super) fn of_error(error: &Error) -> Self {
        let what = match error {
            Error::RateLimited { what, .. } => what,
            Error::LoginDelayed { .. } => PASSWORDS,
            _ => "",
        };
        let wait = error.retry_after().map(|seconds| Length::at_least(Duration::from_secs(seconds)));
        FaultView { what, wait, ..Self::new(error.code().as_str(), sentence(&error.detail())) }
    }
}

/// What an error says, as people write it.
fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", rest.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_error_says_becomes_a_sentence() {
        assert_eq!(sentence("the address is wrong"), "The address is wrong.");
        assert_eq!(sentence("Try again later."), "Try again later.");
    }

    #[test]
    fn who_waits_is_told_for_how_long_in_few_digits() {
        let fault = FaultView::of_error(&Error::RateLimited { what: "sign-ins", retry_after: 599 });
        assert_eq!((fault.code, fault.what), ("RATE_LIMITED", "sign-ins"));
        assert_eq!(fault.wait, Some(Length { count: 10, unit: "minute" }));
    }
}
