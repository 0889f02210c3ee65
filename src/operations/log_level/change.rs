//! The body of `PUT /log-level`: `{"logger": "neodyme.db", "level": "debug", "for": "10m"}`.

use std::ops::RangeInclusive;
use std::time::Duration;

use slog::Level;

use crate::http::json_body;
use crate::telemetry::logging::{LoggerName, level_name, parse_level};
use crate::values::{Fault, FaultCode, text_field};

/// All loggers at once.
const ALL: &str = "*";
/// Long enough to see something, and too short to be forgotten.
const DURATIONS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);

json_body! {
    /// A change of levels.
    pub(super) struct Change {
        /// One logger, or `*` for all.
        pub(super) loggers: Loggers = "logger",
        /// The least severe level that is written.
        pub(super) level: WantedLevel = "level",
        /// For how long: `10m`.
        pub(super) duration: Limited = "for",
    }
}

/// One logger, or all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Loggers(Option<LoggerName>);

/// A level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WantedLevel(pub(super) Level);

/// A time from a second to an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limited(pub(super) Duration);

impl Loggers {
    fn parse(text: &str) -> Result<Self, Fault> {
        match LoggerName::parse(text) {
            Some(name) => Ok(Loggers(Some(name))),
            None if text == ALL => Ok(Loggers(None)),
            None => Err(accepted(&LoggerName::ALL.iter().map(|name| name.as_str()).chain([ALL]).collect::<Vec<_>>())),
        }
    }

    pub(super) fn names(&self) -> &[LoggerName] {
        self.0.as_ref().map_or(LoggerName::ALL, std::slice::from_ref)
    }

    /// The logger's name, or `*`.
    pub(super) fn as_str(self) -> &'static str {
        self.0.map_or(ALL, LoggerName::as_str)
    }
}

impl WantedLevel {
    fn parse(text: &str) -> Result<Self, Fault> {
        parse_level(text).map(WantedLevel).ok_or_else(|| accepted(&levels()))
    }
}

impl Limited {
    fn parse(text: &str) -> Result<Self, Fault> {
        let duration = humantime::parse_duration(text).ok().filter(|duration| DURATIONS.contains(duration));
        duration.map(Limited).ok_or_else(|| accepted(&["a duration from 1s to 1h, such as 10m"]))
    }
}

text_field!(Loggers, "Loggers", { "type": "string" });
text_field!(WantedLevel, "Level", { "type": "string", "enum": levels() });
text_field!(Limited, "LimitedTime", { "type": "string", "examples": ["10m"] });

fn accepted(what: &[&str]) -> Fault {
    Fault::new(FaultCode::Format, format!("accepted: {}", what.join(", ")))
}

fn levels() -> Vec<&'static str> {
    (0..=Level::Trace.as_usize()).filter_map(Level::from_usize).map(level_name).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::error::Error;
    use crate::http::FromJson;

    fn faults(body: &Value) -> Vec<(String, &'static str)> {
        match Change::from_json(body.to_string().as_bytes()) {
            Err(Error::Validation(faults)) => faults.into_iter().map(|fault| (fault.field, fault.code)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_logger_or_all_are_named() {
        let change = |logger: &str| {
            Change::from_json(json!({"logger": logger, "level": "debug", "for": "10m"}).to_string().as_bytes())
        };
        let db = change("neodyme.db").unwrap();
        assert_eq!((db.loggers.as_str(), db.loggers.names()), ("neodyme.db", &[LoggerName::Db][..]));
        assert_eq!((db.level.0, db.duration.0), (Level::Debug, Duration::from_secs(600)));
        let all = change("*").unwrap();
        assert_eq!((all.loggers.as_str(), all.loggers.names()), ("*", LoggerName::ALL));
    }

    #[test]
    fn every_fault_is_reported() {
        assert_eq!(faults(&json!([])), [(String::new(), "type")]);
        let all = [("logger", "missing"), ("level", "missing"), ("for", "missing")];
        assert_eq!(faults(&json!({})), all.map(|(field, code)| (field.to_owned(), code)));
        for duration in ["61m", "0s", "999ms", "10", "-1m", "for ever"] {
            let body = json!({"logger": "*", "level": "info", "for": duration});
            assert_eq!(faults(&body), [("for".to_owned(), "format")], "{duration}");
        }
        let body = json!({"logger": "neodyme", "level": "warn", "for": 600, "more": 1});
        assert_eq!(faults(&body).len(), 4);
        let body = b"\xef\xbb\xbf{\"logger\": 1e400, \"level\": \"info\", \"for\": \"1m\"}";
        assert!(matches!(Change::from_json(body), Err(Error::Validation(faults)) if faults.len() == 1));
        assert_eq!(levels().join(", "), "critical, error, warning, info, debug, trace");
    }
}
