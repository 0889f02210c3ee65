//! Values that are more than a word: the context of a line, and the error it tells of.

use std::error::Error;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use slog::{Key, Record, Serde, Value};

/// How many causes of an error are written.
const CHAIN_LIMIT: usize = 16;

/// A value that is written by the log thread: it crosses by reference count, whatever its size.
#[derive(Debug)]
pub struct Shared<T>(Arc<T>);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Shared(self.0.clone())
    }
}

impl<T: Serialize> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// The details of a line, as one nested object: `info!(log, "Request started"; "context" => context(details))`.
pub fn context<T: Serialize + Send + Sync + 'static>(value: T) -> Serde<Shared<T>> {
    Serde(Shared(Arc::new(value)))
}

/// An error in a line: `error!(log, "…"; "exception" => Exception::of(&error))`.
#[derive(Clone, Debug)]
pub struct Exception(Shared<Parts>);

#[derive(Debug, Serialize)]
struct Parts {
    r#type: &'static str,
    message: String,
    chain: Vec<String>,
}

impl Exception {
    /// The error, its causes, and as `type` the name of its Rust type (`Error` if that is erased).
    pub fn of<E: Error + ?Sized>(error: &E) -> Exception {
        Exception::named(short_type_name::<E>(), error)
    }

    /// The error and its causes, with a `type` that stays the same when the code changes.
    pub fn named<E: Error + ?Sized>(name: &'static str, error: &E) -> Exception {
        let causes = std::iter::successors(error.source(), |&cause| cause.source());
        let chain = causes.take(CHAIN_LIMIT).map(ToString::to_string).collect();
        Exception(Shared(Arc::new(Parts { r#type: name, message: error.to_string(), chain })))
    }
}

impl Value for Exception {
    fn serialize(&self, record: &Record<'_>, key: Key, serializer: &mut dyn slog::Serializer) -> slog::Result {
        Value::serialize(&Serde(self.0.clone()), record, key, serializer)
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
        let written = serde_json::to_value(&Exception::of(&error).0).unwrap();
        let wanted = serde_json::json!({"type": "Outer", "message": "no luck", "chain": ["no luck", "disk on fire"]});
        assert_eq!(written, wanted);
    }

    #[test]
    fn an_erased_error_is_an_error_and_may_be_given_a_name() {
        let error: Box<dyn Error + Send + Sync> = "odd".into();
        assert_eq!(Exception::of(&*error).0.0.r#type, "Error");
        assert_eq!(Exception::named("DATABASE", &*error).0.0.r#type, "DATABASE");
    }
}
