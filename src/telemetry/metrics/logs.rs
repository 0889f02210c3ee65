//! Log records: written and lost.

use prometheus::Gauge;

use super::declare::{CounterBy, metrics};
use crate::label::labels;

labels! {
    /// The level of a record.
    pub enum LogLevel("level") {
        /// Somebody must act.
        Critical = "critical",
        /// Something failed.
        Error = "error",
        /// Something is not as it should be.
        Warning = "warning",
        /// What happened.
        Info = "info",
        /// For those who build the service.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

labels! {
    /// Why a record was lost.
    pub enum DropReason("reason") {
        /// Whoever reads standard output is too slow.
        QueueFull = "queue_full",
        /// Standard output is closed, or its disk is full.
        IoError = "io_error",
    }
}

metrics! { init;
    RECORDS: CounterBy<LogLevel> = "log_records_total", "Log records made, by level.";
    DROPPED: CounterBy<DropReason> = "log_records_dropped_total", "Log records that were lost, by reason.";
    CAPACITY: Gauge = "log_queue_capacity", "Log records that can wait to be written.";
}

/// A record was made.
pub fn log_record(level: slog::Level) {
    RECORDS
        .at(match level {
            slog::Level::Critical => LogLevel::Critical,
            slog::Level::Error => LogLevel::Error,
            slog::Level::Warning => LogLevel::Warning,
            slog::Level::Info => LogLevel::Info,
            slog::Level::Debug => LogLevel::Debug,
            slog::Level::Trace => LogLevel::Trace,
        })
        .inc();
}

/// Records were lost.
pub fn log_records_dropped(reason: DropReason, records: u64) {
    DROPPED.at(reason).inc_by(records);
}

/// How many records can wait.
pub fn log_queue_capacity(records: usize) {
    CAPACITY.set(records as f64);
}
