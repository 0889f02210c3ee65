//! The audit trail is kept for `audit_retention`.

use std::time::Duration;

use serde_json::json;
use slog::Logger;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::audit;
use crate::error::Result;
use crate::store::{Db, in_batches};
use crate::telemetry::logging::{Exception, context, info, warn};

const INTERVAL: Duration = Duration::from_secs(60);

/// Removes entries that are older, every minute, until it is dropped.
pub async fn prune_audit(db: Db, retention: Duration, log: Logger) {
    let mut ticks = interval_at(Instant::now() + INTERVAL, INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match prune(&db, retention).await {
            Ok(0) => {}
            Ok(removed) => info!(log, "Old rows removed"; "context" => context(json!({ "rows": removed }))),
            Err(error) => {
                let exception = Exception::named(error.code().as_str(), &error);
                warn!(log, "The audit trail could not be kept in order"; "exception" => exception);
            }
        }
    }
}

async fn prune(db: &Db, retention: Duration) -> Result<usize> {
    let before = db.earliest_time().await? - retention;
    in_batches(|limit| audit::prune(db, before, limit)).await
}
