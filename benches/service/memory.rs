//! Resident memory: idle, and after many registrations.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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

    let numbers = Arc::new(AtomicU64::new(0));
    let busy = after(options.registrations(), &service, &numbers).await?;
    let later = after(3 * options.registrations(), &service, &numbers).await?;
    let done = options.registrations();
    Ok(vec![
        Row::new("resident memory, idle", "MiB", idle.resident).at_most(25.0),
        Row::new(format!("peak of resident memory, {done} registrations"), "MiB", busy.peak)
            .at_most(40.0 + 20.0 * workers),
        Row::new("resident memory after three times as many, before", "MiB", later.resident)
            .over(busy.resident)
            .at_most(1.05),
    ])
}

/// Registers until there are so many, and says what that took.
async fn after(count: u64, service: &Service, numbers: &Arc<AtomicU64>) -> anyhow::Result<usage::Memory> {
    while numbers.load(Ordering::Relaxed) < count {
        register(service.api, numbers, Duration::from_secs(5)).await?;
        eprintln!("  {} registrations with {} clients", numbers.load(Ordering::Relaxed), load::CLIENTS);
    }
    usage::memory(service.pid())
}
