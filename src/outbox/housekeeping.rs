//! Keeping the outbox in order: what is open is counted, what is old is removed.

use std::time::Duration;

use serde_json::json;
use slog::{Logger, info, warn};
use time::OffsetDateTime;
use tokio::time::{Instant, MissedTickBehavior};

use super::store as outbox;
use super::{JobState, Topic};
use crate::accounts::audit;
use crate::clock;
use crate::config::OutboxConfig;
use crate::error::Result;
use crate::lifecycle::{Lifecycle, Phase};
use crate::store::Db;
use crate::telemetry::logging::{Exception, LoggerName, Loggers, context};
use crate::telemetry::metrics::{self, OpenState};

const COUNT_INTERVAL: Duration = Duration::from_secs(5);
const PRUNE_INTERVAL: Duration = Duration::from_secs(60);
/// Rows removed at once: a registration never waits long behind them.
const BATCH: usize = 200;
/// Between two batches.
const BREATH: Duration = Duration::from_millis(50);

/// Runs until the service closes.
pub(super) async fn run(db: &Db, settings: &OutboxConfig, loggers: &Loggers, lifecycle: &Lifecycle) {
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
        warn_of(log, count(db).await);
        if pruned.elapsed() >= PRUNE_INTERVAL {
            pruned = Instant::now();
            warn_of(log, prune(db, settings, log).await);
        }
    }
}

fn warn_of(log: &Logger, result: Result<()>) {
    if let Err(error) = result {
        warn!(log, "The outbox could not be kept in order"; "exception" => Exception::named(error.code().as_str(), &error));
    }
}

async fn count(db: &Db) -> Result<()> {
    let counts = outbox::counts(db).await?;
    for topic in Topic::ALL {
        let of = |state| counts.iter().find(|(of, in_state, ..)| of == topic && *in_state == state);
        let jobs = |state| of(state).map_or(0, |(_, _, jobs, _)| *jobs);
        metrics::outbox_jobs(*topic, OpenState::Pending, jobs(JobState::Pending));
        metrics::outbox_jobs(*topic, OpenState::Running, jobs(JobState::Running));
        metrics::outbox_jobs(*topic, OpenState::Dead, jobs(JobState::Dead));
        let oldest = of(JobState::Pending).and_then(|(_, _, _, oldest)| *oldest);
        metrics::outbox_oldest_pending(*topic, oldest.map_or(0.0, unix_seconds));
    }
    Ok(())
}

fn unix_seconds(time: OffsetDateTime) -> f64 {
    time.unix_timestamp_nanos() as f64 / 1e9
}

/// Removes delivered jobs and audit rows that are older than they need be.
async fn prune(db: &Db, settings: &OutboxConfig, log: &Logger) -> Result<()> {
    if let Some(time) = db.time().await? {
        clock::compare(time);
    }
    let now = clock::earliest();
    let mut removed = 0;
    for topic in Topic::ALL {
        let retention = match topic {
            Topic::WelcomeEmail => settings.welcome_email_retention,
            Topic::AnalyticsEvent => settings.analytics_event_retention,
        };
        removed += batches(|| outbox::prune(db, *topic, now - retention, BATCH)).await?;
    }
    removed += batches(|| audit::prune(db, now - settings.audit_retention, BATCH)).await?;
    if removed > 0 {
        info!(log, "Old rows removed"; "context" => context(json!({ "rows": removed })));
    }
    Ok(())
}

/// Repeats until a batch is not full.
async fn batches<F: Future<Output = Result<usize>>>(remove: impl Fn() -> F) -> Result<usize> {
    let mut removed = 0;
    loop {
        let batch = remove().await?;
        removed += batch;
        if batch < BATCH {
            return Ok(removed);
        }
        tokio::time::sleep(BREATH).await;
    }
}
