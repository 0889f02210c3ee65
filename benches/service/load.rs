//! A closed loop of callers: each makes its next call as soon as the last one is answered.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::task::JoinSet;

use crate::client::Connection;
use crate::report::Row;
use crate::{client, stats};

/// How many clients register at once.
pub const CLIENTS: usize = 16;

/// One caller of a closed loop.
pub trait Caller: Send + 'static {
    /// Makes one call and waits for its answer; an answer that is not the expected one is an error.
    fn call(&mut self) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// What a slice of load came to.
pub struct Slice {
    /// Calls per second.
    pub rate: f64,
    /// Every call of the slice, with the warm-up and those that ended late.
    pub calls: u64,
    /// The latencies of the calls that ended after the warm-up and in time, in seconds.
    pub latencies: Vec<f64>,
}

/// Lets the callers make calls for `length`, and waits for those that are on their way. The rate is that of all calls:
/// answers come several at a time, so to cut off those that come too late would cut off more or fewer by chance. Latencies
/// of the first tenth are left out: it warms up.
pub async fn drive<C: Caller>(callers: Vec<C>, length: Duration) -> anyhow::Result<Slice> {
    let begin = Instant::now();
    let (from, until) = (begin + length / 10, begin + length);
    let mut tasks = JoinSet::new();
    for mut caller in callers {
        tasks.spawn(async move {
            let (mut calls, mut latencies, mut before) = (0, Vec::new(), Instant::now());
            while before < until {
                caller.call().await?;
                let now = Instant::now();
                calls += 1;
                if now >= from && now < until {
                    latencies.push((now - before).as_secs_f64());
                }
                before = now;
            }
            anyhow::Ok((calls, latencies))
        });
    }
    let mut slice = Slice { rate: 0.0, calls: 0, latencies: Vec::new() };
    while let Some(ended) = tasks.join_next().await {
        let (calls, latencies) = ended??;
        slice.calls += calls;
        slice.latencies.extend(latencies);
    }
    slice.rate = slice.calls as f64 / begin.elapsed().as_secs_f64();
    Ok(slice)
}

/// Registers users that were never seen before.
pub struct Registrar {
    connection: Connection,
    numbers: Arc<AtomicU64>,
}

impl Registrar {
    /// A client with this connection.
    pub fn new(connection: Connection, numbers: &Arc<AtomicU64>) -> Registrar {
        Registrar { connection, numbers: Arc::clone(numbers) }
    }

    /// Tries to register one user; returns the status of the answer.
    pub async fn try_once(&mut self) -> anyhow::Result<u16> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let body = format!(
            r#"{{"email":"user{number}@example.com","full_name":"User {number}","password":"correct horse {number}"}}"#
        );
        self.connection.call(&client::post("/users/", &body)).await
    }

    /// The 16 clients of the registration measurements; `numbers` makes their addresses unique.
    pub async fn open(api: SocketAddr, numbers: &Arc<AtomicU64>) -> anyhow::Result<Vec<Registrar>> {
        let mut registrars = Vec::with_capacity(CLIENTS);
        for _ in 0..CLIENTS {
            registrars.push(Registrar::new(Connection::open(api).await?, numbers));
        }
        Ok(registrars)
    }
}

impl Caller for Registrar {
    async fn call(&mut self) -> anyhow::Result<()> {
        let status = self.try_once().await?;
        ensure!(status == 201, "status {status}: {}", String::from_utf8_lossy(self.connection.body()));
        Ok(())
    }
}

/// Registers with 16 clients for `length`.
pub async fn register(api: SocketAddr, numbers: &Arc<AtomicU64>, length: Duration) -> anyhow::Result<Slice> {
    drive(Registrar::open(api, numbers).await?, length).await
}

/// Slices of latencies in seconds, each beside another of which it must not differ much.
#[derive(Default)]
pub struct Pairs {
    measured: Vec<Vec<f64>>,
    reference: Vec<Vec<f64>>,
}

impl Pairs {
    /// Adds a slice and the one beside it.
    pub fn add(&mut self, measured: Vec<f64>, reference: Vec<f64>) {
        self.measured.push(measured);
        self.reference.push(reference);
    }

    /// The row of this percentile: of all latencies together, as far apart as the slices are.
    pub fn row(&self, rank: f64, title: &str) -> Row {
        let millis = |latencies: &[f64]| 1e3 * stats::percentile(latencies, rank);
        let pairs = self.measured.iter().zip(&self.reference);
        let ratios: Vec<_> = pairs.map(|(measured, reference)| millis(measured) / millis(reference)).collect();
        let row = Row::new(title, "ms", millis(&self.measured.concat())).over(millis(&self.reference.concat()));
        row.scattered_as(&ratios)
    }
}

/// The mean of latencies and some of their percentiles, in milliseconds.
pub struct Latency {
    /// The arithmetic mean.
    pub mean: f64,
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl Latency {
    /// Sums up latencies given in seconds.
    pub fn of(seconds: &[f64]) -> Latency {
        let rank = |rank| 1e3 * stats::percentile(seconds, rank);
        Latency { mean: 1e3 * stats::mean(seconds), p50: rank(0.5), p99: rank(0.99), max: rank(1.0) }
    }
}
