//! The named loggers: one root each, with a level that can be changed while the service runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use slog::{Drain, Level, Logger, Never, OwnedKVList, Record, o};

use super::bridge::{Bridge, level_filter};
use super::name::LoggerName;
use super::queue::{Losses, Queue};
use crate::telemetry::metrics::{self, DropReason};

/// One root logger per [`LoggerName`]; clones share their levels.
#[derive(Clone)]
pub struct Loggers(Arc<Inner>);

struct Inner {
    roots: Vec<Logger>,
    levels: Arc<Levels>,
    losses: Arc<Losses>,
    bridged: AtomicBool,
}

impl Loggers {
    /// Loggers whose records go to the queue.
    pub(super) fn on_queue(level: Level, queue: &Arc<Queue>, losses: Arc<Losses>) -> Loggers {
        let levels = Arc::new(Levels::new(level));
        let root = |name: LoggerName| {
            let entry = Entry { name, levels: levels.clone(), queue: queue.clone() };
            Logger::root(entry, o!("logger" => name.as_str()))
        };
        Loggers::new(LoggerName::ALL.iter().copied().map(root).collect(), levels.clone(), losses)
    }

    /// Loggers that write nothing, for tests.
    pub fn discard() -> Loggers {
        let roots = LoggerName::ALL.iter().map(|_| Logger::root(slog::Discard, o!())).collect();
        Loggers::new(roots, Arc::new(Levels::new(Level::Info)), Arc::default())
    }

    fn new(roots: Vec<Logger>, levels: Arc<Levels>, losses: Arc<Losses>) -> Loggers {
        Loggers(Arc::new(Inner { roots, levels, losses, bridged: AtomicBool::new(false) }))
    }

    /// The root logger of that name; give it ids with `.new(o!(…))`.
    pub fn get(&self, name: LoggerName) -> &Logger {
        &self.0.roots[name.index()]
    }

    /// The least severe level that the logger writes.
    pub fn level(&self, name: LoggerName) -> Level {
        self.0.levels.get(name)
    }

    /// Changes a logger's level, at once and for all its children.
    pub fn set_level(&self, name: LoggerName, level: Level) {
        self.0.levels.set(name, level);
        if name == LoggerName::Dependencies && self.0.bridged.load(Relaxed) {
            log::set_max_level(level_filter(level));
        }
    }

    /// How many records these loggers have lost for that reason since they were made.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.0.losses.of(reason)
    }

    /// Sends the records of dependencies to [`LoggerName::Dependencies`]; false if the process has a bridge already.
    pub fn bridge_dependencies(&self) -> bool {
        let bridge = Bridge::new(self.get(LoggerName::Dependencies).clone());
        let installed = log::set_boxed_logger(Box::new(bridge)).is_ok();
        if installed {
            self.0.bridged.store(true, Relaxed);
            log::set_max_level(level_filter(self.level(LoggerName::Dependencies)));
        }
        installed
    }
}

/// The level of each logger.
struct Levels([AtomicUsize; LoggerName::ALL.len()]);

impl Levels {
    /// The same level for all; libraries talk much, so they start at warning at most.
    fn new(level: Level) -> Levels {
        let levels = Levels(std::array::from_fn(|_| AtomicUsize::new(level.as_usize())));
        levels.set(LoggerName::Dependencies, level.min(Level::Warning));
        levels
    }

    fn get(&self, name: LoggerName) -> Level {
        Level::from_usize(self.0[name.index()].load(Relaxed)).unwrap_or(Level::Info)
    }

    fn set(&self, name: LoggerName, level: Level) {
        self.0[name.index()].store(level.as_usize(), Relaxed);
    }

    fn admits(&self, name: LoggerName, level: Level) -> bool {
        level.as_usize() <= self.0[name.index()].load(Relaxed)
    }
}

/// Where a logger's records enter: filtered by its level, counted, queued.
struct Entry {
    name: LoggerName,
    levels: Arc<Levels>,
    queue: Arc<Queue>,
}

impl Drain for Entry {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        if self.is_enabled(record.level()) {
            metrics::log_record(record.level());
            self.queue.push(record, values);
        }
        Ok(())
    }

    fn is_enabled(&self, level: Level) -> bool {
        self.levels.admits(self.name, level)
    }
}
