//! The loop that sends: when it begins, at which pace, and when it ends.

use std::time::Duration;

use anyhow::{Context, bail};
use rand::{Rng, RngExt};
use reqwest::{Client, StatusCode};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, interval_at, sleep_until};
use url::Url;

use super::tally::Tally;
use super::traffic::{TIMEOUT, Traffic};
use crate::cli::client;
use crate::cli::output::note;

const PROGRESS: Duration = Duration::from_secs(5);

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
    let end = start + plan.duration;
    let mut progress = interval_at(start + PROGRESS, PROGRESS);
    let mut next = start;
    let mut traffic = Traffic::new(client, plan.url);
    loop {
        let due = next < end;
        if !due && traffic.is_over() {
            break;
        }
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            Some(()) = traffic.end_next() => {}
            _ = progress.tick() => note(format_args!("{}s: {}", start.elapsed().as_secs(), traffic.tally().line())),
            () = sleep_until(next), if due => {
                let mut rng = rand::rng();
                traffic.send(&mut rng);
                next += pause(plan.rate, &mut rng);
            }
        }
    }
    Ok(traffic.into_tally())
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
