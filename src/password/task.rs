//! What a worker does for one caller.

use tokio::sync::oneshot;

use super::hash::PasswordHash;
use super::hasher::Hasher;
use super::stored::StoredHash;
use crate::error::{Error, Result};
use crate::telemetry::metrics::HashOperation;
use crate::values::Password;

/// What is to be done, and who waits for it.
pub(super) enum Task {
    /// The hash of a new password.
    Hash { password: Password, answer: oneshot::Sender<Result<PasswordHash>> },
    /// Of which of these a stored hash is.
    Verify { stored: StoredHash, passwords: Vec<Password>, answer: oneshot::Sender<Option<usize>> },
}

/// Tells the caller what came of it.
pub(super) type Answer = Box<dyn FnOnce() + Send>;

impl Task {
    pub(super) fn operation(&self) -> HashOperation {
        match self {
            Task::Hash { .. } => HashOperation::Hash,
            Task::Verify { .. } => HashOperation::Verify,
        }
    }

    /// Whether anybody waits for it.
    pub(super) fn is_wanted(&self) -> bool {
        match self {
            Task::Hash { answer, .. } => !answer.is_closed(),
            Task::Verify { answer, .. } => !answer.is_closed(),
        }
    }

    /// Does it.
    pub(super) fn run(self, hasher: &mut Hasher) -> Answer {
        match self {
            Task::Hash { password, answer } => {
                let hash = hasher.hash(password.expose()).map(PasswordHash::new).map_err(Error::PasswordHash);
                Box::new(move || _ = answer.send(hash))
            }
            Task::Verify { stored, passwords, answer } => {
                let fitting = hasher.fitting(&stored, &passwords);
                Box::new(move || _ = answer.send(fitting))
            }
        }
    }
}
