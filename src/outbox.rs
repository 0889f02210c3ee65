//! The outbox: what follows a commit happens, at least once, however the world behaves.
//!
//! The transaction that registers a user also writes one job per side effect. One lane per topic claims jobs under a
//! lease, delivers them and settles them; a job whose instance died is claimed again when its lease ends. A service that
//! fails is left alone for a while, and a job that cannot succeed is put aside for an operator.

mod backoff;
mod circuit;
mod delivery;
mod housekeeping;
mod lane;
pub mod store;

use std::sync::Arc;

use serde_json::json;
use tokio::sync::Notify;
use uuid::Uuid;

use self::lane::Lane;
use crate::accounts::users::NewUser;
use crate::analytics::{Analytics, Event, EventName};
use crate::config::Config;
use crate::http::Context;
use crate::lifecycle::Lifecycle;
use crate::mail::{Mailer, WelcomeEmail};
use crate::store::Db;
use crate::telemetry::logging::Loggers;
use crate::telemetry::metrics;
pub use crate::values::job::{Failure, Job, JobState, NewJob, Reason, Receipt, Topic};

/// What the lanes deliver with, and what wakes them.
pub struct Outbox {
    mailer: Mailer,
    analytics: Option<Analytics>,
    wake: Vec<Notify>,
}

impl Outbox {
    /// An outbox that delivers through these.
    pub fn new(mailer: Mailer, analytics: Option<Analytics>) -> Self {
        Outbox { mailer, analytics, wake: Topic::ALL.iter().map(|_| Notify::new()).collect() }
    }

    /// What sends the welcome emails.
    pub fn mailer(&self) -> &Mailer {
        &self.mailer
    }

    /// What tells the analytics service, if there is one.
    pub fn analytics(&self) -> Option<&Analytics> {
        self.analytics.as_ref()
    }

    /// What follows a registration.
    pub fn jobs_of(&self, user: &NewUser, context: &Context) -> Vec<NewJob> {
        let job = |topic, payload| NewJob {
            id: Uuid::now_v7(),
            topic,
            payload,
            user_id: Some(user.id),
            request_id: context.request_id.to_string(),
            traceparent: context.trace.traceparent(),
            created_at: user.created_at,
        };
        let welcome = WelcomeEmail { email: user.email.clone(), full_name: user.full_name.clone() };
        let mut jobs = vec![job(Topic::WelcomeEmail, json!(welcome))];
        if self.analytics.is_some() {
            let event = Event { event: EventName::UserRegistered, user_id: user.id, occurred_at: user.created_at };
            jobs.push(job(Topic::AnalyticsEvent, json!(event)));
        }
        jobs
    }

    /// Tells the lanes that these jobs were committed.
    pub fn committed(&self, jobs: &[NewJob]) {
        for job in jobs {
            metrics::outbox_enqueued(job.topic);
            self.wake[job.topic as usize].notify_one();
        }
    }

    /// Delivers until the service closes, then finishes what it began, and returns the rest.
    pub async fn run(self: Arc<Self>, db: Db, config: Config, loggers: Loggers, lifecycle: Lifecycle) {
        let lane = |topic| Lane::new(topic, Arc::clone(&self), db.clone(), &config, &loggers, lifecycle.clone()).run();
        tokio::join!(
            lane(Topic::WelcomeEmail),
            lane(Topic::AnalyticsEvent),
            housekeeping::run(&db, &config.outbox, &loggers, &lifecycle),
        );
        self.mailer.end().await;
    }
}
