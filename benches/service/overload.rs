//! Ten times as many registrations as the service can do: what is admitted, what a refusal costs, and what others notice.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use load_generator::{Caller, Callers};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::client::{self, Connection};
use crate::load::{Latency, Registrar, drive, register};
use crate::options::Options;
use crate::report::Row;
use crate::service::{self, Service};
use crate::{stats, usage};

/// So many times its capacity is offered.
const TIMES: f64 = 10.0;
/// Connections over which it is offered, of so many clients: each stays within the share of one.
const CONNECTIONS: u16 = 1000;
const CLIENTS: u16 = 250;
/// Somebody else, who looks at health and metrics, and registers once it is over.
const OTHER: [u8; 4] = [127, 0, 0, 2];
/// Default of `password_hash_max_wait`, in milliseconds.
const LIMIT: f64 = 2000.0;

/// Measures on SQLite.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Row>> {
    let folder = service::folder()?;
    let service = Service::start(folder.path(), &service::sqlite_url(folder.path())).await?;
    let numbers = Arc::new(AtomicU64::new(0));
    let alone = lone(service.api, &numbers).await?;
    let before = usage::outside_hashes(service.pid())?;
    let capacity = register(service.api, &numbers, 5 * options.slice()).await?;
    let each = (usage::outside_hashes(service.pid())? - before) / capacity.calls as f64;

    let before = usage::outside_hashes(service.pid())?;
    let storm = Storm::start(service.api, &numbers, TIMES * capacity.rate).await?;
    let others = look_around(&service, options.overload()).await?;
    let storm = storm.stop().await;
    let spent = usage::outside_hashes(service.pid())? - before;
    let recovery = recovery(service.api, &numbers, 2.0 * alone).await?;

    let (goodput, refused) = (storm.registered.len() as f64 / storm.seconds, storm.refused);
    eprintln!("  {goodput:.0} registered, {:.0} refused a second", refused / storm.seconds);
    ensure!(refused > storm.registered.len() as f64, "that was no overload");
    let admitted = Latency::of(&storm.registered);
    let refusal = 1e3 * (spent - each * storm.registered.len() as f64) / refused;
    Ok(vec![
        Row::new("registrations under 10 × the load, capacity", "1/s", goodput).over(capacity.rate).at_least(0.9),
        Row::new("latency of what is admitted: p99, limit", "ms", admitted.p99).over(LIMIT).at_most(1.1),
        Row::new("CPU of a refusal", "ms", refusal).at_most(0.1),
        Row::new("GET /health/ meanwhile: p99", "ms", others[0].p99).at_most(100.0),
        Row::new("GET /metrics meanwhile: p99", "ms", others[1].p99).at_most(250.0),
        Row::new("until a lone registration is as fast as before", "s", recovery).at_most(2.0),
    ])
}

/// The median latency of a client that is alone, in seconds.
async fn lone(api: SocketAddr, numbers: &Arc<AtomicU64>) -> anyhow::Result<f64> {
    let registrar = Registrar::new(Connection::open_from(OTHER, api).await?, numbers);
    Ok(stats::median(&drive(vec![registrar], Duration::from_secs(2)).await?.latencies))
}

/// How long until a lone registration takes no longer than this again, in seconds.
async fn recovery(api: SocketAddr, numbers: &Arc<AtomicU64>, fast: f64) -> anyhow::Result<f64> {
    let mut registrar = Registrar::new(Connection::open_from(OTHER, api).await?, numbers);
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(30) {
        let sent = Instant::now();
        let status = registrar.try_once().await?;
        if status == 201 && sent.elapsed().as_secs_f64() <= fast {
            return Ok(begin.elapsed().as_secs_f64());
        }
        sleep(Duration::from_millis(20)).await;
    }
    bail!("it has not recovered within 30 s")
}

/// Looks at health and at the metrics ten times a second.
async fn look_around(service: &Service, length: Duration) -> anyhow::Result<[Latency; 2]> {
    let mut looks = [
        (Connection::open_from(OTHER, service.api).await?, client::get("/health/", ""), Vec::new()),
        (Connection::open_from(OTHER, service.ops).await?, client::get("/metrics", ""), Vec::new()),
    ];
    let (begin, mut ticks) = (Instant::now(), interval(Duration::from_millis(100)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while begin.elapsed() < length {
        ticks.tick().await;
        for (connection, request, latencies) in &mut looks {
            let sent = Instant::now();
            let status = connection.call(request).await?;
            ensure!(status == 200, "{}", String::from_utf8_lossy(connection.body()));
            latencies.push(sent.elapsed().as_secs_f64());
        }
    }
    Ok(looks.each_ref().map(|(_, _, latencies)| Latency::of(latencies)))
}

/// Registrations at a pace of their own, whatever comes of them.
struct Storm {
    callers: Callers<u16>,
    begin: Instant,
}

struct Stormed {
    /// The latencies of those that came through, in seconds.
    registered: Vec<f64>,
    refused: f64,
    seconds: f64,
}

impl Storm {
    async fn start(api: SocketAddr, numbers: &Arc<AtomicU64>, rate: f64) -> anyhow::Result<Storm> {
        let mut callers = Vec::new();
        for number in 0..CONNECTIONS {
            let [_, client] = (number % CLIENTS).to_be_bytes();
            callers.push(Offerer(Registrar::new(Connection::open_from([127, 0, 1, client], api).await?, numbers)));
        }
        let pace = Duration::from_secs_f64(f64::from(CONNECTIONS) / rate);
        Ok(Storm { callers: Callers::start(callers, pace), begin: Instant::now() })
    }

    async fn stop(self) -> Stormed {
        let seconds = self.begin.elapsed().as_secs_f64();
        let (registered, refused): (Vec<_>, Vec<_>) =
            self.callers.abort().await.into_iter().partition(|call| call.outcome == 201);
        let registered = registered.iter().map(|call| call.took.as_secs_f64()).collect();
        Stormed { registered, refused: refused.len() as f64, seconds }
    }
}

/// One connection's share, of which it takes any answer.
struct Offerer(Registrar);

impl Caller for Offerer {
    type Outcome = u16;

    async fn call(&mut self) -> anyhow::Result<u16> {
        self.0.try_once().await
    }
}
