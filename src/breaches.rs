//! Passwords that are known from data breaches elsewhere: asked of a service that learns the first 5 hex digits of a SHA-1, and
//! answers with all that begin so (k-anonymity, <https://haveibeenpwned.com/API/v3#PwnedPasswords>).
//!
//! Nobody has to wait for it for long, and nobody is refused because it fails: then a password is not known.

mod range;
mod rest;

use std::time::{Duration, Instant};

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use serde::Serialize;
use slog::Logger;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use url::Url;

use self::range::{Digest, NotARange};
use self::rest::Rest;
use crate::config::NewPasswordConfig;
use crate::error::Cause;
use crate::telemetry::logging::{Exception, context, info, warn};
use crate::telemetry::metrics::{CallOutcome, Calls, ExternalService};
use crate::tls::http_client_config;
use crate::values::job::Reason;
use crate::values::timestamp::millis;
use crate::values::{Fault, FaultCode, Password};

/// Questions at once. Whoever has one more waits for its turn, within its time.
pub const MAX_QUESTIONS: usize = 32;
/// More than any range has, padded or not: some 2,000 lines of 40 bytes.
const BODY_LIMIT: usize = 512 * 1024;
/// Time without a question after which a connection is closed.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// A client of the service.
pub struct Breaches {
    client: Client,
    url: Url,
    limit: Duration,
    turns: Semaphore,
    rest: Rest,
    calls: Calls,
}

/// Why there is no answer. Nothing of it tells what was asked.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("the service could not be asked")]
    Broken(#[source] reqwest::Error),
    #[error("the service answered {0}")]
    Refused(StatusCode),
    #[error("the answer has more than {BODY_LIMIT} bytes")]
    TooLong,
    #[error(transparent)]
    NotARange(#[from] NotARange),
}

#[derive(Serialize)]
struct Call {
    service: &'static str,
    operation: &'static str,
    duration_ms: f64,
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

impl Breaches {
    /// Opens no connection yet. `None` if no service is configured.
    ///
    /// # Errors
    /// When the service is at an `https` URL and the system has no certificates to trust.
    pub fn new(config: &NewPasswordConfig) -> Result<Option<Self>, Cause> {
        let Some(url) = &config.breached_url else { return Ok(None) };
        let client = Client::builder()
            .user_agent(concat!("neodyme/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .pool_idle_timeout(IDLE_TIME)
            .pool_max_idle_per_host(MAX_QUESTIONS)
            .tls_backend_preconfigured(http_client_config(url, ", which breached_passwords_url over TLS needs")?)
            .build()?;
        let calls = Calls::new(ExternalService::BreachedPasswords, "range");
        let (url, limit, turns) = (url.clone(), config.breached_timeout, Semaphore::new(MAX_QUESTIONS));
        Ok(Some(Breaches { client, url, limit, turns, rest: Rest::default(), calls }))
    }

    /// Where is asked, for the line at start.
    pub fn describe(&self) -> String {
        format!("GET {}/…", self.url.as_str().trim_end_matches('/'))
    }

    /// Refuses a password that is known. It is taken where nobody knows within `breached_passwords_timeout`, or where the
    /// service failed so often that it is given a rest: the log, under the ids of `log`, and the metrics say so.
    ///
    /// # Errors
    /// A [`Fault`] with what to do, without the password.
    pub async fn check(&self, password: &Password, log: &Logger) -> Result<(), Fault> {
        if self.rest.is_taken() {
            self.calls.spared();
            return Ok(());
        }
        let (began, in_flight) = (Instant::now(), self.calls.enter());
        let answer = timeout(self.limit, self.ask(&Digest::of(password))).await;
        drop(in_flight);
        let answer = answer.unwrap_or(Err(Unanswered::Timeout(self.limit)));
        self.tell(answer.as_ref().err(), began.elapsed(), log);
        if answer.unwrap_or(false) { Err(breached()) } else { Ok(()) }
    }

    /// Whether the service knows it.
    async fn ask(&self, digest: &Digest) -> Result<bool, Unanswered> {
        let _turn = self.turns.acquire().await;
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(digest.prefix());
        }
        let request = self.client.get(url).header("add-padding", "true");
        let mut response = request.send().await.map_err(Unanswered::broken)?;
        if response.status() != StatusCode::OK {
            return Err(Unanswered::Refused(response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(Unanswered::broken)? {
            if body.len() + chunk.len() > BODY_LIMIT {
                return Err(Unanswered::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(digest.is_in(&body)?)
    }

    fn tell(&self, failure: Option<&Unanswered>, took: Duration, log: &Logger) {
        self.calls.ended(failure.map_or(CallOutcome::Success, Unanswered::outcome), took);
        let (service, operation) = (self.calls.service().as_str(), self.calls.operation());
        let (success, reason) = (failure.is_none(), failure.map(|failure| failure.reason().as_str()));
        let call = Call { service, operation, duration_ms: millis(took), success, reason };
        info!(log, "External service call: {}.{}", service, operation; "context" => context(&call));
        match failure {
            None => self.rest.answered(),
            Some(failure) => {
                self.rest.failed();
                warn!(log, "A new password could not be held against breaches, and is taken without";
                    "exception" => Exception::of(failure), "context" => context(&call));
            }
        }
    }
}

impl Unanswered {
    /// The URL names what was asked.
    fn broken(error: reqwest::Error) -> Self {
        Unanswered::Broken(error.without_url())
    }

    fn outcome(&self) -> CallOutcome {
        if matches!(self, Unanswered::Timeout(_)) { CallOutcome::Timeout } else { CallOutcome::Error }
    }

    fn reason(&self) -> Reason {
        match self {
            Unanswered::Timeout(_) => Reason::Timeout,
            Unanswered::Broken(error) if error.is_connect() => Reason::Connect,
            Unanswered::Broken(_) => Reason::Protocol,
            Unanswered::Refused(status) if status.is_server_error() => Reason::Refused5xx,
            Unanswered::Refused(status) if status.is_client_error() => Reason::Refused4xx,
            Unanswered::Refused(_) | Unanswered::TooLong | Unanswered::NotARange(_) => Reason::NotTheService,
        }
    }
}

fn breached() -> Fault {
    Fault::new(
        FaultCode::Breached,
        "is known from a data breach; choose another, and change it wherever else you use it",
    )
}
