//! The topics `webhook_1` to `webhook_4`: one for each endpoint, with a lane, a circuit and figures of its own.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use url::Url;

use super::switch::{self, Off};
use crate::config::{MOST_WEBHOOKS, OutboxConfig, WebhookConfig};
use crate::error::{Cause, ErrorCode, Result};
use crate::outbox::{About, Deliver, TopicSettings};
use crate::store::Db;
use crate::telemetry::metrics::{ExternalService, SwitchOffs};
use crate::values::job::{Failure, Job, Reason, Receipt, TopicName};
use crate::webhooks::{Event, Webhook};

/// What is known of the topic of each endpoint, in the order of their numbers.
pub const ABOUT: [About; MOST_WEBHOOKS] =
    [about("webhook_1"), about("webhook_2"), about("webhook_3"), about("webhook_4")];

/// Another instance may have switched the endpoint off, and an operator may have switched it on.
const LOOK: Duration = Duration::from_secs(1);

const fn about(name: &'static str) -> About {
    About {
        name: TopicName::new(name),
        service: ExternalService::Webhook,
        operation: "send_webhook",
        error: ErrorCode::WebhookServiceError,
        failure_line: "Webhook failed",
        settings,
    }
}

fn settings(config: &OutboxConfig) -> TopicSettings {
    TopicSettings {
        concurrency: config.webhook_concurrency,
        lease: config.webhook_lease,
        retention: config.webhook_retention,
    }
}

/// Sends the events of one endpoint.
pub struct WebhookTopic {
    about: About,
    webhook: Webhook,
    db: Db,
    switch_offs: SwitchOffs,
    /// Whether it is switched off, as was seen last.
    seen: Mutex<Option<(Instant, bool)>>,
}

/// The topic of each endpoint that there is.
///
/// # Errors
/// When the system has no certificates to trust.
pub fn topics(config: &WebhookConfig, db: &Db) -> std::result::Result<Vec<WebhookTopic>, Cause> {
    let topic = |(about, place): (About, _)| match Webhook::new(config, &place) {
        Ok(webhook) => webhook.map(|webhook| Ok(WebhookTopic::new(about, webhook, db.clone()))),
        Err(why) => Some(Err(why)),
    };
    ABOUT.into_iter().zip(config.places()).filter_map(topic).collect()
}

/// Whether an endpoint at this URL is among those that are switched off.
pub fn is_off(all: &[Off], topic: TopicName, url: &Url) -> bool {
    all.iter().any(|off| off.topic == topic.as_str() && off.url_hash == hash(url))
}

fn hash(url: &Url) -> Vec<u8> {
    digest(&SHA256, url.as_str().as_bytes()).as_ref().to_vec()
}

impl WebhookTopic {
    fn new(about: About, webhook: Webhook, db: Db) -> Self {
        WebhookTopic { about, webhook, db, switch_offs: SwitchOffs::new(about.name), seen: Mutex::default() }
    }

    async fn deliver(&self, job: &Job) -> std::result::Result<Receipt, Failure> {
        // What the payload is instead may hold anything, and is not repeated.
        let event = Event::deserialize(job.payload.expose());
        let event = event.map_err(|_| Failure::unreadable("it is no event"))?;
        let sent = self.webhook.send(job.id, &event).await;
        if sent.as_ref().is_err_and(|failure| failure.reason == Reason::Gone) {
            self.switch_off().await;
        }
        sent
    }

    /// Where the database fails, the endpoint is asked again soon, and says the same.
    async fn switch_off(&self) {
        if let Ok(was_on) = switch::switch_off(&self.db, self.about.name, &hash(self.webhook.url())).await {
            if was_on {
                self.switch_offs.count();
            }
            self.see(true);
        }
    }

    async fn look(&self) -> Result<bool> {
        let is_off = switch::is_off(&self.db, self.about.name, &hash(self.webhook.url())).await?;
        self.see(is_off);
        Ok(is_off)
    }

    fn see(&self, is_off: bool) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), is_off));
    }

    fn seen(&self) -> Option<bool> {
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.filter(|(at, _)| at.elapsed() < LOOK).map(|(_, is_off)| is_off)
    }
}

impl Deliver for WebhookTopic {
    fn about(&self) -> About {
        self.about
    }

    fn deliver<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, std::result::Result<Receipt, Failure>> {
        self.deliver(job).boxed()
    }

    fn is_switched_off(&self) -> BoxFuture<'_, Result<bool>> {
        match self.seen() {
            Some(is_off) => ready(Ok(is_off)).boxed(),
            None => self.look().boxed(),
        }
    }

    fn end(&self) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }
}
