//! `GET /health/` of the service beside a bare hyper responder, with the same load generator.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::sleep;

use crate::bare::Bare;
use crate::client::{self, Connection};
use crate::load::{Asker, drive};
use crate::options::Options;
use crate::report::Row;
use crate::service::{self, Service};
use crate::stats::median;
use crate::turns::Turns;
use crate::{scrape, usage};

const CONNECTIONS: usize = 32;

/// The thread of the service that writes the log.
const LOG_THREAD: &str = "log";

/// The share of log records that may be lost for the measurement to count as one with logging on.
const LOSS_LIMIT: f64 = 1.0;

/// Measures requests per second and CPU per request of both.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Row>> {
    let folder = service::folder()?;
    let service = Service::start(folder.path(), &service::sqlite_url(folder.path())).await?;
    let mut connection = Connection::open(service.api).await?;
    connection.call(&client::get("/health/", "")).await?;
    let bare = Bare::start(connection.body().len())?;

    let mut turns = Turns::default();
    let mut costs = Costs::default();
    for round in 0..=options.rounds() {
        let slice = check(bare.address, bare.process.pid(), options.slice()).await?;
        turns.add_reference(slice.rate);
        costs.bare.push(slice.server);
        costs.bare_client.push(slice.client);
        if round == options.rounds() {
            break;
        }
        let slice = check(service.api, service.pid(), options.slice()).await?;
        turns.add("service", slice.rate);
        costs.service.push(slice.server);
        costs.client.push(slice.client);
        costs.log.push(slice.log);
        eprintln!("  health: {:.0} of {:.0} requests/s", slice.rate, turns.reference());
        service.forget_log()?;
    }
    let made = scrape::sum(service.ops, "neodyme_log_records_total").await?;
    let lost = scrape::sum(service.ops, "neodyme_log_records_dropped_total").await?;
    let mut rows = vec![turns.row("service", "GET /health/, bare hyper", "requests/s").at_least(0.60)];
    rows.extend(costs.rows());
    rows.push(Row::new("log records lost meanwhile", "%", 100.0 * lost / made.max(1.0)).at_most(LOSS_LIMIT));
    Ok(rows)
}

/// CPU per request of each slice, in microseconds.
#[derive(Default)]
struct Costs {
    bare: Vec<f64>,
    bare_client: Vec<f64>,
    service: Vec<f64>,
    client: Vec<f64>,
    log: Vec<f64>,
}

impl Costs {
    fn rows(self) -> [Row; 3] {
        let service = median(&self.service);
        [
            Row::new("CPU of GET /health/, bare hyper", "µs", service).over(median(&self.bare)).samples(self.service),
            Row::new("of that the log thread's, two lines", "µs", median(&self.log)).over(service).samples(self.log),
            Row::new("CPU of the client, with bare hyper", "µs", median(&self.client)).over(median(&self.bare_client)),
        ]
    }
}

/// What one slice came to: requests per second, and CPU per request in microseconds.
struct Slice {
    rate: f64,
    server: f64,
    log: f64,
    client: f64,
}

async fn check(address: SocketAddr, pid: u32, length: Duration) -> anyhow::Result<Slice> {
    let checkers = Asker::open(address, &client::get("/health/", ""), CONNECTIONS).await?;
    let used = || anyhow::Ok([usage::cpu_seconds(pid)?, usage::thread_cpu_seconds(pid, LOG_THREAD)?, client_cpu()?]);
    let before = used()?;
    let slice = drive(checkers, length).await?;
    settle(pid).await?;
    let mut micros = used()?;
    for (after, before) in micros.iter_mut().zip(before) {
        *after = 1e6 * (*after - before) / slice.calls as f64;
    }
    let [server, log, client] = micros;
    Ok(Slice { rate: slice.rate, server, log, client })
}

/// The load generator is this process.
fn client_cpu() -> anyhow::Result<f64> {
    usage::cpu_seconds(std::process::id())
}

/// Waits until the process has nothing left to do, such as writing its log.
async fn settle(pid: u32) -> anyhow::Result<()> {
    let mut before = usage::cpu_seconds(pid)?;
    loop {
        sleep(Duration::from_millis(100)).await;
        let now = usage::cpu_seconds(pid)?;
        if now - before < 0.02 {
            return Ok(());
        }
        before = now;
    }
}
