//! A child process whose output is read by threads, so that it never waits for the test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

/// What the reader of an app's stdout does with the next line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Keeps it.
    On,
    /// Leaves it in the pipe until told otherwise.
    Paused,
    /// Closes the pipe, for good.
    Closed,
}

/// A process and its output so far.
pub struct Process {
    pub(super) child: Child,
    pub(super) stdout: Lines,
    pub(super) stderr: Lines,
}

impl Process {
    pub(super) fn start(command: &mut Command) -> Process {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = Lines::of(child.stdout.take().unwrap());
        let stderr = Lines::of(child.stderr.take().unwrap());
        Process { child, stdout, stderr }
    }

    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        self.stdout.set_reading(Reading::On);
        let _ = self.child.wait();
        self.join_readers();
    }

    pub(super) fn join_readers(&mut self) {
        self.stdout.join();
        self.stderr.join();
    }
}

/// The lines of a pipe.
pub(super) struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
    reading: Arc<(Mutex<Reading>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Lines {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let reading = Arc::new((Mutex::new(Reading::On), Condvar::new()));
        let (sink, told) = (lines.clone(), reading.clone());
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                sink.lock().unwrap().push(line);
                let paused = told.1.wait_while(told.0.lock().unwrap(), |reading| *reading == Reading::Paused);
                if *paused.unwrap() == Reading::Closed {
                    break;
                }
            }
        });
        Lines { lines, reading, reader: Some(reader) }
    }

    pub(super) fn set_reading(&self, reading: Reading) {
        *self.reading.0.lock().unwrap() = reading;
        self.reading.1.notify_all();
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    fn join(&mut self) {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}
