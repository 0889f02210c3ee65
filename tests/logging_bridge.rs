//! Records of libraries, through the global hooks of `log` and `tracing`: one process, one test.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use neodyme::config::{LogConfig, LogFormat};
use neodyme::telemetry::logging::{LoggerName, Logging};
use serde_json::{Value, json};

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn records_of_log_and_events_of_tracing_are_lines_at_the_level_of_dependencies() {
    let config =
        LogConfig { level: slog::Level::Info, format: LogFormat::Json, queue_capacity: 64, full_emails: false };
    let sink = Sink::default();
    let logging = Logging::start_on(&config, sink.clone());
    let loggers = logging.loggers();
    assert!(loggers.bridge_dependencies());
    assert!(!loggers.bridge_dependencies(), "a process has one bridge");

    log::info!(target: "hyper", "too detailed");
    log::warn!(target: "hyper", "from log");
    tracing::warn!(target: "h2", "from tracing");
    loggers.set_level(LoggerName::Dependencies, slog::Level::Debug);
    log::debug!(target: "hyper", "wanted now");
    assert!(logging.finish(Duration::from_secs(30)));

    let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let shown: Vec<_> = lines.iter().map(|line| (&line["level"], &line["message"], &line["context"])).collect();
    assert_eq!(
        shown,
        [
            (&json!("warning"), &json!("from log"), &json!({"target": "hyper"})),
            (&json!("warning"), &json!("from tracing"), &json!({"target": "h2"})),
            (&json!("debug"), &json!("wanted now"), &json!({"target": "hyper"})),
        ]
    );
    assert!(lines.iter().all(|line| line["logger"] == "neodyme.dependencies"));
}
