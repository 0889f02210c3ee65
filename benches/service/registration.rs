//! Registrations per second on both databases, beside what the hash pool reaches alone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crate::client::Connection;
use crate::hashing::Hashing;
use crate::load::{Latency, Registrar, Slice, drive, register};
use crate::options::Options;
use crate::postgres;
use crate::report::Row;
use crate::service::{self, Service};
use crate::stats::{Turns, median};
use crate::usage;

/// Measures both databases in turn, with a slice of hashing alone before and after each.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Row>> {
    let (folder, other_folder) = (service::folder()?, service::folder()?);
    let (_cluster, postgresql_url) = postgres::start().await?;
    let sqlite = Service::start(folder.path(), &service::sqlite_url(folder.path())).await?;
    let postgresql = Service::start(other_folder.path(), &postgresql_url).await?;
    let numbers = Arc::new(AtomicU64::new(0));
    let hashing = Hashing::start()?;

    let mut turns = Both::default();
    let mut backends =
        [("SQLite", &sqlite, Vec::new(), Vec::new()), ("PostgreSQL", &postgresql, Vec::new(), Vec::new())];
    turns.add_reference(&hash(&hashing, options.slice()).await?);
    for _ in 0..options.rounds() {
        for (name, service, latencies, beside) in &mut backends {
            let registering = register(service.api, &numbers, options.slice());
            let before = usage::outside_hashes(service.pid())?;
            let (slice, cost) = usage::of(service.pid(), registering).await?;
            beside.push(1e3 * (usage::outside_hashes(service.pid())? - before) / slice.calls as f64);
            turns.add(name, &slice, cost);
            turns.add_reference(&hash(&hashing, options.slice()).await?);
            eprintln!("  {name}: {:.1} registrations/s, {:.1} hashes/s", slice.rate, turns.rates.reference());
            latencies.push(slice.latencies);
        }
    }
    let mut rows: Vec<_> =
        backends.iter().flat_map(|(name, _, latencies, beside)| rows(name, &turns, latencies, beside)).collect();
    let alone = alone(sqlite.api, &numbers, options.slice()).await?;
    rows.push(Row::new("latency on SQLite of one client alone: p50", "ms", alone.p50).at_most(5.0));
    Ok(rows)
}

async fn hash(hashing: &Hashing, length: Duration) -> anyhow::Result<(Slice, f64)> {
    usage::of(std::process::id(), hashing.run(length)).await
}

async fn alone(api: SocketAddr, numbers: &Arc<AtomicU64>, length: Duration) -> anyhow::Result<Latency> {
    let registrar = Registrar::new(Connection::open(api).await?, numbers);
    Ok(Latency::of(&drive(vec![registrar], length).await?.latencies))
}

fn rows(name: &'static str, turns: &Both, slices: &[Vec<f64>], beside: &[f64]) -> [Row; 6] {
    let latency = Latency::of(&slices.concat());
    let of_slices: Vec<_> = slices.iter().map(|slice| Latency::of(slice)).map(|slice| slice.p99 / slice.mean).collect();
    let p99 = Row::new(format!("latency on {name}: p99, mean"), "ms", latency.p99).over(latency.mean);
    [
        turns.rates.row(name, format!("registrations on {name}, hashes alone"), "1/s").at_least(0.90),
        turns.costs.row(name, format!("CPU of a registration on {name}, of a hash"), "ms"),
        Row::new(format!("… on {name} beside the hash"), "ms", median(beside)).scattered_as(beside).at_most(0.45),
        p99.scattered_as(&of_slices).at_most(3.0),
        Row::new(format!("latency on {name}: p50, mean"), "ms", latency.p50).over(latency.mean),
        Row::new(format!("latency on {name}: longest, mean"), "ms", latency.max).over(latency.mean),
    ]
}

/// Calls per second, and the CPU time of a call in milliseconds.
#[derive(Default)]
struct Both {
    rates: Turns,
    costs: Turns,
}

impl Both {
    fn add_reference(&mut self, (slice, cost): &(Slice, f64)) {
        self.rates.add_reference(slice.rate);
        self.costs.add_reference(1e3 * cost);
    }

    fn add(&mut self, name: &'static str, slice: &Slice, cost: f64) {
        self.rates.add(name, slice.rate);
        self.costs.add(name, 1e3 * cost);
    }
}
