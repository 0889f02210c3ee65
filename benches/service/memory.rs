//! Resident memory: idle, and after many registrations.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::time::{Duration, sleep};

use crate::load::{self, register};
use crate::options::Options;
use crate::report::Row;
use crate::service::{self, Service};
use crate::{scrape, usage};

/// Measures on SQLite, the default.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Row>> {
    let folder = service::folder()?;
    let service = Service::start(folder.path(), &service::sqlite_url(folder.path())).await?;
    let workers = scrape::sum(service.ops, "neodyme_password_hash_workers").await?;
    sleep(Duration::from_secs(2)).await;
    let idle = usage::memory(service.pid())?;

    let (numbers, mut done) = (Arc::new(AtomicU64::new(0)), 0);
    while done < options.registrations() {
        done += register(service.api, &numbers, Duration::from_secs(5)).await?.calls;
        eprintln!("  {done} registrations with {} clients, {workers} workers", load::CLIENTS);
    }
    let busy = usage::memory(service.pid())?;
    Ok(vec![
        Row::new("resident memory, idle", "MiB", idle.resident).at_most(30.0),
        Row::new(format!("resident memory after {done} registrations"), "MiB", busy.resident)
            .at_most(60.0 + 20.0 * workers),
        Row::new("peak of resident memory", "MiB", busy.peak),
    ])
}
