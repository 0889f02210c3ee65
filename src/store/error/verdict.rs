//! What to think of a failure: its kind, what to do, and whether the connection is of use any more.

use std::path::Path;

use diesel::ConnectionError;
use diesel::result::{DatabaseErrorKind, Error as QueryError};

use super::{sqlite, sqlstate, transport};
use crate::error::DbErrorKind;

/// What is left of a connection after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Session {
    /// It works on.
    Usable,
    /// It is of no use, or in a state that nobody knows.
    Spent,
    /// So are all that are open: they lead to the same place.
    AllSpent,
}

/// What to do about file descriptors (EMFILE, ENFILE).
pub(crate) const TOO_MANY_OF_NEODYME: (&str, &str) =
    ("(os error 24)", "neodyme has used up its file descriptors; raise its limit (`ulimit -n`, LimitNOFILE)");
pub(crate) const TOO_MANY_OF_ALL: (&str, &str) = ("(os error 23)", "the machine has used up its file descriptors");

/// What is thought of a failure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict {
    pub(crate) kind: DbErrorKind,
    /// What to do, for an operator.
    pub(crate) remedy: &'static str,
    pub(crate) session: Session,
}

/// A statement failed; where the database is a file, at this one.
pub(crate) fn of_query(error: &QueryError, file: Option<&Path>) -> Verdict {
    use DatabaseErrorKind::*;
    let failed = Verdict { kind: DbErrorKind::Other, remedy: "a statement failed", session: Session::Usable };
    match (sqlstate::code_of(error), error) {
        (Some(code), _) => sqlstate::judge(code),
        (None, QueryError::DatabaseError(UnableToSendCommand | ClosedConnection, said)) => {
            transport::judge(said.message())
        }
        (
            None,
            QueryError::DatabaseError(
                UniqueViolation | ForeignKeyViolation | NotNullViolation | CheckViolation | RestrictViolation
                | ExclusionViolation,
                _,
            ),
        ) => Verdict { kind: DbErrorKind::Constraint, remedy: "a constraint refused the change", ..failed },
        (None, QueryError::DatabaseError(_, said)) => sqlite::judge(said.message(), file).unwrap_or(failed),
        (None, _) => failed,
    }
}

/// A migration failed: these words quote what the database said.
pub(crate) fn of_migration(words: &str, file: Option<&Path>) -> Verdict {
    let refused = Verdict { kind: DbErrorKind::Unsuitable, remedy: "cannot migrate", session: Session::Spent };
    sqlstate::code_in(words).map(sqlstate::judge).or_else(|| sqlite::judge(words, file)).unwrap_or(refused)
}

/// A connection could not be opened.
pub(crate) fn of_connection(error: &ConnectionError, file: Option<&Path>) -> Verdict {
    let cannot_open = Verdict { kind: DbErrorKind::Other, remedy: "it cannot be opened", session: Session::Spent };
    match error {
        ConnectionError::CouldntSetupConfiguration(error) => of_query(error, file),
        other => sqlite::judge(&other.to_string(), file).unwrap_or(cannot_open),
    }
}
