//! The loop that sends, and what becomes of each request.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context, bail};
use rand::rngs::ThreadRng;
use rand::{Rng, RngExt};
use reqwest::{Client, RequestBuilder, StatusCode};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, sleep_until, timeout};
use url::Url;

use super::kind::{Kind, invalid_body, malformed_body, unknown_path};
use super::people::Person;
use super::tally::{Outcome, Tally};
use crate::cli::{client, note};

/// Requests that may be in flight; those due beyond are skipped and counted.
const IN_FLIGHT: usize = 64;
/// Registered people who are remembered, to register again.
const REMEMBERED: usize = 256;
/// Longer than the service takes to answer that it takes too long.
const TIMEOUT: Duration = Duration::from_secs(20);
const PROGRESS: Duration = Duration::from_secs(5);

/// What to send where.
pub(super) struct Plan {
    pub(super) url: Url,
    /// Requests a second, on average.
    pub(super) rate: f64,
    pub(super) duration: Duration,
}

/// A request that has ended.
struct Ended {
    kind: Kind,
    person: Option<Person>,
    outcome: Outcome,
    took: Duration,
}

/// Sends until the time is over or a signal comes. Fails when nobody answers at the start.
pub(super) async fn drive(plan: Plan) -> anyhow::Result<Tally> {
    let client = client::build(&plan.url, TIMEOUT).context("cannot build an HTTP client")?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    greet(&client, &plan.url).await?;
    let (rate, time) = (plan.rate, humantime::format_duration(plan.duration));
    note(format_args!("about {rate} requests a second to {} for {time}; Ctrl-C ends it", plan.url));

    let start = Instant::now();
    let end = start + plan.duration;
    let mut progress = interval_at(start + PROGRESS, PROGRESS);
    let mut next = start;
    let mut traffic =
        Traffic { client, url: plan.url, people: VecDeque::new(), flying: JoinSet::new(), tally: Tally::new() };
    loop {
        let due = next < end;
        if !due && traffic.flying.is_empty() {
            break;
        }
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            Some(Ok(ended)) = traffic.flying.join_next() => traffic.end(ended),
            _ = progress.tick() => note(format_args!("{}s: {}", start.elapsed().as_secs(), traffic.tally.line())),
            () = sleep_until(next), if due => {
                let mut rng = rand::rng();
                traffic.send(&mut rng);
                next += pause(plan.rate, &mut rng);
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
    match ask("/users/").await? {
        StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED => {
            bail!("what answers at {url} registers nobody: give the address of the API (api_listen)")
        }
        _ => Ok(()),
    }
}

/// The time to the next of arrivals that know nothing of each other (a Poisson process).
fn pause(rate: f64, rng: &mut impl Rng) -> Duration {
    Duration::from_secs_f64(-(1.0 - rng.random::<f64>()).ln() / rate)
}

struct Traffic {
    client: Client,
    url: Url,
    /// Those who registered last.
    people: VecDeque<Person>,
    flying: JoinSet<Ended>,
    tally: Tally,
}

impl Traffic {
    fn send(&mut self, rng: &mut ThreadRng) {
        if self.flying.len() >= IN_FLIGHT {
            return self.tally.skipped();
        }
        let mut kind = Kind::draw(rng);
        if kind == Kind::Duplicate && self.people.is_empty() {
            kind = Kind::Registration;
        }
        let (request, person) = self.request(kind, rng);
        let patience = match kind {
            Kind::LeavesEarly => Duration::from_millis(rng.random_range(1..15)),
            _ => TIMEOUT,
        };
        self.tally.sent(kind);
        self.flying.spawn(async move {
            let start = Instant::now();
            let outcome = match timeout(patience, answer(request)).await {
                Ok(Ok(status)) => Outcome::Answered(status.as_u16()),
                Err(_) if kind == Kind::LeavesEarly => Outcome::Left,
                Ok(Err(_)) | Err(_) => Outcome::Unanswered,
            };
            Ended { kind, person, outcome, took: start.elapsed() }
        });
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

    fn end(&mut self, ended: Ended) {
        self.tally.ended(ended.kind, ended.outcome, ended.took);
        if let (Some(person), Outcome::Answered(201)) = (ended.person, ended.outcome) {
            self.people.push_back(person);
            if self.people.len() > REMEMBERED {
                self.people.pop_front();
            }
        }
    }
}

/// Reads the answer to its end, as a client does.
async fn answer(request: RequestBuilder) -> reqwest::Result<StatusCode> {
    let answer = request.send().await?;
    let status = answer.status();
    answer.bytes().await?;
    Ok(status)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::pause;

    #[test]
    fn arrivals_come_at_the_rate_and_not_in_step() {
        let mut rng = StdRng::seed_from_u64(7);
        let pauses: Vec<f64> = (0..100_000).map(|_| pause(50.0, &mut rng).as_secs_f64()).collect();
        let mean = pauses.iter().sum::<f64>() / pauses.len() as f64;
        assert!((mean - 0.02).abs() < 0.0005, "{mean}");
        let short = pauses.iter().filter(|pause| **pause < 0.01).count() as f64 / pauses.len() as f64;
        assert!((short - 0.393).abs() < 0.01, "{short} of the pauses are under half of the mean; exponential: 39.3 %");
    }
}
