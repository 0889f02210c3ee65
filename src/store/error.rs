//! From what drivers and pools say to [`Error::Database`]: which kind of failure, of which database, and what to do.

mod judgement;
mod sqlite;
pub(crate) mod sqlstate;
mod transport;
mod verdict;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{PoolError, TimeoutType};
use diesel::ConnectionError;
use diesel::result::{DatabaseErrorKind, Error as QueryError};
use diesel_async::pooled_connection::PoolError as SetupError;

pub(crate) use self::verdict::Session;
use self::verdict::Verdict;
use crate::error::{Cause, DbErrorKind, Error};
use crate::telemetry::metrics;

/// The failure of one database: its name and what to do, with what the driver said as its source.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    session: Session,
    source: Option<Cause>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

/// The database that errors are about: `SQLite database /var/lib/neodyme/neodyme.db`.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    name: Arc<str>,
    file: Option<Arc<Path>>,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Origin {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.into(), file: None }
    }

    /// A database that is a file.
    pub(crate) fn of_file(path: &Path) -> Self {
        let name = format!("SQLite database {}", path.display());
        Self { name: name.into(), file: Some(path.into()) }
    }

    /// A failure found here, not by the driver.
    pub(crate) fn fail(&self, kind: DbErrorKind, what: impl fmt::Display, source: Option<Cause>) -> Error {
        self.failed(kind, what, Session::Usable, source)
    }

    /// A transaction went away without a word of how it ended.
    pub(super) fn abandoned(&self) -> Error {
        self.fail(DbErrorKind::Connection, "the transaction was abandoned", None)
    }

    /// A statement failed.
    pub(crate) fn query_failed(&self, error: QueryError) -> Error {
        let Verdict { kind, remedy, session } = judgement::of_query(&error, self.file.as_deref());
        self.failed(kind, remedy, session, Some(Box::new(error)))
    }

    /// A connection could not be opened.
    pub(crate) fn connect_failed(&self, error: ConnectionError) -> Error {
        let Verdict { kind, remedy, session } = judgement::of_connection(&error, self.file.as_deref());
        self.failed(kind, remedy, session, Some(Box::new(error)))
    }

    /// Something failed at a file.
    pub(crate) fn file_failed(&self, what: impl fmt::Display, error: io::Error) -> Error {
        let kind = sqlite::judge_file(&error);
        match sqlite::lack_of_descriptors(&error) {
            Some(remedy) => self.fail(kind, remedy, Some(Box::new(error))),
            None => self.fail(kind, what, Some(Box::new(error))),
        }
    }

    /// The schema could not be brought up to date, or is newer than this version of neodyme.
    pub(crate) fn migration_failed(&self, error: Cause) -> Error {
        let Verdict { kind, .. } = judgement::of_migration(&error.to_string(), self.file.as_deref());
        self.fail(kind, "cannot migrate", Some(error))
    }

    /// The pool gave no connection.
    pub(crate) fn acquire_failed(&self, error: PoolError<SetupError>) -> Error {
        match error {
            PoolError::Backend(SetupError::ConnectionError(error)) => self.connect_failed(error),
            PoolError::Backend(SetupError::QueryError(error)) => self.query_failed(error),
            PoolError::Timeout(TimeoutType::Wait) => {
                self.fail(DbErrorKind::PoolExhausted, "all connections were busy for database_acquire_timeout", None)
            }
            other => self.fail(DbErrorKind::Connection, "no connection", Some(Box::new(other))),
        }
    }

    /// The database did not answer at all.
    pub(crate) fn silent(&self, limit: Duration) -> Error {
        let what = format_args!("no answer within {limit:?}");
        self.failed(DbErrorKind::Timeout, what, Session::AllSpent, None)
    }

    fn failed(&self, kind: DbErrorKind, what: impl fmt::Display, session: Session, source: Option<Cause>) -> Error {
        metrics::db_error(kind);
        let message = format!("{self}: {what}");
        Error::Database { kind, cause: Arc::new(Failure { message, session, source }) }
    }
}

/// The same failure, for another who is affected. It is counted once.
pub(crate) fn copy(error: &Error) -> Error {
    match error {
        Error::Database { kind, cause } => Error::Database { kind: *kind, cause: Arc::clone(cause) },
        other => Error::Database { kind: DbErrorKind::Other, cause: Cause::from(other.to_string()).into() },
    }
}

/// The connection was lost while a transaction was committed.
#[derive(Debug)]
struct OutcomeUnknown(Arc<dyn std::error::Error + Send + Sync>);

impl fmt::Display for OutcomeUnknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is not known whether the transaction was committed")
    }
}

impl std::error::Error for OutcomeUnknown {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}

/// The one place that says what a failed commit means: where the connection broke, or there was no answer, the database may
/// have committed. Any other failure is its word that it has not.
pub(crate) fn with_unknown_outcome(error: Error) -> Error {
    match error {
        Error::Database { kind: kind @ (DbErrorKind::Connection | DbErrorKind::Timeout), cause }
            if !is_answered(&cause) =>
        {
            Error::Database { kind, cause: Arc::new(OutcomeUnknown(cause)) }
        }
        other => other,
    }
}

/// Whether the server itself said that the statement failed, and not that it is about to go.
fn is_answered(cause: &Arc<dyn std::error::Error + Send + Sync>) -> bool {
    let query_error = std::error::Error::source(&**cause).and_then(|source| source.downcast_ref());
    let code = query_error.and_then(sqlstate::code_of);
    code.is_some_and(|code| !code.starts_with("08") && !code.starts_with("57P"))
}

/// Whether this says that the outcome of a transaction is not known.
pub fn is_outcome_unknown(error: &Error) -> bool {
    matches!(error, Error::Database { cause, .. } if cause.is::<OutcomeUnknown>())
}

/// What is left of the connection that this happened on.
pub(crate) fn session_after(error: &Error) -> Session {
    let Error::Database { cause, .. } = error else { return Session::Usable };
    let known = cause.downcast_ref::<OutcomeUnknown>().map_or(cause, |unknown| &unknown.0);
    known.downcast_ref::<Failure>().map_or(Session::Usable, |failure| failure.session)
}

/// PostgreSQL's code for what happened.
pub(crate) fn sqlstate_of(error: &Error) -> Option<&str> {
    let Error::Database { cause, .. } = error else { return None };
    sqlstate::code_of(std::error::Error::source(&**cause)?.downcast_ref()?)
}

/// Does `error` say that a unique key was violated: this constraint of PostgreSQL, or this column of SQLite?
pub(crate) fn is_unique_violation(error: &Error, constraint: &str, column: &str) -> bool {
    let Error::Database { cause, .. } = error else { return false };
    let query_error = std::error::Error::source(&**cause).and_then(|source| source.downcast_ref::<QueryError>());
    let Some(QueryError::DatabaseError(DatabaseErrorKind::UniqueViolation, said)) = query_error else { return false };
    match said.constraint_name() {
        Some(name) => name == constraint,
        None => said.message().strip_prefix("UNIQUE constraint failed: ") == Some(column),
    }
}
