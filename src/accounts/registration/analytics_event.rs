//! The topic `analytics_event`: tells the analytics service of a registration.

use crate::analytics::{Analytics, Event};
use crate::config::OutboxConfig;
use crate::error::ErrorCode;
use crate::outbox::{About, Topic, TopicSettings};
use crate::telemetry::metrics::ExternalService;
use crate::values::job::{Effect, Failure, Job, Reason, Receipt, TopicName};

/// Sends events.
pub struct AnalyticsEvent {
    /// None where no service is configured: events of the time when there was one wait for it.
    analytics: Option<Analytics>,
}

impl AnalyticsEvent {
    /// Sends them with this.
    pub fn new(analytics: Option<Analytics>) -> Self {
        AnalyticsEvent { analytics }
    }
}

impl Topic for AnalyticsEvent {
    const ABOUT: About = About {
        name: TopicName::new("analytics_event"),
        service: ExternalService::Analytics,
        operation: "track_registration",
        error: ErrorCode::AnalyticsServiceError,
        failure_line: "Analytics event failed but registration continues",
        settings,
    };
    type Payload = Event;

    async fn deliver(&self, job: &Job, event: Event) -> Result<Receipt, Failure> {
        match &self.analytics {
            Some(analytics) => analytics.track(job, &event).await,
            None => Err(Failure::new(Reason::Connect, Effect::ServiceDown, "analytics_base_url is not set")),
        }
    }
}

fn settings(config: &OutboxConfig) -> TopicSettings {
    TopicSettings {
        concurrency: config.analytics_event_concurrency,
        lease: config.analytics_event_lease,
        retention: config.analytics_event_retention,
    }
}
