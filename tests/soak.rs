//! The soak: all that a hostile client does, for an hour, and beside it half of what the service can still do for others.
//! At the end nothing has grown and nothing is lost. `make soak` runs it on the release binary and prints a table for
//! docs/SECURITY-TESTS.md.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test ends by panicking, and tells of its progress"
)]

mod common;
#[path = "soak/honest.rs"]
mod honest;
#[path = "soak/hostile.rs"]
mod hostile;
#[path = "soak/report.rs"]
mod report;
#[path = "soak/usage.rs"]
mod usage;
#[path = "soak/world.rs"]
mod world;

use std::time::{Duration, Instant};

use common::database::Backend;
use common::load::Attempt;
use hostile::Hostile;
use report::Report;
use usage::Usage;
use world::World;

const CAPACITY_IS_MEASURED_FOR: Duration = Duration::from_secs(10);
const BETWEEN_SAMPLES: Duration = Duration::from_secs(5);

/// `NEODYME_SOAK_SECONDS` says for how long, `NEODYME_SOAK_DATABASE=postgres` on what else than SQLite.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes an hour: make soak"]
async fn half_load_goes_on_for_an_hour_beside_hostile_clients() {
    let length = Duration::from_secs(std::env::var("NEODYME_SOAK_SECONDS").map_or(3600, |text| text.parse().unwrap()));
    let backend = match std::env::var("NEODYME_SOAK_DATABASE").as_deref() {
        Ok("postgres") => Backend::Postgres,
        _ => Backend::Sqlite,
    };
    let mut world = World::start(backend).await;
    let url = world.app.api_url();

    let (mut attempts, alone) = as_many_as_possible(&url).await;
    let hostile = Hostile::start(&world.app);
    let (more, beside) = as_many_as_possible(&url).await;
    attempts.extend(more);
    eprintln!("{alone:.0} registrations a second, {beside:.0} beside hostile clients, of which half for {length:?}");

    let began = Instant::now();
    let half = honest::paced(&url, beside / 2.0);
    let mut usage = Usage::default();
    while began.elapsed() < length {
        tokio::time::sleep(BETWEEN_SAMPLES).await;
        usage.sample(began.elapsed(), &mut world).await;
    }
    let rounds = hostile.stop().await;
    let steady = half.stop().await;
    let delivered = world.until_delivered().await;
    attempts.extend(steady.iter().cloned());

    let memory = usage::memory(&world);
    let report = Report { backend, length, alone, beside, steady, rounds, usage, delivered, memory };
    eprintln!("{}", report.table());
    world.assert_kept(&attempts).await;
    report.assert_good();
    assert!(world.app.stop().await.success(), "the service ends as it should");
}

/// Registrations without a pause: what was sent, and how many of them were served in a second.
async fn as_many_as_possible(url: &str) -> (Vec<Attempt>, f64) {
    let (began, busy) = (Instant::now(), honest::without_pause(url));
    tokio::time::sleep(CAPACITY_IS_MEASURED_FOR).await;
    let attempts = busy.stop().await;
    let served = attempts.iter().filter(|attempt| attempt.is_accepted()).count();
    (attempts, served as f64 / began.elapsed().as_secs_f64())
}
