//! What a scrape costs, and what scrapes do to a registration.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::ensure;
use tokio::task::JoinHandle;
use tokio::time;

use crate::client::{self, Connection};
use crate::load::register;
use crate::options::Options;
use crate::report::Row;
use crate::service::{self, Service};
use crate::turns::Pairs;
use crate::usage;

/// A form of the exposition: its name, the header lines that ask for it, and what the answer's head must contain.
const FORMS: [(&str, &str, &str); 3] = [
    ("text", "Accept: text/plain;version=0.0.4\r\n", "text/plain"),
    ("text, gzip", "Accept: text/plain;version=0.0.4\r\nAccept-Encoding: gzip\r\n", "content-encoding: gzip"),
    (
        "protobuf",
        "Accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited\r\n",
        "application/vnd.google.protobuf",
    ),
];

/// Measures the cost of each form of a scrape, then registrations with and without ten scrapes a second.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Row>> {
    let folder = service::folder()?;
    let service = Service::start(folder.path(), &service::sqlite_url(folder.path())).await?;
    let numbers = Arc::new(AtomicU64::new(0));
    register(service.api, &numbers, options.slice()).await?;

    let mut rows = Vec::new();
    for (form, headers, proof) in FORMS {
        let cost = scrape_cost(&service, headers, proof, options.scrapes()).await?;
        eprintln!("  {form}: {:.2} ms of CPU, {:.0} KiB", cost.cpu_millis, cost.kibibytes);
        rows.push(Row::new(format!("CPU of a scrape, {form}"), "ms", cost.cpu_millis).at_most(2.0));
        rows.push(Row::new(format!("size of a scrape, {form}"), "KiB", cost.kibibytes));
    }
    rows.extend(disturbance(&service, &numbers, options).await?);
    Ok(rows)
}

struct Cost {
    cpu_millis: f64,
    kibibytes: f64,
}

async fn scrape_cost(service: &Service, headers: &str, proof: &str, scrapes: u32) -> anyhow::Result<Cost> {
    let request = client::get("/metrics", headers);
    let mut connection = Connection::open(service.ops).await?;
    let before = usage::cpu_seconds(service.pid())?;
    for _ in 0..scrapes {
        let status = connection.call(&request).await?;
        ensure!(status == 200, "status {status} of a scrape");
    }
    let seconds = usage::cpu_seconds(service.pid())? - before;
    ensure!(connection.head().contains(proof), "no {proof} in the answer to a scrape:\n{}", connection.head());
    Ok(Cost { cpu_millis: 1e3 * seconds / f64::from(scrapes), kibibytes: connection.body().len() as f64 / 1024.0 })
}

/// Slices of registrations with ten scrapes a second, each after one without.
async fn disturbance(service: &Service, numbers: &Arc<AtomicU64>, options: &Options) -> anyhow::Result<[Row; 2]> {
    let mut pairs = Pairs::default();
    for _ in 0..options.rounds() {
        let quiet = register(service.api, numbers, options.slice()).await?.latencies;
        let scraper = Scraper::start(service.ops);
        let scraped = register(service.api, numbers, options.slice()).await?.latencies;
        scraper.finish(options.slice()).await?;
        pairs.add(scraped, quiet);
    }
    Ok([
        pairs.row(0.5, "registration p50 with 10 scrapes/s, without").at_most(1.05),
        pairs.row(0.99, "registration p99 with 10 scrapes/s, without").at_most(1.15),
    ])
}

/// Ten scrapes a second, as Prometheus makes them.
struct Scraper {
    task: JoinHandle<anyhow::Result<()>>,
    scrapes: Arc<AtomicU64>,
}

impl Scraper {
    fn start(ops: SocketAddr) -> Scraper {
        let scrapes = Arc::new(AtomicU64::new(0));
        let counter = scrapes.clone();
        let task = tokio::spawn(async move {
            let (_, headers, _) = FORMS[1];
            let (request, mut connection) = (client::get("/metrics", headers), Connection::open(ops).await?);
            let mut interval = time::interval(Duration::from_millis(100));
            loop {
                interval.tick().await;
                connection.call(&request).await?;
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        Scraper { task, scrapes }
    }

    /// Ends the scrapes; an error when there were too few in the time `length` to have disturbed anything.
    async fn finish(self, length: Duration) -> anyhow::Result<()> {
        self.task.abort();
        if let Ok(ended) = self.task.await {
            ended?;
        }
        let scrapes = self.scrapes.load(Ordering::Relaxed);
        ensure!(scrapes as f64 >= 9.0 * length.as_secs_f64(), "only {scrapes} scrapes in {length:?}");
        Ok(())
    }
}

/// The sum of all samples of the counter `name`, or of the series where `name` has its labels.
pub async fn sum(ops: SocketAddr, name: &str) -> anyhow::Result<f64> {
    let mut connection = Connection::open(ops).await?;
    connection.call(&client::get("/metrics", "")).await?;
    let text = std::str::from_utf8(connection.body())?;
    let samples = text.lines().filter(|line| line.starts_with(name) && line[name.len()..].starts_with(['{', ' ']));
    let values = samples.map(|line| line.rsplit(' ').next().unwrap_or_default().parse::<f64>());
    Ok(values.collect::<Result<Vec<_>, _>>()?.iter().sum())
}
