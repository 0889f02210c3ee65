//! What one client that takes all it can get does to the registrations of another, beside what a busy hour does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::ensure;
use load_generator::{Caller, Callers};

use crate::client::Connection;
use crate::load::{self, Registrar, drive};
use crate::options::Options;
use crate::report::Row;
use crate::service::{self, Service};
use crate::turns::Pairs;

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
        let flooder = || Flooder { api: service.api, numbers: Arc::clone(&numbers), registrar: None };
        let flood = Callers::start(std::iter::repeat_with(flooder).take(CONNECTIONS).collect(), Duration::ZERO);
        pairs.add(register(service.api, &numbers, options.slice()).await?, usual);
        let (registered, refused): (Vec<_>, Vec<_>) =
            flood.abort().await.into_iter().partition(|call| call.outcome == 201);
        let (registered, refused) = (registered.len(), refused.len());
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

/// One connection of the flood.
struct Flooder {
    api: SocketAddr,
    numbers: Arc<AtomicU64>,
    registrar: Option<Registrar>,
}

impl Caller for Flooder {
    type Outcome = u16;

    async fn call(&mut self) -> anyhow::Result<u16> {
        loop {
            if let Some(registrar) = &mut self.registrar
                && let Ok(status) = registrar.try_once().await
            {
                return Ok(status);
            }
            // The service may close a connection of who has too many: then a new one is tried.
            let connection = Connection::open_from(FLOOD, self.api).await.ok();
            self.registrar = connection.map(|connection| Registrar::new(connection, &self.numbers));
        }
    }
}
