//! What is sent, and what becomes of each request.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context, bail};
use load_generator::{Arrivals, Event, Pace};
use rand::RngExt;
use rand::rngs::ThreadRng;
use rand::seq::IteratorRandom;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, interval_at};
use url::Url;

use super::requests::{Kind, invalid_body, malformed_body, registration, sign_in, unknown_path};
use super::tally::{Outcome, Tally};
use crate::cli::client;
use crate::cli::output::note;

const PROGRESS: Duration = Duration::from_secs(5);
/// Requests that may be in flight; those due beyond are skipped and counted. Below the share of one client address
/// (`http_max_requests_per_client`).
const IN_FLIGHT: usize = 64;
/// Registrations that are remembered, to be sent again.
const REMEMBERED: usize = 256;
/// Longer than the service takes to answer that it takes too long.
const TIMEOUT: Duration = Duration::from_secs(20);

/// What to send where.
pub(super) struct Plan {
    pub(super) url: Url,
    /// Requests a second, on average.
    pub(super) rate: f64,
    pub(super) duration: Duration,
}

/// Sends until the time is over or a signal comes. Fails when nobody answers at the start.
pub(super) async fn drive(plan: Plan) -> anyhow::Result<Tally> {
    let client = client::build(&plan.url, TIMEOUT).context("cannot build an HTTP client")?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    greet(&client, &plan.url).await?;
    let (rate, time) = (plan.rate, humantime::format_duration(plan.duration));
    note(format_args!("about {rate} requests a second to {} for {time}; Ctrl-C ends it", plan.url));

    let start = Instant::now();
    let mut progress = interval_at(start + PROGRESS, PROGRESS);
    let mut traffic =
        Traffic { client, url: plan.url, registered: VecDeque::new(), tally: Tally::new()?, not_before: None };
    let mut arrivals = Arrivals::new(Pace::Random(rate), Some(plan.duration));
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            _ = progress.tick() => note(format_args!("{}s: {}", start.elapsed().as_secs(), traffic.tally.line())),
            event = arrivals.next() => match event {
                Some(Event::Due(_)) => traffic.send(&mut arrivals, &mut rand::rng()),
                Some(Event::Ended(ended)) => traffic.count(ended),
                None => break,
            }
        }
    }
    Ok(traffic.tally)
}

/// Whether the API of a neodyme is there at all.
async fn greet(client: &Client, url: &Url) -> anyhow::Result<()> {
    let ask = async |path| {
        let answer = client.get(url.join(path)?).send().await.map_err(|error| client::no_answer(url, &error))?;
        anyhow::Ok(answer.status())
    };
    let health = ask("/health/").await?;
    if ![StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE].contains(&health) {
        bail!("what answers at {url} is no neodyme: /health/ says {health}");
    }
    // Of the API alone, and open to everybody.
    match ask("/.well-known/jwks.json").await? {
        StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED => {
            bail!("what answers at {url} registers nobody: give the address of the API (api_listen)")
        }
        _ => Ok(()),
    }
}

struct Traffic {
    client: Client,
    url: Url,
    /// Those who registered last.
    registered: VecDeque<Value>,
    tally: Tally,
    /// Nothing is registered before.
    not_before: Option<Instant>,
}

/// A request that has ended.
struct Ended {
    kind: Kind,
    /// Who registered with it.
    person: Option<Value>,
    outcome: Outcome,
    took: Duration,
    /// The service limits this address and wants no more before so long.
    wait: Option<Duration>,
}

impl Traffic {
    /// Sends what is due, unless too much is in flight or the service asked to wait.
    fn send(&mut self, arrivals: &mut Arrivals<Ended>, rng: &mut ThreadRng) {
        if arrivals.in_flight() >= IN_FLIGHT {
            self.tally.skipped += 1;
            return;
        }
        let mut kind = Kind::draw(rng);
        if kind.wants_somebody() && self.registered.is_empty() {
            kind = Kind::Registration;
        }
        if kind.registers() && self.not_before.is_some_and(|instant| Instant::now() < instant) {
            self.tally.held_back += 1;
            return;
        }
        let (request, person) = self.request(kind, rng);
        self.tally.sent(kind);
        arrivals.send(async move {
            let start = Instant::now();
            let (outcome, wait) = match answer(request).await {
                Ok((status, wait)) => (Outcome::Answered(status.as_u16()), wait),
                Err(error) if kind == Kind::LeavesEarly && error.is_timeout() => (Outcome::Left, None),
                Err(_) => (Outcome::Unanswered, None),
            };
            Ended { kind, person, outcome, took: start.elapsed(), wait: wait.filter(|_| kind.registers()) }
        });
    }

    /// The request, and who registers with it.
    fn request(&self, kind: Kind, rng: &mut ThreadRng) -> (RequestBuilder, Option<Value>) {
        let get = |path: &str| self.client.get(format!("{}{path}", self.url));
        let post_to = |path: &str, body: String| {
            let request = self.client.post(format!("{}{path}", self.url));
            request.header(CONTENT_TYPE, "application/json").body(body)
        };
        let post = |body: String| post_to("users/", body);
        let known = |rng: &mut ThreadRng| self.registered.iter().choose(rng).cloned();
        match kind {
            Kind::Registration => {
                let person = registration(rng);
                (post(person.to_string()), Some(person))
            }
            Kind::LeavesEarly => {
                let patience = Duration::from_millis(rng.random_range(1..15));
                (post(registration(rng).to_string()).timeout(patience), None)
            }
            Kind::Duplicate => {
                let known = known(rng).unwrap_or_else(|| registration(rng));
                (post(known.to_string()), None)
            }
            Kind::SignIn | Kind::WrongPassword => {
                let known = known(rng).unwrap_or_else(|| registration(rng));
                (post_to("auth/login", sign_in(&known, kind == Kind::SignIn).to_string()), None)
            }
            Kind::InvalidBody => (post(invalid_body(rng).to_string()), None),
            Kind::MalformedJson => (post(malformed_body(rng)), None),
            Kind::UnknownPath => (get(unknown_path(rng)), None),
            Kind::Health => (get("health/"), None),
        }
    }

    fn count(&mut self, ended: Ended) {
        self.tally.ended(ended.kind, ended.outcome, ended.took);
        if let (Some(person), Outcome::Answered(201)) = (ended.person, ended.outcome) {
            self.registered.push_back(person);
            if self.registered.len() > REMEMBERED {
                self.registered.pop_front();
            }
        }
        if let Some(wait) = ended.wait {
            self.wait(wait);
        }
    }

    fn wait(&mut self, wait: Duration) {
        if self.not_before.is_none() {
            let wait = humantime::format_duration(wait);
            note(format_args!(
                "429: the service limits this address; registrations wait as it asks, for {wait} now \
                 (registrations_per_client = 0 lifts the limit)"
            ));
        }
        self.not_before = self.not_before.max(Some(Instant::now() + wait));
    }
}

/// Reads the answer to its end, as a client does; of a 429 also how long to wait.
async fn answer(request: RequestBuilder) -> reqwest::Result<(StatusCode, Option<Duration>)> {
    let answer = request.send().await?;
    let status = answer.status();
    let seconds = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    answer.bytes().await?;
    Ok((status, seconds.filter(|_| status == StatusCode::TOO_MANY_REQUESTS).map(Duration::from_secs)))
}
