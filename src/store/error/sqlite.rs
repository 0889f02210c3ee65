//! What SQLite says. diesel hands on its words and keeps the code; they are English always.
//! <https://www.sqlite.org/rescode.html>

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::statvfs;

use super::verdict::{Session, TOO_MANY_OF_ALL, TOO_MANY_OF_NEODYME, Verdict};
use crate::error::DbErrorKind;

/// What SQLite says of a file that it cannot open, read or write, whatever the reason.
const SAYS_NO_REASON: [&str; 2] = ["disk I/O error", "unable to open database file"];
/// The files that one connection opens: the database, its `-wal` and its `-shm`.
const FILES_OF_A_CONNECTION: usize = 3;
/// What `-shm` takes at once, which is the largest piece of disk that a connection needs to read.
const LEAST_ROOM: u64 = 32 << 10;

/// What to think of a message about this file.
pub(super) fn judge(message: &str, file: Option<&Path>) -> Option<Verdict> {
    let vague = SAYS_NO_REASON.iter().any(|words| message.contains(words));
    let lack = file.filter(|_| vague).and_then(lack_at);
    let message = lack.as_deref().unwrap_or(message);
    let known = SYMPTOMS.iter().find(|(words, ..)| message.contains(words));
    known.map(|&(_, kind, session, remedy)| Verdict { kind, remedy, session })
}

/// What SQLite lacks at this file, in words of [`SYMPTOMS`]: whoever else opens files lacks it as well.
fn lack_at(file: &Path) -> Option<String> {
    let opened: io::Result<Vec<_>> = (0..FILES_OF_A_CONNECTION).map(|_| File::open("/dev/null")).collect();
    if let Err(error) = opened {
        return Some(error.to_string());
    }
    let disk = statvfs(file.parent()?).ok()?;
    (disk.f_bavail.saturating_mul(disk.f_frsize) < LEAST_ROOM).then(|| FULL.to_owned())
}

/// What to do where a file could not be opened for want of a descriptor.
pub(super) fn lack_of_descriptors(error: &io::Error) -> Option<&'static str> {
    let words = error.to_string();
    let lacks = [TOO_MANY_OF_NEODYME, TOO_MANY_OF_ALL];
    lacks.iter().find(|(symptom, _)| words.contains(symptom)).map(|(_, remedy)| *remedy)
}

/// The kind of a failure at the file itself.
pub(super) fn judge_file(error: &io::Error) -> DbErrorKind {
    use io::ErrorKind::{OutOfMemory, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    match error.kind() {
        PermissionDenied => DbErrorKind::Permission,
        ReadOnlyFilesystem => DbErrorKind::ReadOnly,
        StorageFull | QuotaExceeded => DbErrorKind::DiskFull,
        OutOfMemory => DbErrorKind::Resources,
        _ if lack_of_descriptors(error).is_some() => DbErrorKind::Resources,
        _ => DbErrorKind::Other,
    }
}

const FULL: &str = "database or disk is full";

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
        (FULL, DiskFull, Spent, "the disk is full; free some space"),
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
