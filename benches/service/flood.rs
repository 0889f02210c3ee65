//! What one client that takes all it can get does to the registrations of another, beside what a busy hour does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::ensure;
use tokio::task::JoinSet;

use crate::client::Connection;
use crate::load::{self, Pairs, Registrar, drive};
use crate::options::Options;
use crate::report::Row;
use crate::service::{self, Service};

/// Connections of the flood: each tries again as soon as it is answered, whatever the answer.
const CONNECTIONS: usize = 400;
/// The address of the flood, which is in debt when it ends.
const FLOOD: [u8; 4] = [127, 0, 0, 3];
/// The address of the client that is measured.
const OTHER: [u8; 4] = [127, 0, 0, 2];

/// Slices in which another client registers beside 16 clients of one address, and beside the flood, in turn. The flood's registrations are not limited
/// within ten minutes here, so that it is there to the end: what is measured is the share of the workers, and of the rest.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Row>> {
    let folder = service::folder()?;
    let service = Service::start(folder.path(), &service::sqlite_url(folder.path())).await?;
    let numbers = Arc::new(AtomicU64::new(0));
    let mut pairs = Pairs::default();
    for _ in 0..options.rounds() {
        let usual = beside_clients(service.api, &numbers, options.slice()).await?;
        let flood = Flood::start(service.api, &numbers).await?;
        pairs.add(register(service.api, &numbers, options.slice()).await?, usual);
        let (registered, refused) = flood.stop().await;
        eprintln!("  the flood: {registered} registered, {refused} refused");
        ensure!(registered > 0 && refused > 0, "that was no flood");
    }
    Ok(vec![
        pairs.row(0.5, "registration p50 beside a flood, beside 16 clients").at_most(2.0),
        pairs.row(0.99, "registration p99 beside a flood, beside 16 clients").at_most(3.0),
    ])
}

/// The latencies of one client that registers one user after the other.
async fn register(api: SocketAddr, numbers: &Arc<AtomicU64>, length: Duration) -> anyhow::Result<Vec<f64>> {
    let registrar = Registrar::new(Connection::open_from(OTHER, api).await?, numbers);
    Ok(drive(vec![registrar], length).await?.latencies)
}

/// The same while as many clients register as the service can serve, which nobody would call a flood.
async fn beside_clients(api: SocketAddr, numbers: &Arc<AtomicU64>, length: Duration) -> anyhow::Result<Vec<f64>> {
    let (clients, other) = tokio::join!(load::register(api, numbers, length), register(api, numbers, length));
    clients?;
    other
}

struct Flood {
    tasks: JoinSet<()>,
    counts: Arc<[AtomicU64; 2]>,
}

impl Flood {
    async fn start(api: SocketAddr, numbers: &Arc<AtomicU64>) -> anyhow::Result<Flood> {
        let (mut tasks, counts) = (JoinSet::new(), Arc::new([const { AtomicU64::new(0) }; 2]));
        for _ in 0..CONNECTIONS {
            let (numbers, counts) = (Arc::clone(numbers), Arc::clone(&counts));
            tasks.spawn(async move {
                loop {
                    // The service may close a connection of who has too many: then a new one is tried.
                    let Ok(connection) = Connection::open_from(FLOOD, api).await else { continue };
                    let mut registrar = Registrar::new(connection, &numbers);
                    while let Ok(status) = registrar.try_once().await {
                        counts[usize::from(status != 201)].fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        Ok(Flood { tasks, counts })
    }

    /// How many it registered, and how many it was refused.
    async fn stop(mut self) -> (u64, u64) {
        self.tasks.shutdown().await;
        let [registered, refused] = self.counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        (registered, refused)
    }
}
