//! What the tests of the log share: a writer that keeps, fails or stalls as told.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;
use slog::Level;

use super::Logging;
use crate::config::{LogConfig, LogFormat};

/// How long the tests wait for what must come.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn config(format: LogFormat, queue_capacity: usize) -> LogConfig {
    LogConfig { level: Level::Debug, format, queue_capacity, full_emails: false }
}

/// A writer shared with the test.
#[derive(Clone, Default)]
pub(super) struct Sink(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    written: Vec<u8>,
    shut: bool,
    stalled: bool,
    failures: Vec<Failure>,
}

/// What a write does instead of working.
#[derive(Clone, Copy)]
pub(super) enum Failure {
    /// Takes nothing and fails.
    Refuse,
    /// Takes so many lines and so many bytes of the next.
    Tear(usize, usize),
}

impl Sink {
    /// A log that writes here as JSON.
    pub(super) fn start(&self, queue_capacity: usize) -> Logging {
        Logging::start_on(&config(LogFormat::Json, queue_capacity), self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap()
    }

    /// Makes writes wait until [`Sink::open`].
    pub(super) fn shut(&self) {
        self.state().shut = true;
    }

    /// Lets waiting writes go on.
    pub(super) fn open(&self) {
        self.state().shut = false;
        self.0.1.notify_all();
    }

    /// Sets what the next writes do.
    pub(super) fn fail_next(&self, failures: &[Failure]) {
        self.state().failures = failures.to_vec();
    }

    /// Waits until a write waits.
    pub(super) fn wait_for_stall(&self) {
        let (state, result) = self.0.1.wait_timeout_while(self.state(), PATIENCE, |state| !state.stalled).unwrap();
        assert!(state.stalled && !result.timed_out(), "no write came");
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.state().written.clone()).unwrap()
    }

    /// Every line, which must be JSON.
    pub(super) fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state();
        state.stalled = state.shut;
        self.0.1.notify_all();
        let mut state = self.0.1.wait_while(state, |state| state.shut).unwrap();
        state.stalled = false;
        let count = match state.failures.is_empty() {
            true => bytes.len(),
            false => match state.failures.remove(0) {
                Failure::Refuse => return Err(io::ErrorKind::BrokenPipe.into()),
                Failure::Tear(lines, more) => {
                    bytes.split_inclusive(|byte| *byte == b'\n').take(lines).map(<[u8]>::len).sum::<usize>() + more
                }
            },
        };
        state.written.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
