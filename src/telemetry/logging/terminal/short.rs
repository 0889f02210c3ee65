//! What of a record a person looks for first. A rule for each kind of field, and none for single messages.

use serde_json::Value;

use super::fields::Fields;
use super::value::write_value;
use crate::text::escape;

/// For programs, or said by something else: the trace is that of the request, the operation is what the message tells of.
const LEFT_OUT: [&str; 6] = ["trace_id", "span_id", "user_agent", "content_length", "response_size", "operation"];
/// Whose value says what it is.
const SPEAK: [&str; 9] =
    ["method", "url", "route", "status_code", "error_type", "email", "client_ip", "result", "duration_ms"];
/// The end of a longer id is enough to find it by. The beginning is not: that of ids made at the same time is the same.
const END_OF_ID: usize = 8;
/// A list that would take more characters is counted.
const LIST: usize = 60;

/// What is shown.
#[derive(Debug, PartialEq)]
pub(super) struct Short {
    pub(super) words: Vec<String>,
    pub(super) ids: Vec<String>,
    pub(super) error: Option<Failure>,
}

/// What went wrong.
#[derive(Debug, PartialEq)]
pub(super) struct Failure {
    pub(super) name: String,
    /// `: what happened: why`
    pub(super) causes: String,
}

/// The short form of a record with this message.
pub(super) fn short(mut fields: Fields, message: &str) -> Short {
    let error = fields.take_fields("exception").map(failure);
    let told = error.as_ref().map_or_else(String::new, |error| format!("{}{}", error.name, error.causes));
    let said = format!("{message} {told}").to_ascii_lowercase();
    let (mut words, mut ids) = (Vec::new(), Vec::new());
    for (key, value) in fields.flatten() {
        if LEFT_OUT.contains(&key.as_str()) || is_nothing(&value) || is_said(&said, &value) {
            continue;
        }
        match (key.strip_suffix("_id"), &value) {
            (Some(name), Value::String(id)) => ids.push(named(name, &show(&key, &end_of(id).into()))),
            _ if SPEAK.contains(&key.as_str()) => words.push(show(&key, &value)),
            _ => words.push(named(key.trim_end_matches("_ms"), &show(&key, &value))),
        }
    }
    Short { words, ids, error }
}

fn failure(mut exception: Fields) -> Failure {
    let (name, message) = (exception.take_text("type"), exception.take_text("message"));
    let chain = exception.flatten().into_iter().find(|(key, _)| key == "chain");
    let chain = chain.map(|(_, causes)| texts(&causes)).unwrap_or_default();
    let causes = std::iter::once(message).chain(chain).filter(|cause| !cause.is_empty());
    Failure { name, causes: causes.map(|cause| format!(": {cause}")).collect() }
}

fn texts(list: &Value) -> Vec<String> {
    let items = list.as_array().map_or(&[][..], Vec::as_slice);
    items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// Whether there is nothing to tell, or what goes without saying.
fn is_nothing(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(true)) || value == "" || value.as_array().is_some_and(Vec::is_empty)
}

/// Whether a text stands in what is said, in small letters, as a word of its own.
fn is_said(said: &str, value: &Value) -> bool {
    let Some(text) = value.as_str().filter(|text| text.len() > 2).map(str::to_ascii_lowercase) else { return false };
    let is_apart = |beside: Option<char>| beside.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    said.match_indices(&text).any(|(start, _)| {
        is_apart(said[..start].chars().next_back()) && is_apart(said[start + text.len()..].chars().next())
    })
}

fn named(name: &str, shown: &str) -> String {
    format!("{}={shown}", escape(name))
}

fn show(key: &str, value: &Value) -> String {
    let mut shown = String::new();
    match value {
        Value::Number(number) if key.ends_with("_ms") => return duration(number.as_f64().unwrap_or_default()),
        Value::Array(items) if value.to_string().len() > LIST => return items.len().to_string(),
        value => write_value(&mut shown, value),
    }
    shown
}

/// Milliseconds, to what an eye compares.
fn duration(ms: f64) -> String {
    match ms {
        ..10.0 => format!("{ms:.1}ms"),
        ..1000.0 => format!("{ms:.0}ms"),
        _ => format!("{:.2}s", ms / 1000.0),
    }
}

fn end_of(id: &str) -> String {
    let characters: Vec<char> = id.chars().collect();
    match characters.len().checked_sub(END_OF_ID) {
        // A mark in its place would save little.
        Some(start) if start > 4 => format!("…{}", characters[start..].iter().collect::<String>()),
        _ => id.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(message: &str, record: Value) -> Short {
        short(serde_json::from_str(&record.to_string()).unwrap(), message)
    }

    fn words(context: Value) -> String {
        of("Database operation: create_user", json!({"context": context})).words.join(" ")
    }

    #[test]
    fn what_speaks_for_itself_has_no_name_and_the_rest_has() {
        assert_eq!(words(json!({"route": "/users/"})), "/users/");
        assert_eq!(
            words(json!({"attempt": 2, "success": false, "agent": "a b"})),
            "agent=\"a b\" attempt=2 success=false"
        );
    }

    #[test]
    fn what_goes_without_saying_or_is_said_is_left_out() {
        assert_eq!(words(json!({"client_ip": null, "success": true, "list": [], "email": ""})), "");
        assert_eq!(words(json!({"topic": "create_user", "part": "create", "n": 1})), "n=1 part=create");
        let exception = json!({"type": "ODD", "message": "connect", "chain": []});
        let short =
            of("It failed", json!({"context": {"reason": "connect", "error_type": "ODD"}, "exception": exception}));
        assert_eq!(short.words, Vec::<String>::new());
        assert_eq!(short.error, Some(Failure { name: "ODD".into(), causes: ": connect".into() }));
    }

    #[test]
    fn durations_have_units_and_long_lists_are_counted() {
        let many: Vec<u64> = (1_000_000..1_000_010).collect();
        assert_eq!(words(json!({"duration_ms": 3.538, "jobs": many, "start_ms": 309.08})), "3.5ms jobs=10 start=309ms");
        assert_eq!(words(json!({"duration_ms": 5075.893, "two": [1, 2]})), "5.08s two=[1,2]");
    }

    #[test]
    fn of_an_id_the_end_is_shown() {
        let record = json!({"request_id": "0198a3f2-0000-4000-8000-00005c9e80b1", "job_id": "ünïcödë-ünïcödë", "user_id": "ada"});
        let ids = of("m", record).ids;
        assert_eq!(ids, ["job=…-ünïcödë", "request=…5c9e80b1", "user=ada"].map(String::from).to_vec());
    }
}
