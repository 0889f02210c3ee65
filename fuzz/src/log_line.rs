//! A line of the log, with whatever somebody sent in it.

use std::error::Error;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use neodyme::config::{Config, LogConfig, LogFormat, Sources};
use neodyme::telemetry::logging::{Exception, LoggerName, Logging, context};
use serde_json::Value;
use slog::warn;

const PATIENCE: Duration = Duration::from_secs(20);

/// A line stays one line, is JSON where it shall be, and moves nobody's cursor.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let [line, for_people, in_full] = written(&text);
    let json: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert_eq!(json["message"], *text);
    assert_eq!(json["user_id"], *text);
    assert_eq!(json["exception"]["message"], *text);
    assert_eq!(json["context"], read_again(&value(&text)));
    assert_tame(&line);
    assert_tame(&for_people);
    assert_tame(&in_full);
}

fn assert_tame(line: &str) {
    let is_wild = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}');
    assert!(!line.contains(is_wild), "{line:?}");
}

/// A JSON value if it is one, within the depth to which it can be read again.
fn value(text: &str) -> Value {
    let wrapped = format!("[[[[{text}]]]]");
    let parsed = serde_json::from_str::<Value>(&wrapped).ok();
    parsed.map_or_else(|| serde_json::json!({ text: [text] }), |value| value[0][0][0][0].clone())
}

/// Numbers are read to the last digit but one.
fn read_again(value: &Value) -> Value {
    serde_json::from_str(&value.to_string()).expect("what was written is read")
}

/// The line in each format. A log lets lines gather for a while before it writes them: all do so at once.
fn written(text: &str) -> [String; 3] {
    [LogFormat::Json, LogFormat::Terminal, LogFormat::Full].map(|format| Log::start(text, format)).map(Log::line)
}

/// A log with one line in it.
struct Log {
    logging: Logging,
    sink: Sink,
}

impl Log {
    fn start(text: &str, format: LogFormat) -> Log {
        let log = Config::load(&Sources::default()).expect("the defaults are a configuration").log;
        let sink = Sink::default();
        let logging = Logging::start_on(&LogConfig { format, ..log }, sink.clone());
        let loggers = logging.loggers();
        let error = io::Error::other(text);
        let error: &(dyn Error + 'static) = &error;
        warn!(loggers.get(LoggerName::App), "{}", text;
        "user_id" => text, "context" => context(value(text)), "exception" => Exception::of(error));
        Log { logging, sink }
    }

    /// The line, without its end.
    fn line(self) -> String {
        assert!(self.logging.finish(PATIENCE), "the log comes to its end");
        let written =
            String::from_utf8(self.sink.0.lock().expect("no writer panicked").clone()).expect("a line is text");
        let line = written.strip_suffix('\n').unwrap_or_else(|| panic!("no line: {written:?}"));
        assert!(!line.contains('\n'), "more than a line: {line:?}");
        line.to_owned()
    }
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
