//! What is kept for some time only: the audit trail, sessions and tokens that expired, wrong passwords, keys of
//! registrations, codes of emails.

use std::time::Duration;

use serde_json::json;
use slog::Logger;
use time::OffsetDateTime;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{audit, codes, registration, sessions, sign_in};
use crate::error::Result;
use crate::store::{Db, in_batches};
use crate::telemetry::logging::{Exception, context, info, warn};
use crate::telemetry::metrics::{self, SessionEnd};

const INTERVAL: Duration = Duration::from_secs(60);

/// What is kept, where that is a setting.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Of the audit trail.
    pub audit: Duration,
    /// So many wrong passwords in a row, or more, are kept.
    pub most_failures: u32,
}

/// Removes what is older, every minute, until it is dropped.
pub async fn prune(db: Db, kept: Retention, log: Logger) {
    let mut ticks = interval_at(Instant::now() + INTERVAL, INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match prune_all(&db, kept).await {
            Ok(0) => {}
            Ok(removed) => info!(log, "Old rows removed"; "context" => context(json!({ "rows": removed }))),
            Err(error) => {
                let exception = Exception::named(error.code().as_str(), &error);
                warn!(log, "Old rows could not be removed"; "exception" => exception);
            }
        }
    }
}

async fn prune_all(db: &Db, kept: Retention) -> Result<usize> {
    let now = db.earliest_time().await?;
    let expired = prune_sessions(db, now).await?;
    let failures = in_batches(|limit| sign_in::prune_failures(db, kept.most_failures, now, limit)).await?;
    let keys = in_batches(|limit| registration::prune_keys(db, now, limit)).await?;
    let codes = in_batches(|limit| codes::prune(db, now, limit)).await?;
    let emails = in_batches(|limit| codes::prune_emails(db, now, limit)).await?;
    let entries = in_batches(|limit| audit::prune(db, now - kept.audit, limit)).await?;
    Ok(expired + failures + keys + codes + emails + entries)
}

async fn prune_sessions(db: &Db, now: OffsetDateTime) -> Result<usize> {
    let sessions = in_batches(|limit| sessions::prune_expired(db, now, limit)).await?;
    metrics::sessions_ended(SessionEnd::Expired, sessions);
    let tokens = in_batches(|limit| sessions::prune_expired_tokens(db, now, limit)).await?;
    Ok(sessions + tokens)
}
