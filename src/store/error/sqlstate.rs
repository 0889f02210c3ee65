//! What PostgreSQL says: a code that is the same in every language.
//! <https://www.postgresql.org/docs/current/errcodes-appendix.html>

use std::io;

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as QueryError};
use tokio_postgres::error::SqlState;

use super::verdict::{Session, Verdict};
use crate::error::{DbErrorKind, chain_in_words};

/// What a server said. diesel has no place for the code: it begins the message, which is of use to its reader, too.
#[derive(Debug)]
struct ServerError {
    message: String,
    constraint: Option<String>,
}

const CODE: &str = "SQLSTATE ";

impl ServerError {
    fn new(code: &SqlState, message: &str) -> Self {
        Self { message: format!("{CODE}{}: {message}", code.code()), constraint: None }
    }
}

// No details: they repeat values.
impl DatabaseErrorInformation for ServerError {
    fn message(&self) -> &str {
        &self.message
    }

    fn constraint_name(&self) -> Option<&str> {
        self.constraint.as_deref()
    }

    fn details(&self) -> Option<&str> {
        None
    }

    fn hint(&self) -> Option<&str> {
        None
    }

    fn table_name(&self) -> Option<&str> {
        None
    }

    fn column_name(&self) -> Option<&str> {
        None
    }

    fn statement_position(&self) -> Option<i32> {
        None
    }
}

/// The driver's error as diesel's.
pub(in crate::store) fn from_driver(error: tokio_postgres::Error) -> QueryError {
    if let Some(said) = error.as_db_error() {
        let kind = match *said.code() {
            SqlState::UNIQUE_VIOLATION => DatabaseErrorKind::UniqueViolation,
            _ => DatabaseErrorKind::Unknown,
        };
        let constraint = said.constraint().map(str::to_owned);
        let said = ServerError { constraint, ..ServerError::new(said.code(), said.message()) };
        return QueryError::DatabaseError(kind, Box::new(said));
    }
    if is_wrong_server(&error) {
        let said = ServerError::new(&SqlState::READ_ONLY_SQL_TRANSACTION, &in_full(&error));
        return QueryError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(said));
    }
    QueryError::DatabaseError(DatabaseErrorKind::UnableToSendCommand, Box::new(in_full(&error)))
}

/// The driver's own way to say that a server is not what `target_session_attrs` asks for.
fn is_wrong_server(error: &tokio_postgres::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::PermissionDenied && cause.raw_os_error().is_none())
}

/// An error with its causes, which this driver's messages lack.
fn in_full(error: &tokio_postgres::Error) -> String {
    chain_in_words(error).collect::<Vec<_>>().join(": ")
}

/// The server's code, if it said anything.
pub(in crate::store) fn code_of(error: &QueryError) -> Option<&str> {
    match error {
        QueryError::DatabaseError(_, said) => code_in(said.message()),
        _ => None,
    }
}

/// The code in words that quote a server.
pub(super) fn code_in(words: &str) -> Option<&str> {
    words.split_once(CODE)?.1.split(':').next()
}

/// What to think of a code.
pub(super) fn judge(code: &str) -> Verdict {
    let known = TABLE.iter().find(|(codes, ..)| codes.split(' ').any(|known| code.starts_with(known)));
    let &(_, kind, session, remedy) = known.unwrap_or(&OTHER);
    Verdict { kind, remedy, session }
}

type Line = (&'static str, DbErrorKind, Session, &'static str);

const OTHER: Line = ("", DbErrorKind::Other, Session::Usable, "a statement failed");

/// Codes, or their beginnings; the first that fits.
const TABLE: &[Line] = {
    use DbErrorKind::*;
    use Session::*;
    &[
        ("25006", ReadOnly, AllSpent, "it accepts no writes: a standby, or a server that is set to read-only"),
        ("57P01 57P02 57P03", Connection, AllSpent, "the server is starting or stopping"),
        ("57P04 57P05 25P03", Connection, Spent, "the server closed the session"),
        (
            "08P01",
            Connection,
            AllSpent,
            "the server or a connection pooler refuses what it was asked; see PgBouncer in docs/DATABASE.md",
        ),
        ("08 40003", Connection, AllSpent, "the connection broke"),
        (
            "26000 42P05",
            Connection,
            AllSpent,
            "a connection pooler mixes sessions up; see PgBouncer in docs/DATABASE.md",
        ),
        ("25", Other, Spent, "the session is in a state that it should not be in"),
        ("0A000", Other, Spent, "the server cannot do this"),
        ("57014", Timeout, Usable, "a statement took longer than database_query_timeout"),
        (
            "55P03",
            Lock,
            Usable,
            "another transaction holds a lock; find it as docs/runbooks/NeodymeCriticalError.md says",
        ),
        ("40P01", Deadlock, Usable, "a deadlock; try again"),
        ("40", Serialization, Usable, "concurrent transactions; try again"),
        ("23", Constraint, Usable, "a constraint refused the change"),
        (
            "42501",
            Permission,
            Usable,
            "a right is missing; see Migrations in docs/DATABASE.md for those that are needed",
        ),
        (
            "28",
            Refused,
            Spent,
            "it refuses this user; check user, password and sslmode in database_url, and its pg_hba.conf",
        ),
        ("3D000", Refused, Spent, "there is no such database; create it, or check database_url"),
        ("53100", DiskFull, Usable, "its disk is full; free some space there"),
        (
            "53300",
            ConnectionsExhausted,
            Spent,
            "raise its max_connections, or the CONNECTION LIMIT of the role or the database, or lower database_pool_size",
        ),
        ("53 54", Resources, Usable, "the server is out of a resource"),
        ("XX001 XX002", Damaged, Usable, "its data are damaged; look at the server's log, restore a backup"),
        ("58", Other, Usable, "the server cannot read or write its disk; look at its log"),
        ("42P01 42703 42883 3F000", Schema, Usable, "a table or a part of one is missing; run `neodyme migrate`"),
        ("42P07 42701 42710", Schema, Usable, "a table is there already that a migration creates"),
        ("22021 22P05", Unsuitable, Usable, "its encoding cannot hold this text; neodyme wants UTF8"),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_in_any_language() {
        let said = ServerError::new(
            &SqlState::READ_ONLY_SQL_TRANSACTION,
            "INSERT ist in einer Read-Only-Transaktion nicht möglich",
        );
        let error = QueryError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(said));
        assert_eq!(code_of(&error), Some("25006"));
        assert_eq!(code_of(&QueryError::NotFound), None);
    }

    #[test]
    fn the_nearest_line_counts() {
        for (code, kind, session) in [
            ("25006", DbErrorKind::ReadOnly, Session::AllSpent),
            ("25P02", DbErrorKind::Other, Session::Spent),
            ("57P01", DbErrorKind::Connection, Session::AllSpent),
            ("57014", DbErrorKind::Timeout, Session::Usable),
            ("08006", DbErrorKind::Connection, Session::AllSpent),
            ("40001", DbErrorKind::Serialization, Session::Usable),
            ("23505", DbErrorKind::Constraint, Session::Usable),
            ("28P01", DbErrorKind::Refused, Session::Spent),
            ("53100", DbErrorKind::DiskFull, Session::Usable),
            ("53200", DbErrorKind::Resources, Session::Usable),
            ("99999", DbErrorKind::Other, Session::Usable),
        ] {
            let verdict = judge(code);
            assert_eq!((verdict.kind, verdict.session), (kind, session), "{code}");
        }
    }
}
