//! What is told: the payload of a job, and the body of its request.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::values::timestamp;

/// What happened, as the Standard Webhooks specification lays it out. It is personal, so nothing prints it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What happened, such as `user.registered`. A newer instance may know more than this one.
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    #[serde(with = "timestamp")]
    pub timestamp: OffsetDateTime,
    /// To whom.
    pub data: Value,
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_payload_is_read_as_it_was_written_and_sent_in_this_order() {
        let timestamp = datetime!(2026-11-22 08:31:02.000120 UTC);
        let event = Event { kind: "user.deleted".into(), timestamp, data: json!({ "id": "x" }) };
        let body = r#"{"type":"user.deleted","timestamp":"2026-11-22T08:31:02.000120Z","data":{"id":"x"}}"#;
        assert_eq!(serde_json::to_string(&event).unwrap(), body);
        assert!(Event::deserialize(&json!(event)).unwrap() == event);
    }
}
