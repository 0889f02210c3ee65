//! What to think of a failure: its kind, what to do, and whether the connection is of use any more.

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
