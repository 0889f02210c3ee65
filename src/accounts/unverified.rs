//! Users whose address was never verified are erased after a time, where that is set: most were mistyped, or never anybody's. Those
//! from before there were codes were never asked to verify theirs, and stay.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use slog::Logger;
use time::OffsetDateTime;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use super::actor::Actor;
use super::erasure;
use super::users;
use super::webhooks::Webhooks;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::history;
use crate::telemetry::logging::{Exception, LoggerName, context, info, warn};
use crate::telemetry::metrics::{self, SessionEnd, UserChange};

const INTERVAL: Duration = Duration::from_secs(600);
/// The version of the migration that brought codes: nobody from before was ever sent one.
const CODES: &str = "20261128180000";
/// Instances of an older version can run on for a while after it, and they send none either.
const OVERLAP: Duration = Duration::from_secs(86_400);
/// So many are looked for at a time.
const BATCH: usize = 100;

/// Erases them, every ten minutes, until it is dropped.
pub async fn erase(app: Arc<App>) {
    let retention = app.config.codes.unverified_retention;
    if retention.is_zero() {
        return;
    }
    let log = app.loggers.get(LoggerName::UserService).clone();
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_warned = false;
    loop {
        ticks.tick().await;
        let erased = match history::applied_at(&app.db, CODES).await {
            Ok(Some(codes_came)) => erase_all(&app, codes_came + OVERLAP, retention, &log).await,
            Ok(None) if mem::replace(&mut is_warned, true) => Ok(()),
            Ok(None) => {
                let why = "the history of the schema does not say since when codes are sent";
                let details = context(json!({ "why": why, "migration": CODES }));
                warn!(log, "Users who were not verified are not erased"; "context" => details);
                Ok(())
            }
            Err(error) => Err(error),
        };
        if let Err(error) = erased {
            let exception = Exception::named(error.code().as_str(), &error);
            warn!(log, "Users who were not verified could not be erased"; "exception" => exception);
        }
    }
}

async fn erase_all(app: &Arc<App>, since: OffsetDateTime, retention: Duration, log: &Logger) -> Result<()> {
    let mut looked_at = Uuid::nil();
    loop {
        let before = app.db.earliest_time().await? - retention;
        let unverified = users::unverified(&app.db, looked_at, since..before, BATCH).await?;
        let Some(last) = unverified.last().copied() else { return Ok(()) };
        for id in unverified {
            erase_one(app, id, log).await?;
        }
        looked_at = last;
    }
}

async fn erase_one(app: &Arc<App>, id: Uuid, log: &Logger) -> Result<()> {
    let actor = Actor::service();
    let erased = match erasure::erase_unverified(&app.db, &Webhooks::new(&app.config.webhook), &actor, id).await {
        // Gone, or verified meanwhile.
        Err(Error::NotFound) => return Ok(()),
        erased => erased?,
    };
    app.outbox.committed(&erased.told);
    metrics::sessions_ended(SessionEnd::Revoked, erased.sessions);
    actor.has_done(UserChange::Erased, id);
    info!(log, "User erased whose address was not verified"; "user_id" => id.to_string(),
        "context" => context(json!({ "sessions": erased.sessions, "jobs": erased.jobs })));
    // One after the other: each looks through the file.
    erasure::wipe_out(Arc::clone(app), erased).await;
    Ok(())
}
