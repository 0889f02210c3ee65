//! The log: one line per record on stdout, written by a thread of its own. `docs/LOGGING.md` is the rulebook.
//!
//! ```text
//! logger ▶ level filter, count ▶ line ▶ bounded queue ▶│ log thread: batch ▶ stdout
//!          (one per LoggerName)         full: counted  │       failed write: counted
//! ```
//!
//! A caller never waits for stdout, and a record that is lost is counted ([`Loggers::dropped`], and the metrics).

mod bridge;
mod line;
mod loggers;
mod name;
mod output;
mod queue;
mod record;
mod temporary;
mod terminal;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod testing;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
mod values;

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use slog_async::AsyncGuard;

use crate::config::{LogConfig, LogFormat};
use crate::telemetry::metrics;
use output::Output;
use queue::{Losses, Pending, Queue};

pub use loggers::Loggers;
pub use name::{LoggerName, level_name, parse_level};
pub use record::function_of;
pub(crate) use record::{crit, debug, error, info, record, warn};
pub use temporary::{LoggerLevel, TemporaryLevels};
pub use terminal::Terminal;
pub use values::{Exception, Nested, context};

/// How long a dropped [`Logging`] waits for its lines to be written.
const DROP_LIMIT: Duration = Duration::from_secs(1);

/// The running log; what it still holds is written when it is finished or dropped.
pub struct Logging {
    loggers: Loggers,
    guard: Option<AsyncGuard>,
}

impl Logging {
    /// Starts the log on stdout and sends the records of dependencies (`log`, `tracing`) to it as well.
    pub fn start(config: &LogConfig) -> Logging {
        let terminal = match config.format {
            LogFormat::Auto if !io::stdout().is_terminal() => None,
            LogFormat::Auto => terminal(LogFormat::Terminal, stdout_has_colours()),
            format => terminal(format, stdout_has_colours()),
        };
        let logging = Logging::build(config, terminal, stdout());
        logging.loggers.bridge_dependencies();
        logging
    }

    /// Starts the log on a writer, which should not buffer: a line is done when `write` has taken it.
    ///
    /// `Auto` means JSON here, and nothing is coloured. Records of dependencies come only after
    /// [`Loggers::bridge_dependencies`].
    pub fn start_on<W: Write + Send + 'static>(config: &LogConfig, writer: W) -> Logging {
        Logging::build(config, terminal(config.format, false), writer)
    }

    fn build<W: Write + Send + 'static>(config: &LogConfig, terminal: Option<Terminal>, writer: W) -> Logging {
        let capacity = config.queue_capacity.max(1);
        metrics::log_queue_capacity(capacity);
        let losses = Arc::new(Losses::default());
        let pending = Arc::new(Pending::default());
        let output = Output::new(writer, pending.clone(), losses.clone());
        let (core, guard) =
            slog_async::AsyncCore::custom(output).chan_size(capacity).thread_name("log".to_owned()).build_with_guard();
        let queue = Arc::new(Queue::new(core, terminal, pending, losses.clone()));
        Logging { loggers: Loggers::on_queue(config.level, &queue, losses), guard: Some(guard) }
    }

    /// The named loggers; cheap to clone.
    pub fn loggers(&self) -> Loggers {
        self.loggers.clone()
    }

    /// Writes what is queued and ends the log thread; false if that took longer than `limit`, as it does when nobody
    /// reads stdout. The thread is then left behind, and ends with the process.
    pub fn finish(mut self, limit: Duration) -> bool {
        self.stop(limit)
    }

    fn stop(&mut self, limit: Duration) -> bool {
        let Some(guard) = self.guard.take() else { return true };
        let (done, finished) = mpsc::channel();
        // The guard blocks while the queue is full, and until the thread has ended: for ever, if stdout stalls.
        let helper = thread::Builder::new().name("log-finish".to_owned()).spawn(move || {
            drop(guard);
            let _ = done.send(());
        });
        helper.is_ok() && finished.recv_timeout(limit).is_ok()
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        self.stop(DROP_LIMIT);
    }
}

/// Stdout without the line buffer of the standard library, which would keep a failed line and write it again later.
fn stdout() -> Box<dyn Write + Send> {
    match io::stdout().as_fd().try_clone_to_owned() {
        Ok(descriptor) => Box::new(File::from(descriptor)),
        Err(_) => Box::new(io::stdout()),
    }
}

fn terminal(format: LogFormat, colour: bool) -> Option<Terminal> {
    let full = format == LogFormat::Full;
    matches!(format, LogFormat::Terminal | LogFormat::Full).then_some(Terminal { colour, full })
}

/// Whether somebody sees colours, and did not ask for plain text (<https://no-color.org>).
pub fn stdout_has_colours() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|kind| kind != "dumb")
}
