//! A wall clock that a test sets while an app runs.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::options::AppOptions;

/// libfaketime's: it changes what a process is told of the time, and leaves the clocks that nobody can set.
pub struct FakeClock {
    folder: TempDir,
}

impl FakeClock {
    /// One that is right.
    pub fn new() -> FakeClock {
        let clock = FakeClock { folder: tempfile::tempdir().unwrap() };
        clock.set_ahead(0);
        clock
    }

    /// From a second on it is so many seconds ahead; behind, if negative.
    pub fn set_ahead(&self, seconds: i64) {
        let new = self.folder.path().join("new");
        fs::write(&new, format!("{seconds:+}")).unwrap();
        fs::rename(new, self.file()).unwrap();
    }

    /// With it, an app is started.
    pub fn give_to(&self, options: AppOptions) -> AppOptions {
        options
            .variable("LD_PRELOAD", library().display())
            .variable("FAKETIME_TIMESTAMP_FILE", self.file().display())
            .variable("FAKETIME_CACHE_DURATION", 1)
            .variable("FAKETIME_DONT_FAKE_MONOTONIC", 1)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }
}

/// Where Debian puts it.
fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let libraries = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1"));
    libraries.into_iter().find(|path| path.is_file()).expect("libfaketime is not installed: run `make deps`")
}
