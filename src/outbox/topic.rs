//! Topics: what jobs do, one type for each.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::config::OutboxConfig;
use crate::error::{Error, ErrorCode};
use crate::telemetry::metrics::ExternalService;
use crate::values::Origin;
use crate::values::job::{Failure, Job, NewJob, Payload, Receipt, TopicName};

/// What is known of a topic without delivering anything.
#[derive(Clone, Copy)]
pub struct About {
    /// Its name, in the database, the log and the metrics.
    pub name: TopicName,
    /// The service outside that a delivery calls.
    pub service: ExternalService,
    /// What it asks of that service, as metrics and the log name it.
    pub operation: &'static str,
    /// What a delivery that fails is recorded as.
    pub error: ErrorCode,
    /// The line in the log when a delivery fails.
    pub failure_line: &'static str,
    /// Its settings.
    pub settings: fn(&OutboxConfig) -> TopicSettings,
}

/// The settings of a topic.
#[derive(Clone, Copy, Debug)]
pub struct TopicSettings {
    /// Deliveries at once, of one instance.
    pub concurrency: usize,
    /// The time after which a job whose instance died is taken over by another.
    pub lease: Duration,
    /// The time for which delivered jobs are remembered.
    pub retention: Duration,
}

/// What jobs of one kind carry, and how they are delivered.
pub trait Topic: Send + Sync + 'static {
    /// What is known of it.
    const ABOUT: About;
    /// What a job carries. It is stored: a version of the service reads what the one before wrote.
    type Payload: Serialize + DeserializeOwned + Send;

    /// Makes one attempt. It neither logs nor counts: the outbox does.
    fn deliver(&self, job: &Job, payload: Self::Payload) -> impl Future<Output = Result<Receipt, Failure>> + Send;

    /// Ends what deliveries have left open. Nothing is lost without it.
    fn end(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// A job of this topic, to be inserted in the transaction that causes it.
pub fn job<T: Topic>(
    payload: &T::Payload,
    user_id: Option<Uuid>,
    origin: &Origin,
    created_at: OffsetDateTime,
) -> NewJob {
    job_of(T::ABOUT.name, payload, user_id, origin, created_at)
}

/// The same, where the topic is not a type.
pub fn job_of(
    topic: TopicName,
    payload: &impl Serialize,
    user_id: Option<Uuid>,
    origin: &Origin,
    created_at: OffsetDateTime,
) -> NewJob {
    NewJob {
        id: Uuid::now_v7(),
        topic,
        payload: Payload::new(json!(payload)),
        user_id,
        request_id: origin.request_id.clone(),
        traceparent: origin.traceparent.clone(),
        created_at,
    }
}

/// A topic apart from the type of its payload.
pub trait Deliver: Send + Sync {
    /// What is known of it.
    fn about(&self) -> About;
    /// Makes one attempt.
    fn deliver<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Result<Receipt, Failure>>;
    /// Whether the other side wants nothing any more, and nobody has said otherwise since.
    ///
    /// # Errors
    /// When the database fails.
    fn is_switched_off(&self) -> BoxFuture<'_, Result<bool, Error>> {
        ready(Ok(false)).boxed()
    }
    /// Ends what deliveries have left open.
    fn end(&self) -> BoxFuture<'_, ()>;
}

impl<T: Topic> Deliver for T {
    fn about(&self) -> About {
        T::ABOUT
    }

    fn deliver<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Result<Receipt, Failure>> {
        async move {
            // What the payload is instead may hold anything, and is not repeated.
            let payload = serde::Deserialize::deserialize(job.payload.expose());
            let payload = payload.map_err(|_| Failure::unreadable("it is not one of this topic"))?;
            Topic::deliver(self, job, payload).await
        }
        .boxed()
    }

    fn end(&self) -> BoxFuture<'_, ()> {
        Topic::end(self).boxed()
    }
}
