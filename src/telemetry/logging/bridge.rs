//! The bridge for records of dependencies: `log`, and `tracing` events, which come through `log` as well.

use log::{LevelFilter, Log, Metadata};
use serde::Serialize;
use slog::{Drain, Level, Logger, RecordLocation, RecordStatic, b};

use super::values::context;
use crate::redaction::mask_secrets;

/// Hands records of the `log` crate to a logger.
pub(super) struct Bridge(Logger);

/// Which library spoke.
#[derive(Serialize)]
struct Source<'a> {
    target: &'a str,
}

impl Bridge {
    pub(super) fn new(logger: Logger) -> Bridge {
        Bridge(logger)
    }
}

impl Log for Bridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.is_enabled(level(metadata.level()))
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let location = RecordLocation {
            file: record.file_static().unwrap_or_default(),
            line: record.line().unwrap_or_default(),
            column: 0,
            function: "",
            module: record.module_path_static().unwrap_or_default(),
        };
        let fixed = RecordStatic { location: &location, level: level(record.level()), tag: "" };
        let source = context(Source { target: record.target() });
        let message = record.args().to_string();
        let message = mask_secrets(&message);
        self.0.log(&slog::Record::new(&fixed, &format_args!("{message}"), b!("context" => source)));
    }

    fn flush(&self) {}
}

fn level(level: log::Level) -> Level {
    match level {
        log::Level::Error => Level::Error,
        log::Level::Warn => Level::Warning,
        log::Level::Info => Level::Info,
        log::Level::Debug => Level::Debug,
        log::Level::Trace => Level::Trace,
    }
}

/// What the `log` crate need not even build when a logger has this level.
pub(super) fn level_filter(level: Level) -> LevelFilter {
    match level {
        Level::Critical => LevelFilter::Off,
        Level::Error => LevelFilter::Error,
        Level::Warning => LevelFilter::Warn,
        Level::Info => LevelFilter::Info,
        Level::Debug => LevelFilter::Debug,
        Level::Trace => LevelFilter::Trace,
    }
}
