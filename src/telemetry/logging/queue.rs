//! The way from a caller to the log thread: put into words, never waiting, counted when lost.

use std::cell::RefCell;
use std::io;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicU64, Ordering::Relaxed};

use slog::{BorrowedKV, Drain, OwnedKVList, Record, RecordStatic, o};
use slog_async::AsyncCore;

use super::line::LineWriter;
use super::terminal::Terminal;
use crate::telemetry::metrics::{self, DropReason};

thread_local! {
    static WRITER: RefCell<LineWriter> = RefCell::default();
}

/// The bounded queue of lines in front of the log thread.
///
/// A record becomes a line on its caller's thread, where its values need not outlive the call. To make them fit to be sent
/// costs as much, and they would then be written on one more thread than there are processors for.
pub(super) struct Queue {
    core: AsyncCore,
    terminal: Option<Terminal>,
    pending: Arc<Pending>,
    losses: Arc<Losses>,
    /// No values: those of a record and of its logger are in its line.
    none: OwnedKVList,
}

// Nothing in here is left half changed by a panic: channels and counters.
impl UnwindSafe for Queue {}
impl RefUnwindSafe for Queue {}

impl Queue {
    pub(super) fn new(
        core: AsyncCore,
        terminal: Option<Terminal>,
        pending: Arc<Pending>,
        losses: Arc<Losses>,
    ) -> Queue {
        Queue { core, terminal, pending, losses, none: o!().into() }
    }

    /// Queues a record, or counts it as lost.
    pub(super) fn push(&self, record: &Record<'_>, values: &OwnedKVList) {
        let pushed = WRITER.try_with(|writer| {
            let mut writer = writer.try_borrow_mut().ok()?;
            self.push_with(&mut writer, record, values);
            Some(())
        });
        // The thread ends, or a value logs while it is put into words.
        if !matches!(pushed, Ok(Some(()))) {
            self.push_with(&mut LineWriter::default(), record, values);
        }
    }

    fn push_with(&self, writer: &mut LineWriter, record: &Record<'_>, values: &OwnedKVList) {
        // A value that panics must not end its caller.
        let queued =
            catch_unwind(AssertUnwindSafe(|| self.write(writer, record, values).map(|line| self.send(record, line))));
        if !matches!(queued, Ok(Ok(()))) {
            self.losses.add(DropReason::IoError, 1);
        }
    }

    /// The record as a line with its newline.
    fn write<'a>(&self, writer: &'a mut LineWriter, record: &Record<'_>, values: &OwnedKVList) -> io::Result<&'a str> {
        let line = writer.write(record, values, &self.none)?;
        if let Some(terminal) = &self.terminal {
            *line = terminal.render(line)?;
        }
        line.push('\n');
        Ok(line)
    }

    fn send(&self, record: &Record<'_>, line: &str) {
        let fixed = RecordStatic { location: record.location(), level: record.level(), tag: "" };
        match self.core.log(&Record::new(&fixed, &format_args!("{line}"), BorrowedKV(&())), &self.none) {
            Ok(()) => self.pending.sent(),
            // Full, or the log thread has been finished.
            Err(_) => self.losses.add(DropReason::QueueFull, 1),
        }
    }
}

/// How many records are in the queue, or fewer: a record is counted once it is sent, so that the log thread never
/// believes in one that does not come.
#[derive(Default)]
pub(super) struct Pending(AtomicIsize);

impl Pending {
    fn sent(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// Notes that a record left the queue; true if it may have been the last.
    pub(super) fn received(&self) -> bool {
        self.0.fetch_sub(1, Relaxed) <= 1
    }
}

/// The records lost, by reason.
#[derive(Default)]
pub(super) struct Losses {
    queue_full: AtomicU64,
    io_error: AtomicU64,
}

impl Losses {
    pub(super) fn add(&self, reason: DropReason, records: u64) {
        self.counter(reason).fetch_add(records, Relaxed);
        metrics::log_records_dropped(reason, records);
    }

    pub(super) fn of(&self, reason: DropReason) -> u64 {
        self.counter(reason).load(Relaxed)
    }

    fn counter(&self, reason: DropReason) -> &AtomicU64 {
        match reason {
            DropReason::QueueFull => &self.queue_full,
            DropReason::IoError => &self.io_error,
        }
    }
}
