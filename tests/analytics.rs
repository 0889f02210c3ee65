//! What the analytics service is told, and what its answers mean for the next attempt.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

#[path = "analytics/answers.rs"]
mod answers;
mod common;
#[path = "analytics/fixture.rs"]
mod fixture;
#[path = "analytics/tls.rs"]
mod tls;

use std::time::Duration;

use common::analytics::{AnalyticsService, Behaviour};
use fixture::Delivering;
use fixture::{analytics, config, job, outcome};
use neodyme::analytics::Analytics;
use neodyme::outbox::Effect;
use neodyme::outbox::{Payload, Reason, Receipt};
use serde_json::json;

/// Longer than any answer takes here.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn without_a_base_url_there_is_no_analytics() {
    assert!(Analytics::new(&config([])).unwrap().is_none());
}

#[tokio::test]
async fn an_event_says_what_happened_when_and_to_which_user() {
    let service = AnalyticsService::start().await;
    let job = job();
    let analytics = analytics(&service, SOON);
    assert_eq!(analytics.describe(), format!("POST {}/events", service.base_url()));
    assert_eq!(analytics.deliver(&job).await.unwrap(), Receipt { code: Some(202), withheld: None });

    let received = service.received();
    let [event] = received.as_slice() else { panic!("{received:?}") };
    assert_eq!((event.method.as_str(), event.path.as_str()), ("POST", "/v1/events"));
    assert_eq!(
        event.body,
        json!({
            "event": "user_registered",
            "event_id": job.id,
            "user_id": job.user_id,
            "occurred_at": "2026-11-22T08:31:02.000120Z",
        })
    );
    assert_eq!(event.header("content-type"), "application/json");
    assert_eq!(event.header("user-agent"), concat!("neodyme/", env!("CARGO_PKG_VERSION")));
    assert_eq!(event.header("idempotency-key"), job.id.to_string());
    assert_eq!(event.header("x-request-id"), job.request_id);
    let mut names: Vec<&str> = event.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    let known = ["accept", "content-length", "content-type", "host", "idempotency-key", "traceparent", "user-agent"];
    assert_eq!(names, [&known[..], &["x-request-id"]].concat());
}

#[tokio::test]
async fn the_trace_goes_on_with_a_span_for_each_attempt() {
    let service = AnalyticsService::start().await;
    let (job, analytics) = (job(), analytics(&service, SOON));
    for _ in 0..2 {
        analytics.deliver(&job).await.unwrap();
    }
    let traces: Vec<String> = service.received().iter().map(|event| event.header("traceparent").to_owned()).collect();
    let fields: Vec<Vec<&str>> = traces.iter().map(|trace| trace.split('-').collect()).collect();
    let [first, second] = fields.as_slice() else { panic!("{traces:?}") };
    for fields in [first, second] {
        assert_eq!((fields.len(), fields[0], fields[1], fields[3]), (4, "00", job.trace_id(), "01"));
        assert_ne!(fields[2], job.traceparent.split('-').nth(2).unwrap(), "the span of the request is its parent's");
    }
    assert_ne!(first[2], second[2]);
}

#[tokio::test]
async fn every_attempt_has_the_same_key_and_the_same_body() {
    let service = AnalyticsService::start().await;
    let (mut job, analytics) = (job(), analytics(&service, SOON));
    service.behave(Behaviour::Status(500, None));
    for attempt in 1..=3 {
        job.attempt = attempt;
        analytics.deliver(&job).await.unwrap_err();
    }
    service.behave(Behaviour::Ok);
    analytics.deliver(&job).await.unwrap();

    let received = service.received();
    assert_eq!(received.iter().map(|event| event.taken).collect::<Vec<_>>(), [false, false, false, true]);
    for event in &received {
        assert_eq!(event.header("idempotency-key"), job.id.to_string());
        assert_eq!(event.body, received[0].body);
    }
}

#[tokio::test]
async fn the_connection_is_used_again() {
    let service = AnalyticsService::start().await;
    let analytics = analytics(&service, SOON);
    for answer in [Behaviour::Ok, Behaviour::Status(400, None), Behaviour::Status(503, None), Behaviour::Ok] {
        service.behave(answer);
        let _ = analytics.deliver(&job()).await;
    }
    let received = service.received();
    assert!(received.iter().all(|event| event.connection == received[0].connection), "{received:#?}");
}

#[tokio::test]
async fn no_personal_data_leaves_whatever_the_payload_holds() {
    let service = AnalyticsService::start().await;
    let mut job = job();
    let mut payload = job.payload.expose().clone();
    payload["email"] = json!("canary@example.com");
    payload["full_name"] = json!("Canary Bird");
    job.payload = Payload::new(payload);
    analytics(&service, SOON).deliver(&job).await.unwrap();
    let sent = format!("{:?}", service.received()).to_lowercase();
    assert!(!sent.contains("canary"), "{sent}");
}

#[tokio::test]
async fn a_payload_that_is_no_event_is_not_sent_and_never_will_be() {
    let service = AnalyticsService::start().await;
    let good = job().payload.expose().clone();
    for (field, value) in [
        ("event", json!("canary@example.com")),
        ("user_id", json!("canary@example.com")),
        ("occurred_at", json!("canary@example.com")),
        ("occurred_at", json!(7)),
    ] {
        let mut job = job();
        let mut payload = good.clone();
        payload[field] = value;
        job.payload = Payload::new(payload);
        let failure = outcome(&analytics(&service, SOON), &job).await.unwrap_err();
        assert_eq!(
            (failure.reason, (failure.effect == Effect::GiveUp), (failure.effect == Effect::ServiceDown)),
            (Reason::Payload, true, false),
            "{field}"
        );
    }
    for payload in [json!({}), json!(null), json!([good])] {
        let mut job = job();
        job.payload = Payload::new(payload);
        assert_eq!(outcome(&analytics(&service, SOON), &job).await.unwrap_err().reason, Reason::Payload);
    }
    assert!(service.received().is_empty());
}

#[tokio::test]
async fn a_request_id_that_no_header_can_hold_does_not_hold_up_the_event() {
    let service = AnalyticsService::start().await;
    let mut job = job();
    job.request_id = "broken\r\nX-Injected: yes".into();
    job.traceparent = "broken\r\nX-Injected: yes".into();
    analytics(&service, SOON).deliver(&job).await.unwrap();
    let event = service.received().remove(0);
    assert!(event.headers.get("x-injected").is_none() && event.headers.get("x-request-id").is_none());
    assert_eq!(event.header("traceparent").len(), 55);
    assert_eq!(event.body["event_id"], json!(job.id));
}
