//! Registrations per second on both databases, beside what the hash pool reaches alone.

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
use crate::stats::median;
use crate::turns::{Pairs, Turns};
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
    rows.push(alone(&sqlite, &numbers, &hashing, options).await?);
    Ok(rows)
}

async fn hash(hashing: &Hashing, length: Duration) -> anyhow::Result<(Slice, f64)> {
    usage::of(std::process::id(), hashing.run(length)).await
}

/// One client alone, in slices that take turns with hashes alone.
async fn alone(
    service: &Service,
    numbers: &Arc<AtomicU64>,
    hashing: &Hashing,
    options: &Options,
) -> anyhow::Result<Row> {
    let mut pairs = Pairs::default();
    for _ in 0..options.rounds() {
        let hashes = hashing.run_with(1, options.slice() / 2).await?.latencies;
        let registrar = Registrar::new(Connection::open(service.api).await?, numbers);
        pairs.add(drive(vec![registrar], options.slice() / 2).await?.latencies, hashes);
    }
    Ok(pairs.row(0.5, "latency on SQLite of one client alone: p50, of a hash").at_most(1.75))
}

/// The part of the hashes that must be left. The server of PostgreSQL takes its own part of the processors.
fn least(name: &str) -> f64 {
    if name == "SQLite" { 0.75 } else { 0.70 }
}

fn rows(name: &'static str, turns: &Both, slices: &[Vec<f64>], beside: &[f64]) -> [Row; 6] {
    let latency = Latency::of(&slices.concat());
    let of_slices: Vec<_> = slices.iter().map(|slice| Latency::of(slice)).map(|slice| slice.p99 / slice.mean).collect();
    let hash = turns.costs.reference_median();
    let ratios: Vec<_> = beside.iter().map(|cost| cost / hash).collect();
    let beside_hash = Row::new(format!("… on {name} beside the hash, of a hash"), "ms", median(beside)).over(hash);
    let p99 = Row::new(format!("latency on {name}: p99, mean"), "ms", latency.p99).over(latency.mean);
    [
        turns.rates.row(name, format!("registrations on {name}, hashes alone"), "1/s").at_least(least(name)),
        turns.costs.row(name, format!("CPU of a registration on {name}, of a hash"), "ms"),
        beside_hash.scattered_as(&ratios).at_most(0.2),
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
