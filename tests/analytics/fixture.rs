//! A client of a service, a job, and what every failure has in common.

use std::time::Duration;

use neodyme::accounts::registration::AnalyticsEvent;
use neodyme::accounts::topics::ANALYTICS_EVENT;
use neodyme::analytics::{Analytics, Event, EventName};
use neodyme::config::{AnalyticsConfig, Config, Sources};
use neodyme::outbox::Effect;
use neodyme::outbox::{Age, Deliver, Failure, HandedOver, Job, Payload, Reason, Receipt};
use serde_json::json;
use time::macros::datetime;
use uuid::Uuid;

use crate::common::analytics::AnalyticsService;

pub(crate) fn analytics(service: &AnalyticsService, timeout: Duration) -> Analytics {
    analytics_at(&service.base_url(), timeout)
}

pub(crate) fn analytics_at(base_url: &str, timeout: Duration) -> Analytics {
    let timeout = format!("{}ms", timeout.as_millis());
    analytics_with(base_url, &[("analytics_timeout", &timeout)])
}

/// A client with these settings.
pub(crate) fn analytics_with(base_url: &str, settings: &[(&str, &str)]) -> Analytics {
    let settings = settings.iter().copied().chain([("analytics_base_url", base_url)]);
    Analytics::new(&config(settings)).unwrap().unwrap()
}

pub(crate) fn config<'a>(settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> AnalyticsConfig {
    let variable = |(key, value): (&str, &str)| (format!("NEODYME_{}", key.to_uppercase()).into(), value.into());
    let environment = settings.into_iter().map(variable).collect();
    Config::load(&Sources { environment, ..Sources::default() }).unwrap().analytics
}

/// The first attempt at a new job.
pub(crate) fn job() -> Job {
    let (user_id, occurred_at) = (Uuid::now_v7(), datetime!(2026-11-22 08:31:02.000120 UTC));
    Job {
        id: Uuid::now_v7(),
        topic: ANALYTICS_EVENT,
        payload: Payload::new(json!(Event { event: EventName::UserRegistered, user_id, occurred_at })),
        user_id: Some(user_id),
        request_id: Uuid::new_v4().to_string(),
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into(),
        attempt: 1,
        created_at: occurred_at,
        age: Age::default(),
        lease_token: Uuid::new_v4(),
        failing_since: None,
        handed_over: HandedOver::default(),
    }
}

/// A client makes an attempt at a job, as its topic does.
pub(crate) trait Delivering {
    async fn deliver(&self, job: &Job) -> Result<Receipt, Failure>;
}

impl Delivering for Analytics {
    async fn deliver(&self, job: &Job) -> Result<Receipt, Failure> {
        Deliver::deliver(&AnalyticsEvent::new(Some(self.clone())), job).await
    }
}

/// One attempt. A failure shows nothing of what the service wrote, or the payload held.
pub(crate) async fn outcome(analytics: &Analytics, job: &Job) -> Result<Receipt, Failure> {
    let outcome = analytics.deliver(job).await;
    if let Err(failure) = &outcome {
        let text = format!("{failure} {failure:?}");
        assert!(!text.contains("canary"), "{text}");
    }
    outcome
}

/// The service is out of order and gave no answer, which another attempt may get.
pub(crate) fn gone(failure: &Failure, reason: Reason) {
    assert_eq!((failure.reason, failure.code, failure.retry_after), (reason, None, None), "{failure:?}");
    assert!((failure.effect == Effect::ServiceDown) && failure.effect != Effect::GiveUp, "{failure:?}");
}
