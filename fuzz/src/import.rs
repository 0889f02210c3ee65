//! A file of users from another service.

use std::io;

use futures_util::FutureExt;
use neodyme::accounts::import::{Import, Tally, Target, Watcher};
use neodyme::error::Error;

/// Counts what it is told.
#[derive(Default)]
struct Counts {
    refused: u64,
    bytes: u64,
}

impl Watcher for &mut Counts {
    fn refused(&mut self, _: u64, why: &Error, line: &[u8]) -> io::Result<()> {
        assert!(!line.is_empty() && !line.contains(&b'\n'));
        assert!(
            matches!(why, Error::Validation(_) | Error::MalformedJson { .. } | Error::BodyTooLarge { .. }),
            "{why}"
        );
        self.refused += 1;
        Ok(())
    }

    fn done(&mut self, _: &Tally, bytes: u64) {
        self.bytes += bytes;
    }
}

/// Each line is a user, refused, or empty, and all of the file is read.
pub fn check(input: &[u8]) {
    let mut counts = Counts::default();
    let mut import = Import::new(input, Target::Nowhere, &mut counts);
    import.run(1).now_or_never().expect("nothing is waited for").expect("it can be read");
    let Tally { lines, added, existing, refused } = import.tally();
    drop(import);
    assert_eq!(lines, input.split_inclusive(|byte| *byte == b'\n').count() as u64);
    assert_eq!((refused, existing, counts.bytes), (counts.refused, 0, input.len() as u64));
    assert!(added + refused <= lines);
}
