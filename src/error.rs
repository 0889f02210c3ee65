//! The one error of the service: what failed, under which stable code, with which HTTP status.
//!
//! An [`Error`] is logged and counted once, at the boundary, with its whole chain of causes; a response carries only its
//! code, its title and a detail that is safe to show.

use http::StatusCode;

/// Where a database failure comes from; the `kind` label of `neodyme_db_errors_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DbErrorKind {
    /// No connection could be had, or it broke.
    Connection,
    /// The pool, or a statement, took longer than its limit.
    Timeout,
    /// A constraint refused the change.
    Constraint,
    /// The database chose this transaction as the victim of a deadlock.
    Deadlock,
    /// Serialization failure of concurrent transactions.
    Serialization,
    /// SQLite: another process holds the write lock.
    Busy,
    /// Anything else.
    Other,
}

/// A cause that is kept for the log.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Everything that can go wrong while the service runs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error("the database failed ({kind:?})")]
    Database {
        /// Where the failure comes from.
        kind: DbErrorKind,
        /// What the driver said.
        #[source]
        cause: Cause,
    },
    /// The address is registered already.
    #[error("this email address is registered already")]
    EmailAlreadyExists,
}

/// The result of anything that can fail at run time.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        match self {
            Error::Database { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Error::EmailAlreadyExists => StatusCode::CONFLICT,
        }
    }
}
