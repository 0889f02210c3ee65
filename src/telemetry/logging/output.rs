//! The log thread's side: lines are written in batches, what cannot be written is counted.

use std::cell::RefCell;
use std::io::{ErrorKind, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use slog::{Drain, Never, OwnedKVList, Record};

use super::queue::{Losses, Pending};
use crate::telemetry::metrics::DropReason;

/// Lines are written when the queue is empty, or at the latest when so many bytes have gathered.
const BATCH_BYTES: usize = 32 * 1024;
/// How long the log thread leaves its queue alone once it has emptied it. A line after silence is written at once; under
/// load, lines gather meanwhile: fewer writes, and callers need not wake a sleeping thread, which costs them the most.
const PAUSE: Duration = Duration::from_millis(20);
/// How often a non-blocking stdout is tried while it takes nothing.
const RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// Writes lines, which come as the messages of records, to `W` on the log thread.
pub(super) struct Output<W: Write> {
    lines: RefCell<Lines<W>>,
    pending: Arc<Pending>,
}

impl<W: Write> Output<W> {
    pub(super) fn new(writer: W, pending: Arc<Pending>, losses: Arc<Losses>) -> Output<W> {
        let lines = Lines { writer, losses, buffer: Vec::with_capacity(BATCH_BYTES / 4), torn: false };
        Output { lines: RefCell::new(lines), pending }
    }
}

impl<W: Write> Drain for Output<W> {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, _: &OwnedKVList) -> Result<(), Never> {
        let last = self.pending.received();
        let mut lines = self.lines.borrow_mut();
        // Writing to memory cannot fail.
        let _ = lines.buffer.write_fmt(*record.msg());
        if last || lines.buffer.len() >= BATCH_BYTES {
            lines.write();
        }
        if last {
            thread::sleep(PAUSE);
        }
        Ok(())
    }
}

/// Whole lines that wait to be written, and where to.
struct Lines<W: Write> {
    writer: W,
    losses: Arc<Losses>,
    buffer: Vec<u8>,
    /// Whether what was written last is a part of a line.
    torn: bool,
}

impl<W: Write> Lines<W> {
    /// Writes what has gathered. Lines that fail are given up, so that a later one never follows on half of another.
    fn write(&mut self) {
        if self.torn && !self.buffer.is_empty() {
            self.buffer.insert(0, b'\n');
        }
        let written = write_most(&mut self.writer, &self.buffer);
        if written > 0 {
            self.torn = self.buffer[written - 1] != b'\n';
        }
        let lost = self.buffer[written..].iter().filter(|byte| **byte == b'\n').count();
        if lost > 0 {
            self.losses.add(DropReason::IoError, lost as u64);
        }
        self.buffer.clear();
    }
}

impl<W: Write> Drop for Lines<W> {
    fn drop(&mut self) {
        self.write();
    }
}

/// Writes until all is written or the writer fails; says how many bytes were taken.
fn write_most(writer: &mut impl Write, bytes: &[u8]) -> usize {
    let mut written = 0;
    while written < bytes.len() {
        match writer.write(&bytes[written..]) {
            Ok(0) => break,
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Another process made the shared stdout non-blocking, and it is full: wait as a blocking one would.
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(RETRY_INTERVAL),
            Err(_) => break,
        }
    }
    written
}
