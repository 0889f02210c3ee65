//! A job as an operator sees it: times in RFC 3339, people by their first letters.

use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::accounts::topics;
use crate::outbox::store::JobRow;
use crate::telemetry::metrics::ExternalService;
use crate::values::Email;
use crate::values::timestamp::rfc3339;

pub(super) const HEAD: [&str; 7] = ["id", "topic", "state", "attempts", "created_at", "run_at", "last_error"];

/// How the state of a job is called that is done, and for which there was nobody to send anything to.
pub(super) const WITHHELD: &str = "withheld";
/// What a line of a list shows of an error, in characters.
const SHORT: usize = 120;

#[derive(Serialize)]
pub(super) struct JobView {
    id: Uuid,
    topic: String,
    state: &'static str,
    attempts: i32,
    created_at: String,
    run_at: String,
    lease_until: Option<String>,
    finished_at: Option<String>,
    user_id: Option<Uuid>,
    request_id: String,
    trace_id: String,
    last_error: Option<String>,
    /// Why nothing was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    withheld: Option<String>,
    /// Attempts that were not answered.
    unanswered: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Value>,
}

impl JobView {
    pub(super) fn without_payload(job: &JobRow) -> Self {
        Self {
            id: job.id,
            topic: job.topic.clone(),
            state: if job.withheld().is_some() { WITHHELD } else { job.state.as_str() },
            attempts: job.attempts,
            created_at: rfc3339(job.created_at),
            run_at: rfc3339(job.run_at),
            lease_until: job.lease_until.map(rfc3339),
            finished_at: job.finished_at.map(rfc3339),
            user_id: job.user_id,
            request_id: job.request_id.clone(),
            trace_id: job.trace_id().to_owned(),
            last_error: job.last_error.clone(),
            withheld: job.withheld().map(str::to_owned),
            unanswered: job.unanswered,
            payload: None,
        }
    }

    pub(super) fn whole(job: &JobRow, full: bool) -> Self {
        let payload = if full { job.payload.without_code() } else { masked("", &job.payload.without_code()) };
        let payload = if job.withheld().is_some() { json!({}) } else { payload };
        Self { payload: Some(payload), ..Self::without_payload(job) }
    }

    /// A line of a list.
    pub(super) fn row(&self) -> [String; 7] {
        let error = self.withheld.as_deref().or(self.last_error.as_deref()).unwrap_or_default();
        let mut short: String = error.chars().take(SHORT).collect();
        if short.len() < error.len() {
            short.push('…');
        }
        [
            self.id.to_string(),
            self.topic.clone(),
            self.state.to_owned(),
            self.attempts.to_string(),
            self.created_at.clone(),
            self.run_at.clone(),
            short,
        ]
    }

    fn unanswered_in_words(&self) -> Option<String> {
        let mut emails = topics::ALL.iter().filter(|topic| topic.service == ExternalService::Email);
        let is_email = emails.any(|topic| topic.name.as_str() == self.topic);
        let what = if is_email { "may have been sent" } else { "may have been done" };
        match self.unanswered {
            0 => None,
            1 => Some(format!("1 attempt: {what}")),
            attempts => Some(format!("{attempts} attempts: {what} that often")),
        }
    }

    /// Everything that there is, a line each.
    pub(super) fn lines(&self) -> Vec<[String; 2]> {
        let lines = [
            ("id", Some(self.id.to_string())),
            ("topic", Some(self.topic.clone())),
            ("state", Some(self.state.to_owned())),
            ("attempts", Some(self.attempts.to_string())),
            ("created_at", Some(self.created_at.clone())),
            ("run_at", Some(self.run_at.clone())),
            ("lease_until", self.lease_until.clone()),
            ("finished_at", self.finished_at.clone()),
            ("user_id", self.user_id.map(|id| id.to_string())),
            ("request_id", Some(self.request_id.clone())),
            ("trace_id", Some(self.trace_id.clone())),
            ("withheld", self.withheld.clone()),
            ("last_error", self.last_error.clone()),
            ("unanswered", self.unanswered_in_words()),
            ("payload", self.payload.as_ref().map(Value::to_string)),
        ];
        lines.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?])).collect()
    }
}

/// The payload with the first letters of names and addresses: of what is an address, contains one, or has a key such as
/// `full_name`.
fn masked(key: &str, value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), masked(key, value))).collect(),
        Value::Array(items) => items.iter().map(|item| masked(key, item)).collect(),
        Value::String(text) => match Email::parse(text) {
            Ok(email) => email.masked().into(),
            Err(_) if key.ends_with("name") || text.contains('@') => first_letter(text).into(),
            Err(_) => value.clone(),
        },
        other => other.clone(),
    }
}

fn first_letter(text: &str) -> String {
    text.chars().take(1).chain("***".chars()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::masked;

    #[test]
    fn names_and_addresses_are_masked_wherever_they_are() {
        let payload = json!({
            "email": "ada@example.com", "full_name": "Ada Lovelace", "event": "user_registered", "n": 7,
            "to": ["Bob <bob@example.com>", {"deep": "eve@example.com"}],
        });
        let expected = json!({
            "email": "a***@example.com", "full_name": "A***", "event": "user_registered", "n": 7,
            "to": ["B***", {"deep": "e***@example.com"}],
        });
        assert_eq!(masked("", &payload), expected);
    }
}
