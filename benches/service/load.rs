//! The registrations of the benchmark, and slices of load. The loop is that of [`load_generator`]; what is its own is the client
//! ([`crate::client`]), since any other would take more of the processors than what it measures.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use load_generator::{Caller, Callers};
use tokio::time::sleep;

use crate::client::Connection;
use crate::{client, stats};

/// How many clients register at once.
pub const CLIENTS: usize = 16;

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
pub async fn drive<C: Caller<Outcome = ()>>(callers: Vec<C>, length: Duration) -> anyhow::Result<Slice> {
    let begin = Instant::now();
    let callers = Callers::start(callers, Duration::ZERO);
    sleep(length).await;
    let calls = callers.stop().await?;
    let rate = calls.len() as f64 / begin.elapsed().as_secs_f64();
    let measured = begin + length / 10..begin + length;
    let latencies = calls.iter().filter(|call| measured.contains(&call.ended)).map(|call| call.took.as_secs_f64());
    Ok(Slice { rate, calls: calls.len() as u64, latencies: latencies.collect() })
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
            r#"{{"email":"user{number}@example.com","full_name":"User {number}","password":"correct horse battery staple"}}"#
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
    type Outcome = ();

    async fn call(&mut self) -> anyhow::Result<()> {
        let status = self.try_once().await?;
        ensure!(status == 201, "status {status}: {}", String::from_utf8_lossy(self.connection.body()));
        Ok(())
    }
}

/// Sends the same request again and again, which is to be answered with 200.
pub struct Asker {
    connection: Connection,
    request: Vec<u8>,
}

impl Asker {
    /// So many of them, with a connection each.
    pub async fn open(api: SocketAddr, request: &[u8], connections: usize) -> anyhow::Result<Vec<Asker>> {
        let mut askers = Vec::with_capacity(connections);
        for _ in 0..connections {
            askers.push(Asker { connection: Connection::open(api).await?, request: request.to_vec() });
        }
        Ok(askers)
    }
}

impl Caller for Asker {
    type Outcome = ();

    async fn call(&mut self) -> anyhow::Result<()> {
        let status = self.connection.call(&self.request).await?;
        ensure!(status == 200, "status {status}: {}", String::from_utf8_lossy(self.connection.body()));
        Ok(())
    }
}

/// Registers with 16 clients for `length`.
pub async fn register(api: SocketAddr, numbers: &Arc<AtomicU64>, length: Duration) -> anyhow::Result<Slice> {
    drive(Registrar::open(api, numbers).await?, length).await
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
