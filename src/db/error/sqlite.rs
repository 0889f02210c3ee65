//! What SQLite says. diesel hands on its words and keeps the code; they are English always.
//! <https://www.sqlite.org/rescode.html>

use std::io;

use super::verdict::{Session, TOO_MANY_OF_ALL, TOO_MANY_OF_NEODYME, Verdict};
use crate::error::DbErrorKind;

/// What to think of a message.
pub(super) fn judge(message: &str) -> Option<Verdict> {
    let known = SYMPTOMS.iter().find(|(words, ..)| message.contains(words));
    known.map(|&(_, kind, session, remedy)| Verdict { kind, remedy, session })
}

/// The kind of a failure at the file itself.
pub(super) fn judge_file(error: &io::Error) -> DbErrorKind {
    use io::ErrorKind::{OutOfMemory, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    match error.kind() {
        PermissionDenied => DbErrorKind::Permission,
        ReadOnlyFilesystem => DbErrorKind::ReadOnly,
        StorageFull | QuotaExceeded => DbErrorKind::DiskFull,
        OutOfMemory => DbErrorKind::Resources,
        _ if error.raw_os_error().is_some_and(|code| OUT_OF_DESCRIPTORS.contains(&code)) => DbErrorKind::Resources,
        _ => DbErrorKind::Other,
    }
}

/// EMFILE and ENFILE.
const OUT_OF_DESCRIPTORS: [i32; 2] = [24, 23];

type Line = (&'static str, DbErrorKind, Session, &'static str);

const SYMPTOMS: &[Line] = {
    use DbErrorKind::*;
    use Session::*;
    &[
        (TOO_MANY_OF_NEODYME.0, Resources, Spent, TOO_MANY_OF_NEODYME.1),
        (TOO_MANY_OF_ALL.0, Resources, Spent, TOO_MANY_OF_ALL.1),
        ("is locked", Busy, Usable, "another process holds the lock; find it with `fuser`, or wait"),
        (
            "readonly database",
            ReadOnly,
            AllSpent,
            "it is read-only; make the file, its -wal and -shm files and its folder writable for the user that runs neodyme",
        ),
        ("database or disk is full", DiskFull, Spent, "the disk is full; free some space"),
        (
            "disk I/O error",
            Other,
            AllSpent,
            "the disk cannot be read or written; look at its space and at the system's log",
        ),
        ("image is malformed", Damaged, Spent, "the file is damaged; restore a backup"),
        ("file is not a database", Unsuitable, Spent, "this is another kind of file; check database_url"),
        ("no write-ahead log", Unsuitable, Spent, "put it on a local disk"),
        ("out of memory", Resources, Usable, "the machine is out of memory"),
        (
            "unable to open database file",
            Permission,
            AllSpent,
            "it cannot be opened; it and its folder must be readable and writable for the user that runs neodyme",
        ),
        ("the file is gone", Refused, AllSpent, "put it back; a new one is made at the start"),
        (
            "another file is in its place",
            Refused,
            AllSpent,
            "put the old one back; or stop neodyme, remove the old -wal and -shm files, and start it",
        ),
        ("no such table", Schema, Usable, "a table is missing; run `neodyme migrate`"),
        ("no such column", Schema, Usable, "a column is missing; run `neodyme migrate`"),
        ("already exists", Schema, Usable, "a table is there already that a migration creates"),
    ]
};
