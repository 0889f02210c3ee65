//! The body of `PUT /log-level`: `{"logger": "neodyme.db", "level": "debug", "for": "10m"}`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::value::RawValue;
use slog::Level;

use crate::error::{Error, FieldError, Result};
use crate::telemetry::logging::{LoggerName, level_name, parse_level};
use crate::values::json;

/// All loggers at once.
const ALL: &str = "*";
const FIELDS: [&str; 3] = ["logger", "level", "for"];
/// Long enough to see something, and too short to be forgotten.
const DURATIONS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);

/// A change of levels.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) loggers: Vec<LoggerName>,
    pub(super) level: Level,
    pub(super) duration: Duration,
}

impl Change {
    /// Reads the body; every fault is reported.
    pub(super) fn parse(body: &[u8]) -> Result<Change> {
        let (mut fields, mut faults) = (BTreeMap::new(), Faults::default());
        let is_object = json::read_object(body, |name, value| {
            fields.insert(name.to_owned(), value);
        })?;
        if !is_object {
            faults.add("", "type", "the body must be a JSON object".into());
            return Err(Error::Validation(faults.0));
        }
        if fields.keys().any(|name| !FIELDS.contains(&name.as_str())) {
            faults.add("", "unknown", "there are the fields logger, level and for".into());
        }
        let loggers = faults.read(&fields, "logger", loggers, accepted_loggers);
        let level = faults.read(&fields, "level", parse_level, accepted_levels);
        let duration = faults.read(&fields, "for", duration, || "a duration from 1s to 1h, such as 10m".into());
        match (loggers, level, duration) {
            (Some(loggers), Some(level), Some(duration)) if faults.0.is_empty() => {
                Ok(Change { loggers, level, duration })
            }
            _ => Err(Error::Validation(faults.0)),
        }
    }

    /// The logger's name, or `*`.
    pub(super) fn logger(&self) -> &'static str {
        if let [one] = self.loggers[..] { one.as_str() } else { ALL }
    }
}

#[derive(Default)]
struct Faults(Vec<FieldError>);

impl Faults {
    fn add(&mut self, field: &str, code: &'static str, message: String) {
        self.0.push(FieldError { field: field.into(), code, message });
    }

    /// A field that must be there, as a text that `parse` knows.
    fn read<T>(
        &mut self,
        fields: &BTreeMap<String, &RawValue>,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
        accepted: impl Fn() -> String,
    ) -> Option<T> {
        let value = fields.get(name);
        let parsed = value.and_then(|value| json::text(value).ok()).and_then(|text| parse(&text));
        if parsed.is_none() {
            let code = if value.is_none() { "missing" } else { "format" };
            self.add(name, code, format!("accepted: {}", accepted()));
        }
        parsed
    }
}

fn loggers(name: &str) -> Option<Vec<LoggerName>> {
    if name == ALL { Some(LoggerName::ALL.to_vec()) } else { Some(vec![LoggerName::parse(name)?]) }
}

fn duration(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok().filter(|duration| DURATIONS.contains(duration))
}

fn accepted_loggers() -> String {
    LoggerName::ALL.iter().map(|name| name.as_str()).chain([ALL]).collect::<Vec<_>>().join(", ")
}

fn accepted_levels() -> String {
    (0..=Level::Trace.as_usize()).filter_map(Level::from_usize).map(level_name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn faults(body: &Value) -> Vec<(String, &'static str)> {
        match Change::parse(body.to_string().as_bytes()) {
            Err(Error::Validation(faults)) => faults.into_iter().map(|fault| (fault.field, fault.code)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_logger_or_all_are_named() {
        let change = |logger: &str| {
            Change::parse(json!({"logger": logger, "level": "debug", "for": "10m"}).to_string().as_bytes())
        };
        let db = change("neodyme.db").unwrap();
        assert_eq!(db.logger(), "neodyme.db");
        assert_eq!(
            db,
            Change { loggers: vec![LoggerName::Db], level: Level::Debug, duration: Duration::from_secs(600) }
        );
        let all = change("*").unwrap();
        assert_eq!((all.logger(), all.loggers.len()), ("*", LoggerName::ALL.len()));
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
        assert!(matches!(Change::parse(body), Err(Error::Validation(faults)) if faults.len() == 1));
        assert_eq!(accepted_levels(), "critical, error, warning, info, debug, trace");
    }
}
