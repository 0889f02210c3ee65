//! The way from a caller to the log thread: stamped with the time of the call, never waiting, counted when lost.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicU64, Ordering::Relaxed};

use slog::{Drain, OwnedKVList, Record, RecordStatic};
use slog_async::AsyncCore;

use super::clock::{Stamp, now};
use crate::metrics::{self, DropReason};

/// The bounded queue in front of the log thread.
pub(super) struct Queue {
    core: AsyncCore,
    pending: Arc<Pending>,
    losses: Arc<Losses>,
}

// Nothing in here is left half changed by a panic: channels and counters.
impl UnwindSafe for Queue {}
impl RefUnwindSafe for Queue {}

impl Queue {
    pub(super) fn new(core: AsyncCore, pending: Arc<Pending>, losses: Arc<Losses>) -> Queue {
        Queue { core, pending, losses }
    }

    /// Queues a record, or counts it as lost. The time travels in the record's tag, which slog keeps for drains.
    pub(super) fn push(&self, record: &Record<'_>, values: &OwnedKVList) {
        let stamp = Stamp::new(now());
        let stamped = RecordStatic { location: record.location(), level: record.level(), tag: stamp.as_str() };
        match self.core.log(&Record::new(&stamped, record.msg(), record.kv()), values) {
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
