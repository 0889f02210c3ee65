//! Webhooks: one `POST` of an event to an endpoint of somebody else, signed as the Standard Webhooks specification says
//! (<https://www.standardwebhooks.com>), and what the answer means for the next attempt.
//!
//! Nothing is sent to an address that is not public, unless its network is named: the name of an endpoint is looked up here, and
//! the connection goes to the address that was looked at.

mod client;
mod event;
mod failure;
mod signature;

use std::time::Duration;

use http::header::CONTENT_TYPE;
use reqwest::{Client, Request};
use tokio::time::{Instant, timeout_at};
use url::Url;
use uuid::Uuid;

pub use self::event::Event;
use self::signature::Signer;
use crate::clock;
use crate::config::{WebhookConfig, WebhookEndpoint};
use crate::error::Cause;
use crate::outgoing::{BODY_TIME, beginning, broken, send, timeout};
use crate::values::job::{Effect, Failure, Reason, Receipt};

/// The way to one endpoint. A clone shares its connections.
#[derive(Clone, Debug)]
pub struct Webhook {
    client: Client,
    url: Url,
    signer: Signer,
    timeout: Duration,
}

impl Webhook {
    /// Opens no connection yet. `None` if there is no such endpoint.
    ///
    /// # Errors
    /// When the endpoint is at an `https` URL and the system has no certificates to trust.
    pub fn new(config: &WebhookConfig, endpoint: &WebhookEndpoint<'_>) -> Result<Option<Webhook>, Cause> {
        let Some(url) = endpoint.url else { return Ok(None) };
        let client = client::build(url, config.timeout, &config.private_networks)?;
        let signer = Signer::new(endpoint.secrets);
        Ok(Some(Webhook { client, url: url.clone(), signer, timeout: config.timeout }))
    }

    /// Where it is.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Sends an event within `webhook_timeout`. What is sent again has the same id, and is signed anew: a receiver refuses what
    /// was signed long ago.
    ///
    /// # Errors
    /// See [`Failure`]. Its cause repeats no text of an answer, and nothing of the event.
    pub async fn send(&self, id: Uuid, event: &Event) -> Result<Receipt, Failure> {
        let deadline = Instant::now() + self.timeout;
        let request = self.request(id, event)?;
        let answer = timeout_at(deadline, send(&self.client, request)).await;
        let mut response = answer.map_err(|_| timeout(self.timeout))?.map_err(failure::unanswered)?;
        // Not looked at: so that the connection can be used again.
        beginning(&mut response, deadline.min(Instant::now() + BODY_TIME)).await;
        match response.status() {
            status if status.is_success() => Ok(Receipt { code: Some(status.as_u16()), withheld: None }),
            status => Err(failure::refused(status, response.headers())),
        }
    }

    fn request(&self, id: Uuid, event: &Event) -> Result<Request, Failure> {
        let body = serde_json::to_vec(event).map_err(|why| Failure::new(Reason::Payload, Effect::GiveUp, why))?;
        let (id, timestamp) = (id.to_string(), clock::now().unix_timestamp().to_string());
        let signatures = self.signer.sign(&id, &timestamp, &body);
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        let request = request.header("webhook-id", id).header("webhook-timestamp", timestamp);
        request.header("webhook-signature", signatures).body(body).build().map_err(broken)
    }
}
