//! The analytics service: one `POST {base}/events` for each event, and what its answer means for the next attempt.
//!
//! An event says that something happened and to which user id; a name or an address never leaves. It may arrive more
//! than once, always under the same `Idempotency-Key`.

mod client;
mod event;
mod expectation;
mod failure;
mod probe;

use std::time::Duration;

use http::HeaderValue;
use reqwest::{Client, Request};
use tokio::time::{Instant, timeout_at};
use url::Url;

pub use self::event::{Event, EventName};
use self::expectation::Expectation;
use crate::config::AnalyticsConfig;
use crate::error::Cause;
use crate::outgoing::{BODY_TIME, beginning, broken, send, timeout, traceparent};
use crate::values::job::{Failure, Job, Receipt};

/// A client of the analytics service. A clone shares its connections.
#[derive(Clone, Debug)]
pub struct Analytics {
    client: Client,
    endpoint: Url,
    timeout: Duration,
    expectation: Expectation,
}

impl Analytics {
    /// Opens no connection yet. `None` if no service is configured.
    ///
    /// # Errors
    /// When the service is at an `https` URL and the system has no certificates to trust.
    pub fn new(config: &AnalyticsConfig) -> Result<Option<Analytics>, Cause> {
        let Some(base) = &config.base_url else { return Ok(None) };
        let (client, endpoint) = (client::build(base, config.timeout)?, client::endpoint(base)?);
        Ok(Some(Analytics { client, endpoint, timeout: config.timeout, expectation: Expectation::new(config) }))
    }

    /// Where events go, for the line at start.
    pub fn describe(&self) -> String {
        format!("POST {}", self.endpoint)
    }

    /// Delivers the event of a job within `analytics_timeout`.
    ///
    /// The answer's status decides, and whether it is the service's own; its body may be as long, as slow or as broken as it
    /// likes. A connection that breaks before an answer, as one of the pool does that the service has closed meanwhile, is
    /// replaced once.
    ///
    /// # Errors
    /// See [`Failure`]. Its cause repeats no text of an answer.
    pub async fn track(&self, job: &Job, event: &Event) -> Result<Receipt, Failure> {
        let deadline = Instant::now() + self.timeout;
        let request = self.request(job, event).map_err(broken)?;
        let answer = timeout_at(deadline, send(&self.client, request)).await;
        let mut response = answer.map_err(|_| timeout(self.timeout))?.map_err(broken)?;
        let body = beginning(&mut response, deadline.min(Instant::now() + BODY_TIME)).await;
        if !self.expectation.takes(response.status().as_u16()) {
            return Err(failure::refused(&response, &body));
        }
        let checked = self.expectation.check(response.headers(), &body);
        checked.map_err(|foreign| failure::foreign(&response, foreign))?;
        Ok(Receipt { code: Some(response.status().as_u16()), withheld: None })
    }

    fn request(&self, job: &Job, event: &Event) -> reqwest::Result<Request> {
        let mut request = self.client.post(self.endpoint.clone()).json(&event.with_id(job.id));
        request = request.header("idempotency-key", job.id.to_string()).header("traceparent", traceparent(job));
        if let Ok(request_id) = HeaderValue::from_str(&job.request_id) {
            request = request.header("x-request-id", request_id);
        }
        request.build()
    }
}
