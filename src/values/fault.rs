//! Why a value is refused.

use crate::error::FieldError;
use crate::label::labels;

labels! {
    /// What can be wrong with a field, in one word that is stable.
    pub enum FaultCode("code") {
        /// It is not there.
        Missing = "missing",
        /// It is not of the type that it has to be, in JSON.
        Type = "type",
        /// There is no such field.
        Unknown = "unknown",
        /// It is there more than once.
        Repeated = "repeated",
        /// It does not look like what it has to be.
        Format = "format",
        /// It is none of the values that there are.
        Choice = "choice",
        /// It lies outside of what is accepted.
        Range = "range",
        /// It has too few characters, or none.
        TooShort = "too_short",
        /// It has too many characters.
        TooLong = "too_long",
        /// It has characters that cannot be seen and change how the others look.
        ControlCharacters = "control_characters",
        /// It is what it was before.
        Unchanged = "unchanged",
        /// Of an email address: it is kept for a user who can take the change of it back.
        Kept = "kept",
        /// Of a code: it is good for nothing, or not any more.
        Invalid = "invalid",
        /// Of a password that is chosen: it repeats one short piece.
        Repetitive = "repetitive",
        /// Of a password that is chosen: it is among those that are tried first.
        Common = "common",
        /// Of a password that is chosen: it is made of what is known of its owner or the service.
        Personal = "personal",
        /// Of a password that is chosen: it is known from a data breach.
        Breached = "breached",
    }
}

/// Why a value was refused: a stable code and a sentence that never holds the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The name of a [`FaultCode`].
    pub code: &'static str,
    /// The fault in words.
    pub message: String,
    bound: Option<usize>,
}

impl Fault {
    /// A fault with its code and its sentence.
    pub(crate) fn new(code: FaultCode, message: impl Into<String>) -> Self {
        Fault { code: code.as_str(), message: message.into(), bound: None }
    }

    /// The number of characters that the value was held against.
    pub(crate) fn against(self, bound: usize) -> Self {
        Fault { bound: Some(bound), ..self }
    }

    /// The fault as that of a field.
    pub(crate) fn of(self, field: impl Into<String>) -> FieldError {
        FieldError { field: field.into(), code: self.code, message: self.message, bound: self.bound }
    }
}
