//! The table `outbox_jobs`: jobs are put in with what causes them, claimed under a lease, and settled.
//!
//! Time is that of the database's server, or on SQLite of the process that asks (see `crate::store::moment`), in UTC.

mod claim;
mod filter;
mod of_user;
mod operate;
mod pending;
mod renew;
mod row;
mod settle;
mod summary;

use diesel::dsl::{count_star, min};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;

pub use self::claim::{Pick, claim};
pub use self::filter::{JobFilter, Reply};
pub use self::of_user::{erase_of_address, erase_of_user, waiting_of_address, waiting_of_user};
pub use self::operate::{JobSelection, discard, find, list, retry};
pub use self::pending::pending;
pub use self::renew::renew;
pub use self::row::JobRow;
pub use self::settle::{Settlement, existing, settle};
pub use self::summary::{Group, GroupBy, summary};
use crate::error::Result;
use crate::store::Db;
use crate::store::moment::Moment;
use crate::store::query::{insertion, row, skip_locked, with_read, with_write};
use crate::store::schema::{InstantSql, outbox_jobs};
use crate::store::types::{Id, Json, UtcTime, to_bigint};
use crate::telemetry::metrics::DbOperation;
use crate::values::job::{JobState, NewJob, TopicName};

row!(NewJob, insertion);

/// A new job is due at once.
fn insertion(job: &NewJob) -> insertion!() {
    let caused = Moment::of(job.created_at);
    diesel::insert_into(outbox_jobs::table).values((
        outbox_jobs::id.eq(Id(job.id)),
        outbox_jobs::topic.eq(job.topic.as_str()),
        outbox_jobs::state.eq(JobState::Pending.as_str()),
        outbox_jobs::payload.eq(Json(job.payload.expose().clone())),
        outbox_jobs::user_id.eq(job.user_id.map(Id)),
        outbox_jobs::request_id.eq(&job.request_id),
        outbox_jobs::traceparent.eq(&job.traceparent),
        outbox_jobs::attempts.eq(0),
        outbox_jobs::created_at.eq(caused),
        outbox_jobs::run_at.eq(caused),
    ))
}

/// Makes the jobs of a topic that have backed off due now, because its service is back. Says how many there were.
///
/// # Errors
/// When the database fails.
pub async fn release(db: &Db, topic: TopicName) -> Result<usize> {
    let now = Moment::now();
    with_write!(db, DbOperation::ReleaseJobs, |conn| {
        diesel::update(outbox_jobs::table)
            .filter(outbox_jobs::topic.eq(topic.as_str()))
            .filter(outbox_jobs::state.eq(JobState::Pending.as_str()))
            .filter(outbox_jobs::run_at.gt(now))
            .set(outbox_jobs::run_at.eq(now))
            .execute(conn)
    })
}

/// Jobs of a topic that are in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// Their topic.
    pub topic: String,
    /// Where they stand.
    pub state: JobState,
    /// How many they are.
    pub jobs: u64,
    /// When the oldest of them was caused, by the clock of this process, however wrong it is.
    pub oldest: Option<OffsetDateTime>,
}

/// How many jobs of these topics are pending, running and dead. What there is none of is left out.
///
/// # Errors
/// When the database fails.
pub async fn counts(db: &Db, topics: &[TopicName]) -> Result<Vec<Count>> {
    let states = [JobState::Pending, JobState::Running, JobState::Dead].map(JobState::as_str);
    let topics: Vec<_> = topics.iter().map(|topic| topic.as_str()).collect();
    let rows: Vec<(String, JobState, i64, Option<OffsetDateTime>, OffsetDateTime)> =
        with_read!(db, DbOperation::CountJobs, |conn| {
            outbox_jobs::table
                .filter(outbox_jobs::topic.eq_any(topics))
                .filter(outbox_jobs::state.eq_any(states))
                .group_by((outbox_jobs::topic, outbox_jobs::state))
                .select((
                    outbox_jobs::topic,
                    outbox_jobs::state,
                    count_star(),
                    min(outbox_jobs::created_at),
                    Moment::now(),
                ))
                .load(conn)
        })?;
    let here = OffsetDateTime::now_utc();
    let rows = rows.into_iter().map(|(topic, state, jobs, oldest, now)| {
        let oldest = oldest.map(|oldest| here - (now - oldest));
        Count { topic, state, jobs: jobs.unsigned_abs(), oldest }
    });
    Ok(rows.collect())
}

/// Deletes at most `limit` jobs of a topic that were delivered before this time. Says how many; fewer than `limit` means
/// that there are no more.
///
/// # Errors
/// When the database fails.
pub async fn prune(db: &Db, topic: TopicName, delivered_before: OffsetDateTime, limit: usize) -> Result<usize> {
    // The index knows `run_at`, which is before `finished_at`, but for jobs that were delivered early.
    let statement = format!(
        "WITH old AS MATERIALIZED (
             SELECT id FROM outbox_jobs
             WHERE topic = $1 AND state = 'delivered' AND run_at < $2 AND finished_at < $2
             ORDER BY run_at LIMIT $3 {}
         )
         DELETE FROM outbox_jobs WHERE id IN (SELECT id FROM old)",
        skip_locked(db)
    );
    with_write!(db, DbOperation::Prune, |conn| {
        diesel::sql_query(statement)
            .bind::<Text, _>(topic.as_str())
            .bind::<InstantSql, _>(UtcTime(delivered_before))
            .bind::<BigInt, _>(to_bigint(limit))
            .execute(conn)
    })
}
