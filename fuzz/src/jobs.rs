//! Jobs for what delivers them.

use neodyme::outbox::{Age, Failure, HandedOver, Job, Payload, TopicName};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::shown::assert_presentable;

/// A job that carries this.
pub fn job(topic: TopicName, payload: Value) -> Job {
    Job {
        id: Uuid::from_u128(7),
        topic,
        payload: Payload::new(payload),
        user_id: Some(Uuid::from_u128(8)),
        request_id: Uuid::from_u128(9).to_string(),
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into(),
        attempt: 1,
        created_at: OffsetDateTime::UNIX_EPOCH,
        age: Age::default(),
        lease_token: Uuid::from_u128(10),
        failing_since: None,
        handed_over: HandedOver::default(),
    }
}

/// What is said of a failure fits on a line of the log, and repeats nothing that the other side may have made up.
pub fn assert_told(failure: &Failure) {
    assert_presentable(&failure.to_string(), 100);
    assert_presentable(&failure.cause.to_string(), 1000);
    assert!(failure.code.is_none_or(|code| (100..1000).contains(&code)), "{:?}", failure.code);
    assert!(failure.retry_after.is_none_or(|wait| wait.as_secs() <= 3600), "{:?}", failure.retry_after);
}
