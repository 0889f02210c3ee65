//! From what drivers and pools say to [`Error::Database`]: which kind of failure, of which database, and what to do.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{PoolError, TimeoutType};
use diesel::ConnectionError;
use diesel::result::{DatabaseErrorKind, Error as QueryError};
use diesel_async::pooled_connection::PoolError as SetupError;

use crate::error::{Cause, DbErrorKind, Error};
use crate::metrics;

/// The failure of one database: its name and what to do, with what the driver said as its source.
#[derive(Debug)]
pub(super) struct Failure {
    message: String,
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
pub(super) struct Origin {
    name: Arc<str>,
    /// The kind of a failure to connect that has no better name.
    unreachable: DbErrorKind,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Origin {
    pub(super) fn new(name: String, unreachable: DbErrorKind) -> Self {
        Self { name: name.into(), unreachable }
    }

    /// A failure found here, not by the driver.
    pub(super) fn fail(&self, kind: DbErrorKind, what: impl fmt::Display, source: Option<Cause>) -> Error {
        metrics::db_error(kind);
        let message = format!("{}: {what}", self.name);
        Error::Database { kind, cause: Arc::new(Failure { message, source }) }
    }

    /// A statement failed.
    pub(super) fn query_failed(&self, error: QueryError) -> Error {
        let (kind, remedy) = classify_query(&error);
        self.fail(kind, remedy, Some(Box::new(error)))
    }

    /// A connection could not be opened.
    pub(super) fn connect_failed(&self, error: ConnectionError) -> Error {
        let (kind, remedy) = classify_message(&error.to_string()).unwrap_or((self.unreachable, "cannot connect"));
        self.fail(kind, remedy, Some(Box::new(error)))
    }

    /// The pool gave no connection.
    pub(super) fn acquire_failed(&self, error: PoolError<SetupError>) -> Error {
        match error {
            PoolError::Backend(SetupError::ConnectionError(error)) => self.connect_failed(error),
            PoolError::Backend(SetupError::QueryError(error)) => self.query_failed(error),
            PoolError::Timeout(TimeoutType::Wait) => {
                self.fail(DbErrorKind::Timeout, "all connections were busy for database_acquire_timeout", None)
            }
            PoolError::Timeout(_) => {
                self.fail(DbErrorKind::Connection, "no connection within database_connect_timeout", None)
            }
            other => self.fail(DbErrorKind::Connection, "no connection", Some(Box::new(other))),
        }
    }

    /// The database did not answer at all.
    pub(super) fn silent(&self, limit: Duration) -> Error {
        self.fail(DbErrorKind::Timeout, format_args!("no answer within {limit:?}"), None)
    }
}

/// The same failure, for another who is affected. It is counted once.
pub(super) fn copy(error: &Error) -> Error {
    match error {
        Error::Database { kind, cause } => Error::Database { kind: *kind, cause: Arc::clone(cause) },
        other => Error::Database { kind: DbErrorKind::Other, cause: Cause::from(other.to_string()).into() },
    }
}

/// Does `error` say that a unique key was violated: this constraint of PostgreSQL, or this column of SQLite?
pub(super) fn is_unique_violation(error: &Error, constraint: &str, column: &str) -> bool {
    let Error::Database { cause, .. } = error else { return false };
    let query_error = std::error::Error::source(&**cause).and_then(|source| source.downcast_ref::<QueryError>());
    let Some(QueryError::DatabaseError(DatabaseErrorKind::UniqueViolation, said)) = query_error else { return false };
    match said.constraint_name() {
        Some(name) => name == constraint,
        None => said.message().strip_prefix("UNIQUE constraint failed: ") == Some(column),
    }
}

fn classify_query(error: &QueryError) -> (DbErrorKind, &'static str) {
    use DatabaseErrorKind::*;
    match error {
        QueryError::DatabaseError(kind, said) => match kind {
            UniqueViolation | ForeignKeyViolation | NotNullViolation | CheckViolation | RestrictViolation
            | ExclusionViolation => (DbErrorKind::Constraint, "a constraint refused the change"),
            SerializationFailure => (DbErrorKind::Serialization, "concurrent transactions; try again"),
            ReadOnlyTransaction => (DbErrorKind::Other, "it accepts no writes; is it a standby?"),
            UnableToSendCommand | ClosedConnection => (DbErrorKind::Connection, "the connection broke"),
            _ => classify_message(said.message()).unwrap_or((DbErrorKind::Other, "a statement failed")),
        },
        _ => (DbErrorKind::Other, "a statement failed"),
    }
}

/// What is known about a message. The drivers below diesel keep the error's code to themselves, so the (English) words
/// have to do; a message in another language is counted as `other`, or `connection` while connecting.
fn classify_message(message: &str) -> Option<(DbErrorKind, &'static str)> {
    SYMPTOMS.iter().find(|(words, ..)| message.contains(words)).map(|&(_, kind, remedy)| (kind, remedy))
}

const SYMPTOMS: &[(&str, DbErrorKind, &str)] = &[
    // SQLite
    ("database is locked", DbErrorKind::Busy, "another process holds the lock; find it with `fuser`, or wait"),
    ("table is locked", DbErrorKind::Busy, "another process holds the lock; find it with `fuser`, or wait"),
    (
        "readonly database",
        DbErrorKind::Other,
        "it is read-only; make the file, its -wal and -shm files and its folder writable for the user that runs neodyme",
    ),
    ("database or disk is full", DbErrorKind::Other, "the disk is full; free some space"),
    ("disk I/O error", DbErrorKind::Other, "the disk cannot be read or written; look at the system's log"),
    ("image is malformed", DbErrorKind::Other, "the file is damaged; restore a backup"),
    ("file is not a database", DbErrorKind::Other, "this is another kind of file; check database_url"),
    (
        "unable to open database file",
        DbErrorKind::Other,
        "it cannot be opened; its folder must exist and, like the file, be writable for the user that runs neodyme",
    ),
    ("no such table", DbErrorKind::Other, "a table is missing; run `neodyme migrate`"),
    // PostgreSQL
    ("due to statement timeout", DbErrorKind::Timeout, "a statement took longer than database_query_timeout"),
    ("due to lock timeout", DbErrorKind::Timeout, "a lock was not to be had in time"),
    ("deadlock detected", DbErrorKind::Deadlock, "a deadlock; try again"),
    ("could not serialize access", DbErrorKind::Serialization, "concurrent transactions; try again"),
    ("terminating connection", DbErrorKind::Connection, "the server closed the connection"),
    ("the database system is", DbErrorKind::Connection, "the server is starting or stopping"),
    ("connection closed", DbErrorKind::Connection, "the connection broke"),
    ("too many clients", DbErrorKind::Connection, "raise its max_connections, or lower database_pool_size"),
    (
        "connection slots are reserved",
        DbErrorKind::Connection,
        "raise its max_connections, or lower database_pool_size",
    ),
    ("password authentication failed", DbErrorKind::Connection, "check user and password in database_url"),
    ("no pg_hba.conf entry", DbErrorKind::Connection, "allow this client in its pg_hba.conf, or check sslmode"),
    (
        "performing TLS handshake",
        DbErrorKind::Connection,
        "no trusted TLS; check sslmode and sslrootcert in database_url",
    ),
    ("relation \"", DbErrorKind::Other, "a table is missing, or there already; run `neodyme migrate`"),
];
