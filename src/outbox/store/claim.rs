//! Claims: an instance takes jobs for a while, and no other gets them in that time.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use super::row::JobRow;
use crate::error::Result;
use crate::store::Db;
use crate::store::moment::Moments;
use crate::store::query::{skip_locked, with_write};
use crate::store::schema::{InstantSql, UuidSql};
use crate::store::types::{Id, to_bigint};
use crate::telemetry::metrics::DbOperation;
use crate::values::job::{Job, TopicName};

/// No lease is this long: one that seems to be was taken before the clock jumped back.
const NO_LEASE: Duration = Duration::from_secs(2 * 3600);

/// Which jobs to claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// Those whose time has come, the one that is due for longest first.
    Due {
        /// No job waits for longer than this: one that seems to was put off before the clock jumped back, and is due.
        horizon: Duration,
    },
    /// One job, due or not, to try the service with: the one with the fewest attempts.
    Probe,
}

/// Claims at most `limit` jobs of a topic: pending ones, and running ones whose lease has ended, because their instance
/// has. Each is this caller's until `lease` has passed, or until it [settles](super::settle()) the job.
///
/// # Errors
/// When the database fails. Jobs that were claimed nevertheless are claimed again when their lease ends.
pub async fn claim(db: &Db, topic: TopicName, limit: usize, lease: Duration, pick: Pick) -> Result<Vec<Job>> {
    let (limit, horizon, order) = match pick {
        Pick::Due { horizon } => (limit, horizon, "run_at"),
        Pick::Probe => (limit.min(1), Duration::ZERO, "attempts, run_at"),
    };
    if limit == 0 {
        return Ok(Vec::new());
    }
    let moments = Moments::of(db);
    let after = |wait| moments.number(later(moments.now, wait));
    let lease_token = Uuid::new_v4();
    let statement = statement(order, skip_locked(db), moments);
    let mut rows: Vec<Claimed> = with_write!(db, DbOperation::ClaimJobs, |conn| {
        diesel::sql_query(statement)
            .bind::<Text, _>(topic.as_str())
            .bind::<BigInt, _>(after(Duration::ZERO))
            .bind::<BigInt, _>(to_bigint(limit))
            .bind::<BigInt, _>(after(horizon))
            .bind::<BigInt, _>(after(NO_LEASE))
            .bind::<BigInt, _>(after(lease))
            .bind::<UuidSql, _>(Id(lease_token))
            .load(conn)
    })?;
    // RETURNING has no order.
    rows.sort_by_key(|Claimed { job, .. }| (job.run_at, job.id));
    Ok(rows.into_iter().map(|Claimed { job, claimed_at }| job.into_job(topic, lease_token, claimed_at)).collect())
}

/// A job with the time of its claim, by the clock of its own times.
#[derive(QueryableByName)]
struct Claimed {
    #[diesel(embed)]
    job: JobRow,
    #[diesel(sql_type = InstantSql)]
    claimed_at: OffsetDateTime,
}

/// Three looks at the index, each of which ends after `$3` rows, however many others wait.
///
/// On SQLite `$1` is a name, and names get numbers as they appear: the first of each must appear in order.
/// MATERIALIZED: to evaluate the choice twice would be to choose twice.
fn statement(order: &str, lock: &str, moments: Moments) -> String {
    let [now, horizon, no_lease, lease_until] = ["$2", "$4", "$5", "$6"].map(|number| moments.sql(number));
    let look = |state: &str| {
        format!(
            "SELECT * FROM (
                 SELECT id, attempts, run_at FROM outbox_jobs WHERE topic = $1 AND {state}
                 ORDER BY {order} LIMIT $3 {lock}
             ) AS look"
        )
    };
    format!(
        "WITH chosen AS MATERIALIZED (
             SELECT id FROM ({} UNION ALL {} UNION ALL {}) AS claimable ORDER BY {order} LIMIT $3
         )
         UPDATE outbox_jobs SET state = 'running', attempts = attempts + 1, lease_until = {lease_until}, lease_token = $7
         WHERE id IN (SELECT id FROM chosen)
         RETURNING *, {now} AS claimed_at",
        look(&format!("state = 'pending' AND run_at <= {now}")),
        look(&format!("state = 'pending' AND run_at > {horizon}")),
        look(&format!("state = 'running' AND (lease_until <= {now} OR lease_until > {no_lease})")),
    )
}

/// This much later; the end of time if there is no such time.
pub(super) fn later(time: OffsetDateTime, by: Duration) -> OffsetDateTime {
    time.saturating_add(by.try_into().unwrap_or(time::Duration::MAX))
}
