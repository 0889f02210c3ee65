//! Keeping the outbox in order: what is open is counted, what is old is removed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use slog::Logger;
use time::OffsetDateTime;
use tokio::time::{Instant, MissedTickBehavior};

use super::failed::Watch;
use super::station::Station;
use super::store as outbox;
use super::topic::About;
use crate::config::OutboxConfig;
use crate::error::Result;
use crate::lifecycle::{Lifecycle, Phase};
use crate::store::{Db, in_batches};
use crate::telemetry::logging::{Exception, LoggerName, Loggers, context, info, warn};
use crate::telemetry::metrics::OpenState;
use crate::values::job::JobState;

const COUNT_INTERVAL: Duration = Duration::from_secs(5);
const PRUNE_INTERVAL: Duration = Duration::from_secs(60);

/// Runs until the service closes.
pub(super) async fn run(
    (stations, unused): (&[Arc<Station>], &[About]),
    watch: &Watch,
    db: &Db,
    settings: &OutboxConfig,
    loggers: &Loggers,
    lifecycle: &Lifecycle,
) {
    let log = loggers.get(LoggerName::Outbox);
    let mut ticks = tokio::time::interval(COUNT_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut pruned = Instant::now();
    let mut closing = std::pin::pin!(lifecycle.reached(Phase::Closing));
    loop {
        tokio::select! {
            biased;
            () = &mut closing => return,
            _ = ticks.tick() => {}
        }
        warn_of(log, count(stations, watch, db).await);
        if pruned.elapsed() >= PRUNE_INTERVAL {
            pruned = Instant::now();
            warn_of(log, prune((stations, unused), db, settings, log).await);
        }
    }
}

fn warn_of(log: &Logger, result: Result<()>) {
    if let Err(error) = result {
        warn!(log, "The outbox could not be kept in order"; "exception" => Exception::named(error.code().as_str(), &error));
    }
}

async fn count(stations: &[Arc<Station>], watch: &Watch, db: &Db) -> Result<()> {
    let topics: Vec<_> = stations.iter().map(|station| station.about.name).collect();
    let counts = outbox::counts(db, &topics).await?;
    for Station { about, metrics, .. } in stations.iter().map(Arc::as_ref) {
        let of = |state| counts.iter().find(|count| count.topic == about.name.as_str() && count.state == state);
        let jobs = |state| of(state).map_or(0, |count| count.jobs);
        metrics.jobs(OpenState::Pending, jobs(JobState::Pending));
        metrics.jobs(OpenState::Running, jobs(JobState::Running));
        metrics.jobs(OpenState::Dead, jobs(JobState::Dead));
        let oldest = of(JobState::Pending).and_then(|count| count.oldest);
        metrics.oldest_pending(oldest.map_or(0.0, unix_seconds));
    }
    watch.look(stations, db, &counts).await
}

fn unix_seconds(time: OffsetDateTime) -> f64 {
    time.unix_timestamp_nanos() as f64 / 1e9
}

/// Removes delivered jobs that are older than they need be.
async fn prune(
    (stations, unused): (&[Arc<Station>], &[About]),
    db: &Db,
    settings: &OutboxConfig,
    log: &Logger,
) -> Result<()> {
    let now = db.earliest_time().await?;
    let mut removed = 0;
    for About { name, settings: of, .. } in stations.iter().map(|station| station.about).chain(unused.iter().copied()) {
        let delivered_before = now - of(settings).retention;
        removed += in_batches(|limit| outbox::prune(db, name, delivered_before, limit)).await?;
    }
    if removed > 0 {
        info!(log, "Old rows removed"; "context" => context(json!({ "rows": removed })));
    }
    Ok(())
}
