//! Who judges a failure: it depends on who speaks.

use std::path::Path;

use diesel::ConnectionError;
use diesel::result::{DatabaseErrorKind, Error as QueryError};

use super::verdict::{Session, Verdict};
use super::{sqlite, sqlstate, transport};
use crate::error::DbErrorKind;

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
