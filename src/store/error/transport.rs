//! What the driver of PostgreSQL says of a connection that could not be had, or broke. Its words are English always.

use super::verdict::{Session, TOO_MANY_OF_ALL, TOO_MANY_OF_NEODYME, Verdict};
use crate::error::DbErrorKind;

/// What to think of a message.
pub(super) fn judge(message: &str) -> Verdict {
    let known = SYMPTOMS.iter().find(|(words, ..)| message.contains(words));
    let &(_, kind, remedy) = known.unwrap_or(&OTHER);
    Verdict { kind, remedy, session: Session::AllSpent }
}

type Line = (&'static str, DbErrorKind, &'static str);

const OTHER: Line = ("", DbErrorKind::Connection, "there is no connection, or it broke");

const SYMPTOMS: &[Line] = {
    use DbErrorKind::*;
    &[
        (TOO_MANY_OF_NEODYME.0, Resources, TOO_MANY_OF_NEODYME.1),
        (TOO_MANY_OF_ALL.0, Resources, TOO_MANY_OF_ALL.1),
        ("performing TLS handshake", Tls, "no trusted TLS; check sslmode and sslrootcert in database_url"),
        ("password missing", Refused, "it wants a password; give one in database_url"),
        ("failed to lookup address", Dns, "its host is not known; check database_url, and the name service"),
        ("timed out", Timeout, "no connection within database_connect_timeout"),
    ]
};
