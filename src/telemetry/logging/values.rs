//! Values that are more than a word: the context of a line, and the error it tells of.

use std::error::Error;

use serde::Serialize;
use slog::{Key, Record, SerdeValue, Value};

use crate::error::chain_in_words;
use crate::redaction::mask_secrets;

/// How many causes of an error are written.
const CHAIN_LIMIT: usize = 16;

/// A value that is written as JSON of its own, and need not outlive the call.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Nested<T>(T);

/// The details of a line, as one nested object: `info!(log, "Request started"; "context" => context(details))`.
pub fn context<T: Serialize>(value: T) -> Nested<T> {
    Nested(value)
}

impl<T: Serialize> Value for Nested<T> {
    fn serialize(&self, _: &Record<'_>, key: Key, serializer: &mut dyn slog::Serializer) -> slog::Result {
        serializer.emit_serde(key, self)
    }
}

impl<T: Serialize> SerdeValue for Nested<T> {
    fn as_serde(&self) -> &dyn erased_serde::Serialize {
        &self.0
    }

    fn to_sendable(&self) -> Box<dyn SerdeValue + Send + 'static> {
        Box::new(Nested(serde_json::to_value(&self.0).unwrap_or_default()))
    }
}

/// An error in a line: `error!(log, "…"; "exception" => Exception::of(&error))`.
#[derive(Debug, Serialize)]
pub struct Exception {
    r#type: &'static str,
    message: String,
    chain: Vec<String>,
}

impl Exception {
    /// The error, its causes, and as `type` the name of its Rust type (`Error` if that is erased).
    pub fn of<E: Error + ?Sized>(error: &E) -> Exception {
        Exception::named(short_type_name::<E>(), error)
    }

    /// The error and its causes, without known secrets, with a `type` that stays the same when the code changes.
    pub fn named<E: Error + ?Sized>(name: &'static str, error: &E) -> Exception {
        let causes = error.source().into_iter().flat_map(chain_in_words);
        let chain = causes.take(CHAIN_LIMIT).map(|cause| mask_secrets(&cause).into_owned()).collect();
        Exception { r#type: name, message: mask_secrets(&error.to_string()).into_owned(), chain }
    }
}

impl Value for Exception {
    fn serialize(&self, _: &Record<'_>, key: Key, serializer: &mut dyn slog::Serializer) -> slog::Result {
        serializer.emit_serde(key, &Nested(self))
    }
}

/// `Error` for `neodyme::error::Error`, `dyn core::error::Error` and `a::Error<b::C>`.
fn short_type_name<T: ?Sized>() -> &'static str {
    let full = std::any::type_name::<T>();
    let plain = full.split(['<', '+']).next().unwrap_or(full).trim_end();
    plain.rsplit("::").next().unwrap_or(plain)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("no luck")]
    struct Outer<T>(#[source] T)
    where
        T: Error + 'static;

    #[test]
    fn an_exception_has_its_type_and_its_chain_of_causes() {
        let error = Outer(Outer(std::io::Error::other("disk on fire")));
        let written = serde_json::to_value(Exception::of(&error)).unwrap();
        let wanted = serde_json::json!({"type": "Outer", "message": "no luck", "chain": ["no luck", "disk on fire"]});
        assert_eq!(written, wanted);
    }

    #[test]
    fn an_erased_error_is_an_error_and_may_be_given_a_name() {
        let error: Box<dyn Error + Send + Sync> = "odd".into();
        assert_eq!(Exception::of(&*error).r#type, "Error");
        assert_eq!(Exception::named("DATABASE", &*error).r#type, "DATABASE");
    }
}
