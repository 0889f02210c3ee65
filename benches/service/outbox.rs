//! A backlog in the outbox: how fast it is worked off, and what that does to a registration meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use futures_util::FutureExt;
use neodyme::accounts::topics::ANALYTICS_EVENT;
use neodyme::config::{Config, Sources};
use neodyme::outbox::NewJob;
use neodyme::outbox::Payload;
use neodyme::store::Db;
use neodyme::telemetry::metrics;
use serde_json::json;
use time::OffsetDateTime;
use tokio::time::sleep;
use uuid::Uuid;

use crate::bare::Bare;
use crate::load::register;
use crate::options::Options;
use crate::report::Row;
use crate::scrape;
use crate::service::{self, Service};
use crate::stats;
use crate::turns::Pairs;

const BACKLOG: usize = 10_000;
const BATCH: usize = 500;
/// A backlog that is not worked off by then never will be.
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures against a sink in this machine that takes every event at once.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Row>> {
    let sink = Bare::start(2)?;
    let (mut rates, mut pairs) = (Vec::new(), Pairs::default());
    for _ in 0..options.rounds().div_ceil(5) {
        rates.push(drain_rate(&sink).await?);
        let (during, after) = registrations(&sink, 3 * options.slice()).await?;
        pairs.add(during, after);
    }
    eprintln!("  {:.0} jobs/s", stats::median(&rates));
    let rate = Row::new("backlog of 10,000 jobs worked off", "jobs/s", stats::median(&rates));
    Ok(vec![
        rate.scattered_as(&rates).at_least(500.0).samples(rates),
        pairs.row(0.5, "registration p50 with a backlog, without"),
        pairs.row(0.99, "registration p99 with a backlog, without").at_most(1.3),
    ])
}

async fn drain_rate(sink: &Bare) -> anyhow::Result<f64> {
    let folder = service::folder()?;
    seed(folder.path()).await?;
    let begin = Instant::now();
    let service = start(folder.path(), sink).await?;
    wait_until_delivered(&service).await?;
    Ok(BACKLOG as f64 / begin.elapsed().as_secs_f64())
}

/// The latencies of registrations while a backlog is worked off, and of as many afterwards.
async fn registrations(sink: &Bare, slice: Duration) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    let folder = service::folder()?;
    seed(folder.path()).await?;
    let service = start(folder.path(), sink).await?;
    let numbers = Arc::new(AtomicU64::new(0));
    let during = register(service.api, &numbers, slice).await?.latencies;
    let delivered = delivered(&service).await?;
    ensure!(delivered < BACKLOG as f64, "the backlog was gone before the slice ended");
    wait_until_delivered(&service).await?;
    Ok((during, register(service.api, &numbers, slice).await?.latencies))
}

async fn start(folder: &Path, sink: &Bare) -> anyhow::Result<Service> {
    let base_url = format!("http://{}", sink.address);
    Service::start_with(folder, &service::sqlite_url(folder), &[("NEODYME_ANALYTICS_BASE_URL", &base_url)]).await
}

/// Events delivered; a registration's welcome email is not among them.
async fn delivered(service: &Service) -> anyhow::Result<f64> {
    scrape::sum(service.ops, "neodyme_outbox_delivery_latency_seconds_count{topic=\"analytics_event\"}").await
}

async fn wait_until_delivered(service: &Service) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while delivered(service).await? < BACKLOG as f64 {
        if Instant::now() > deadline {
            bail!("the backlog is not worked off within {PATIENCE:?}");
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Puts the backlog into a new database.
async fn seed(folder: &Path) -> anyhow::Result<()> {
    metrics::init();
    let url = service::sqlite_url(folder);
    let environment = vec![("NEODYME_DATABASE_URL".into(), url.into())];
    let config = Config::load(&Sources { environment, ..Sources::default() })?;
    let db = Db::connect(&config.database).await?;
    db.migrate().await?;
    for _ in 0..BACKLOG / BATCH {
        let jobs: Vec<NewJob> = (0..BATCH).map(|_| event()).collect();
        db.transaction(move |tx| {
            jobs.into_iter().for_each(|job| tx.insert(job));
            async { Ok(()) }.boxed()
        })
        .await?;
    }
    Ok(())
}

fn event() -> NewJob {
    let user_id = Uuid::now_v7();
    NewJob {
        id: Uuid::now_v7(),
        topic: ANALYTICS_EVENT,
        payload: Payload::new(
            json!({ "event": "user_registered", "user_id": user_id, "occurred_at": "2026-01-01T00:00:00Z" }),
        ),
        user_id: Some(user_id),
        request_id: Uuid::new_v4().to_string(),
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
        created_at: OffsetDateTime::now_utc(),
    }
}
