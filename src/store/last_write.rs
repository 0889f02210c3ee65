//! What the last write says of the next one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{DbErrorKind, Error, Result};

/// When rows were last written, unless it has failed since.
#[derive(Clone, Debug, Default)]
pub struct LastWrite(Arc<Mutex<Option<Instant>>>);

impl LastWrite {
    /// What came of a write. A refused change says nothing of the database.
    pub(super) fn note<T>(&self, outcome: &Result<T>) {
        let written = match outcome {
            Ok(_) => Some(Instant::now()),
            Err(Error::Database { kind, .. }) if *kind != DbErrorKind::Constraint => None,
            Err(_) => return,
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = written;
    }

    pub(super) fn was_within(&self, time: Duration) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|written| written.elapsed() < time)
    }
}
