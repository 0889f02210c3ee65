//! The log thread's side: records become lines, lines are written in batches, what cannot be written is counted.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use slog::{Drain, Never, OwnedKVList, Record, o};

use super::clock::Clock;
use super::line::write_json;
use super::queue::{Losses, Pending};
use super::terminal::Terminal;
use crate::metrics::DropReason;

/// Lines are written when the queue is empty, or at the latest when so many bytes have gathered.
const BATCH_BYTES: usize = 32 * 1024;
/// How long the log thread leaves its queue alone once it has emptied it. A line after silence is written at once; under
/// load, lines gather meanwhile: fewer writes, and callers need not wake a sleeping thread, which costs them the most.
const PAUSE: Duration = Duration::from_millis(10);
/// How often a non-blocking stdout is tried while it takes nothing.
const RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// How a line looks.
#[derive(Clone, Copy)]
pub(super) enum Layout {
    /// One JSON object.
    Json,
    /// For human eyes.
    Terminal { colour: bool },
}

/// Writes records to `W`, on the log thread.
pub(super) struct Output<W: Write> {
    lines: RefCell<Lines<W>>,
    pending: Arc<Pending>,
}

impl<W: Write> Output<W> {
    pub(super) fn new(writer: W, layout: Layout, pending: Arc<Pending>, losses: Arc<Losses>) -> Output<W> {
        let terminal = match layout {
            Layout::Json => None,
            Layout::Terminal { colour } => Some(Terminal::new(colour)),
        };
        let buffer = Vec::with_capacity(BATCH_BYTES / 4);
        let lines = Lines { writer, terminal, losses, clock: Clock::default(), none: o!().into(), buffer, torn: false };
        Output { lines: RefCell::new(lines), pending }
    }
}

impl<W: Write> Drain for Output<W> {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        let last = self.pending.received();
        let mut lines = self.lines.borrow_mut();
        lines.add(record, values);
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
    terminal: Option<Terminal>,
    losses: Arc<Losses>,
    clock: Clock,
    /// No values: those of a record and of its logger come through the line.
    none: OwnedKVList,
    buffer: Vec<u8>,
    /// Whether what was written last is a part of a line.
    torn: bool,
}

impl<W: Write> Lines<W> {
    /// Adds a record's line; one that cannot be put into words is counted as lost.
    fn add(&mut self, record: &Record<'_>, values: &OwnedKVList) {
        let start = self.buffer.len();
        // The values of loggers are put into words here, and one that panics must not end the log.
        let added = catch_unwind(AssertUnwindSafe(|| self.format(record, values)));
        if !matches!(added, Ok(Ok(()))) {
            self.buffer.truncate(start);
            self.losses.add(DropReason::IoError, 1);
        }
    }

    fn format(&mut self, record: &Record<'_>, values: &OwnedKVList) -> io::Result<()> {
        let start = self.buffer.len();
        let timestamp = self.clock.write(record.tag());
        write_json(&mut self.buffer, timestamp, record, values, &self.none)?;
        if let Some(terminal) = &self.terminal {
            let line = terminal.render(&self.buffer[start..])?;
            self.buffer.truncate(start);
            self.buffer.extend_from_slice(line.as_bytes());
        }
        Ok(())
    }

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
