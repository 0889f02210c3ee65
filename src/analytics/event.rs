//! What is told of a registration: the payload of a job, and the body of its request.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::values::timestamp;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventName {
    /// A user was registered.
    UserRegistered,
}

/// The payload of a job of the topic `analytics_event`. These fields, and no others, leave for the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub event: EventName,
    /// To whom.
    pub user_id: Uuid,
    /// When.
    #[serde(with = "timestamp")]
    pub occurred_at: OffsetDateTime,
}

/// The body of a request.
#[derive(Serialize)]
pub(super) struct EventWithId {
    event: EventName,
    event_id: Uuid,
    user_id: Uuid,
    #[serde(with = "timestamp")]
    occurred_at: OffsetDateTime,
}

impl Event {
    pub(super) fn with_id(&self, event_id: Uuid) -> EventWithId {
        let Event { event, user_id, occurred_at } = *self;
        EventWithId { event, event_id, user_id, occurred_at }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_payload_is_read_as_it_was_written() {
        let (user_id, occurred_at) = (Uuid::from_u128(7), datetime!(2026-11-22 08:31:02.000120 UTC));
        let event = Event { event: EventName::UserRegistered, user_id, occurred_at };
        let payload = serde_json::to_value(&event).unwrap();
        assert_eq!(
            payload,
            json!({
                "event": "user_registered", "user_id": user_id, "occurred_at": "2026-11-22T08:31:02.000120Z",
            })
        );
        assert_eq!(Event::deserialize(&payload).unwrap(), event);
    }
}
