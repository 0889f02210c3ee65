//! What is sent, and what becomes of each request.

use std::collections::VecDeque;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::ThreadRng;
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use url::Url;

use super::kind::{Kind, invalid_body, malformed_body, unknown_path};
use super::people::Person;
use super::tally::{Outcome, Tally};
use crate::cli::output::note;

/// Requests that may be in flight; those due beyond are skipped and counted. Below the share of one client address
/// (`http_max_requests_per_client`).
const IN_FLIGHT: usize = 64;
/// Registered people who are remembered, to register again.
const REMEMBERED: usize = 256;
/// Longer than the service takes to answer that it takes too long.
pub(super) const TIMEOUT: Duration = Duration::from_secs(20);

/// A request that has ended.
struct Ended {
    kind: Kind,
    person: Option<Person>,
    outcome: Outcome,
    took: Duration,
    /// The service limits this address and wants no more before so long.
    wait: Option<Duration>,
}

pub(super) struct Traffic {
    client: Client,
    url: Url,
    /// Those who registered last.
    people: VecDeque<Person>,
    flying: JoinSet<Ended>,
    tally: Tally,
    /// Nothing is registered before.
    not_before: Option<Instant>,
}

impl Traffic {
    pub(super) fn new(client: Client, url: Url) -> Traffic {
        let (people, flying, tally) = (VecDeque::new(), JoinSet::new(), Tally::new());
        Traffic { client, url, people, flying, tally, not_before: None }
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(super) fn into_tally(self) -> Tally {
        self.tally
    }

    /// Whether everything that was sent has ended.
    pub(super) fn is_over(&self) -> bool {
        self.flying.is_empty()
    }

    /// Sends what is due, unless too much is in flight or the service asked to wait.
    pub(super) fn send(&mut self, rng: &mut ThreadRng) {
        if self.flying.len() >= IN_FLIGHT {
            return self.tally.skipped();
        }
        let mut kind = Kind::draw(rng);
        if kind == Kind::Duplicate && self.people.is_empty() {
            kind = Kind::Registration;
        }
        if kind.registers() && self.not_before.is_some_and(|instant| Instant::now() < instant) {
            return self.tally.held_back();
        }
        let (request, person) = self.request(kind, rng);
        let patience = match kind {
            Kind::LeavesEarly => Duration::from_millis(rng.random_range(1..15)),
            _ => TIMEOUT,
        };
        self.tally.sent(kind);
        self.flying.spawn(async move {
            let start = Instant::now();
            let (outcome, wait) = match timeout(patience, answer(request)).await {
                Ok(Ok((status, wait))) => (Outcome::Answered(status.as_u16()), wait),
                Err(_) if kind == Kind::LeavesEarly => (Outcome::Left, None),
                Ok(Err(_)) | Err(_) => (Outcome::Unanswered, None),
            };
            Ended { kind, person, outcome, took: start.elapsed(), wait }
        });
    }

    /// Waits for a request to end, and counts it. `None` if none is in flight.
    pub(super) async fn end_next(&mut self) -> Option<()> {
        let ended = self.flying.join_next().await?.ok()?;
        self.tally.ended(ended.kind, ended.outcome, ended.took);
        if let (Some(person), Outcome::Answered(201)) = (ended.person, ended.outcome) {
            self.people.push_back(person);
            if self.people.len() > REMEMBERED {
                self.people.pop_front();
            }
        }
        if let Some(wait) = ended.wait {
            self.wait(wait);
        }
        Some(())
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

    /// The request, and who registers with it.
    fn request(&self, kind: Kind, rng: &mut ThreadRng) -> (RequestBuilder, Option<Person>) {
        let post = || self.client.post(self.at("/users/"));
        match kind {
            Kind::Registration | Kind::LeavesEarly => {
                let person = Person::new(rng);
                (post().json(&person.registration()), Some(person))
            }
            Kind::Duplicate => {
                let known = rng.random_range(0..self.people.len().max(1));
                let person = self.people.get(known).cloned().unwrap_or_else(|| Person::new(rng));
                (post().json(&person.registration()), None)
            }
            Kind::InvalidBody => (post().json(&invalid_body(rng)), None),
            Kind::MalformedJson => (post().header("content-type", "application/json").body(malformed_body(rng)), None),
            Kind::UnknownPath => (self.client.get(self.at(unknown_path(rng))), None),
            Kind::Health => (self.client.get(self.at("/health/")), None),
        }
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(path);
        url
    }
}

/// Reads the answer to its end, as a client does; of a 429 also how long to wait.
async fn answer(request: RequestBuilder) -> reqwest::Result<(StatusCode, Option<Duration>)> {
    let answer = request.send().await?;
    let (status, wait) = (answer.status(), wait(&answer));
    answer.bytes().await?;
    Ok((status, wait))
}

fn wait(answer: &Response) -> Option<Duration> {
    let seconds = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    seconds.filter(|_| answer.status() == StatusCode::TOO_MANY_REQUESTS).map(Duration::from_secs)
}
