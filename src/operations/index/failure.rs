//! The last error of a type in words.

use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;

use crate::config::Config;
use crate::error::{ErrorCode, ErrorKind};
use crate::operations::in_force;
use crate::operations::words::{NONE, age, count, counted, rate, since};
use crate::telemetry::errors::{Sample, recorder};
use crate::telemetry::history::Span;
use crate::telemetry::metrics::{self, Incident};
use crate::values::timestamp::rfc3339;

/// Error types that are shown.
const MOST: usize = 6;

/// An error as a person reads it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Failure {
    r#type: &'static str,
    time: String,
    /// The class of its cause.
    cause: Option<&'static str>,
    words: String,
    /// Where it happened: the step, or else the route.
    place: &'static str,
    /// Since when such errors happen, whom they hit, and when the last one was; nothing where they have stopped.
    going_on: Option<String>,
    #[serde(skip)]
    code: ErrorCode,
    #[serde(skip)]
    at: OffsetDateTime,
}

impl Failure {
    /// Its type.
    pub(super) fn code(&self) -> ErrorCode {
        self.code
    }

    /// The step at which it happened, or else the route.
    pub(super) fn place(&self) -> &'static str {
        self.place
    }

    /// How long ago it was.
    pub(super) fn age(&self) -> Duration {
        since(self.at)
    }
}

/// An error type with its last error.
#[derive(Debug, Serialize)]
pub(super) struct OfType {
    kind: &'static str,
    last: Failure,
    /// So many a minute happen now.
    rate: String,
    /// So many have happened since the start.
    count: String,
    runbook: Option<&'static str>,
}

/// The types that are no everyday business, the one that was seen last first. `now_by` is the runbook of what causes it now.
pub(super) fn of_types(now: &Span, now_by: impl Fn(&Failure) -> Option<&'static str>, config: &Config) -> Vec<OfType> {
    let of_type = |code: &ErrorCode| {
        let last = last(*code, config)?;
        Some(OfType {
            kind: code.kind().as_str(),
            rate: rate(now.per_minute(now.counts.errors_of(*code))),
            count: count(recorder().count(*code)),
            runbook: now_by(&last).or_else(|| code.runbook()),
            last,
        })
    };
    let is_business = |code: &&ErrorCode| code.kind() == ErrorKind::Expected;
    let mut types: Vec<OfType> = ErrorCode::ALL.iter().filter(|code| !is_business(code)).filter_map(of_type).collect();
    types.sort_by(|a, b| b.last.time.cmp(&a.last.time));
    types.truncate(MOST);
    types
}

/// The last error for which the service failed a request of this route.
pub(super) fn last_of_route(route: &str, config: &Config) -> Option<Failure> {
    let samples = ErrorCode::ALL.iter().filter(|code| code.status().is_server_error());
    let samples = samples.filter_map(|code| Some((*code, recorder().last(*code)?)));
    let latest = samples.filter(|(_, sample)| sample.route == route).max_by_key(|(_, sample)| sample.time);
    latest.and_then(|(code, _)| last(code, config))
}

/// The last error of a type, if there was any.
pub(super) fn last(code: ErrorCode, config: &Config) -> Option<Failure> {
    let sample = recorder().last(code)?;
    let going_on = metrics::incident(code).map(|incident| going_on(&incident, sample.time));
    Some(Failure { going_on, ..of_sample(code, &sample, config) })
}

/// The last error of a type at this step, if it is remembered. Since when it goes on is known of the type alone.
pub(super) fn last_at(code: ErrorCode, step: &str, config: &Config) -> Option<Failure> {
    recorder().last_at(code, step).map(|sample| of_sample(code, &sample, config))
}

fn of_sample(code: ErrorCode, sample: &Sample, config: &Config) -> Failure {
    Failure {
        r#type: code.as_str(),
        time: rfc3339(sample.time),
        cause: sample.cause,
        words: in_force::words(&in_words(sample), config),
        place: sample.step.unwrap_or(sample.route),
        going_on: None,
        code,
        at: sample.time,
    }
}

/// `For 8 min, since 12:31:02 UTC: 84 users, 12 of them within 5 min; the last time 3 s ago.`
fn going_on(incident: &Incident, last: OffsetDateTime) -> String {
    let began = OffsetDateTime::from_unix_timestamp(incident.began as i64).unwrap_or(last);
    let users = match incident {
        Incident { users: 0, .. } => "no user that is known".to_owned(),
        Incident { users, recent_users, .. } if recent_users == users => counted(*users, "user"),
        Incident { users, recent_users, .. } => {
            format!("{}, {} of them within 5 min", counted(*users, "user"), count(*recent_users))
        }
    };
    let began_at = rfc3339(began);
    let clock = began_at.get(11..19).unwrap_or_default();
    format!("For {}, since {clock} UTC: {users}; the last time {} ago.", age(since(began)), age(since(last)))
}

/// The causes in one sentence. What only repeats the class, or what was said, is left out.
fn in_words(sample: &Sample) -> String {
    let is_class = |words: &str| sample.cause.is_some() && words.split(" (").next() == sample.cause;
    let mut text = String::new();
    for words in sample.chain.iter().filter(|words| !is_class(words)) {
        if !text.contains(&**words) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(words);
        }
    }
    if text.is_empty() { NONE.into() } else { text }
}
