//! Registrations per second on both databases, beside what the hash pool reaches alone.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::hashing::Hashing;
use crate::load::{Latency, register};
use crate::options::Options;
use crate::postgres;
use crate::report::Row;
use crate::service::{self, Service};
use crate::stats::Turns;

/// Measures both databases in turn, with a slice of hashing alone before and after each.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Row>> {
    let (folder, other_folder) = (service::folder()?, service::folder()?);
    let (_cluster, postgresql_url) = postgres::start().await?;
    let sqlite = Service::start(folder.path(), &service::sqlite_url(folder.path())).await?;
    let postgresql = Service::start(other_folder.path(), &postgresql_url).await?;
    let numbers = Arc::new(AtomicU64::new(0));
    let hashing = Hashing::start()?;

    let mut turns = Turns::default();
    let mut backends = [("SQLite", &sqlite, Vec::new()), ("PostgreSQL", &postgresql, Vec::new())];
    turns.add_reference(hashing.rate(options.slice()).await?);
    for _ in 0..options.rounds() {
        for (name, service, latencies) in &mut backends {
            let slice = register(service.api, &numbers, options.slice()).await?;
            turns.add(name, slice.rate);
            latencies.extend(slice.latencies);
            turns.add_reference(hashing.rate(options.slice()).await?);
            eprintln!("  {name}: {:.1} registrations/s, {:.1} hashes/s", slice.rate, turns.reference());
        }
    }
    Ok(backends.iter().flat_map(|(name, _, latencies)| rows(name, &turns, &Latency::of(latencies))).collect())
}

fn rows(name: &'static str, turns: &Turns, latency: &Latency) -> [Row; 4] {
    [
        turns.row(name, format!("registrations on {name}, hashes alone"), "1/s").at_least(0.90),
        Row::new(format!("latency on {name}: p99, mean"), "ms", latency.p99).over(latency.mean).at_most(3.0),
        Row::new(format!("latency on {name}: p50, mean"), "ms", latency.p50).over(latency.mean),
        Row::new(format!("latency on {name}: longest, mean"), "ms", latency.max).over(latency.mean),
    ]
}
