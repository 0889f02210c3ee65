//! Settlements: what becomes of jobs after an attempt.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use diesel_async::RunQueryDsl;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::row::WITHHELD;
use crate::error::Result;
use crate::store::Db;
use crate::store::moment::Moments;
use crate::store::query::{with_read, with_write};
use crate::store::schema::{UuidSql, outbox_jobs};
use crate::store::types::Id;
use crate::telemetry::metrics::DbOperation;
use crate::text::escape;
use crate::values::job::JobState;

/// What is kept of an error, in characters.
const MAX_ERROR: usize = 1_000;

/// What becomes of a job after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It is done. Its payload is deleted.
    Delivered,
    /// There was nothing to do, and that is done: nothing was sent. Of its payload nothing is left but why.
    Withheld {
        /// Why; never an address.
        why: &'static str,
    },
    /// It is tried again.
    Retry {
        /// When.
        run_at: OffsetDateTime,
        /// Why the attempt failed; never an address.
        error: String,
        /// Since when it fails for its own sake; what is known already stays.
        failing_since: Option<OffsetDateTime>,
        /// Nobody said how the attempt ended: what the job does may have been done.
        unanswered: bool,
    },
    /// It waits for an operator.
    Dead {
        /// Why the attempt failed; never an address.
        error: String,
    },
    /// There was no attempt: it is due for anyone, as before.
    Return,
}

/// Writes down what becomes of claimed jobs, given as id, lease token and settlement: all at once, at most 3,600. Says
/// how many it still found under that lease; the others belong to someone else by now, and are left alone.
///
/// # Errors
/// When the database fails. Nothing was written then, or, after a broken connection, perhaps all; to do it again is safe.
pub async fn settle(db: &Db, settlements: &[(Uuid, Uuid, Settlement)]) -> Result<usize> {
    if settlements.is_empty() {
        return Ok(0);
    }
    let moments = Moments::of(db);
    let statement = statement(settlements.len(), moments, left_of_payload(db));
    with_write!(db, DbOperation::SettleJobs, |conn| {
        let mut query = diesel::sql_query(statement).into_boxed();
        for (id, lease_token, settlement) in settlements {
            let change = Change::of(settlement, moments.now);
            query = query
                .bind::<UuidSql, _>(Id(*id))
                .bind::<UuidSql, _>(Id(*lease_token))
                .bind::<Text, _>(change.state.as_str())
                .bind::<Integer, _>(change.attempts)
                .bind::<Nullable<BigInt>, _>(change.run_at.map(|time| moments.number(time)))
                .bind::<Nullable<BigInt>, _>(change.finished_at.map(|time| moments.number(time)))
                .bind::<Nullable<Text>, _>(change.text)
                .bind::<Nullable<BigInt>, _>(change.failing_since.map(|time| moments.number(time)))
                .bind::<Integer, _>(i32::from(change.unanswered));
        }
        query.execute(conn)
    })
}

/// How many of these jobs there are, whatever became of them.
///
/// # Errors
/// When the database fails.
pub async fn existing(db: &Db, settlements: &[(Uuid, Uuid, Settlement)]) -> Result<usize> {
    let ids: Vec<Id> = settlements.iter().map(|(id, _, _)| Id(*id)).collect();
    let count = with_read!(db, DbOperation::CountJobs, |conn| {
        outbox_jobs::table.filter(outbox_jobs::id.eq_any(ids)).count().get_result::<i64>(conn)
    })?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// One statement for any number of jobs, of [`COLUMNS`] parameters each. (On SQLite `$1` is a name, and names get
/// numbers as they appear: the first of each must appear in order.)
fn statement(jobs: usize, moments: Moments, payload: &str) -> String {
    let row = |job: usize| {
        let parameters: Vec<_> = (0..COLUMNS).map(|column| format!("${}", 1 + job * COLUMNS + column)).collect();
        format!("({})", parameters.join(", "))
    };
    let rows: Vec<_> = (0..jobs).map(row).collect();
    let times = ["change.run_at", "change.finished_at", "change.failing_since"];
    let [run_at, finished_at, failing_since] = times.map(|number| moments.sql(number));
    format!(
        "WITH change (id, lease_token, state, attempts, run_at, finished_at, text, failing_since, unanswered) AS (VALUES {})
         UPDATE outbox_jobs SET
             state = change.state,
             payload = CASE change.state WHEN 'delivered' THEN {payload} ELSE outbox_jobs.payload END,
             attempts = outbox_jobs.attempts + change.attempts,
             run_at = CASE
                 WHEN change.run_at IS NULL THEN outbox_jobs.run_at
                 -- One that is given back keeps its place among those that are due.
                 WHEN change.attempts < 0 AND outbox_jobs.run_at < {run_at} THEN outbox_jobs.run_at
                 ELSE {run_at}
             END,
             finished_at = {finished_at},
             last_error = CASE change.state
                 WHEN 'delivered' THEN outbox_jobs.last_error
                 ELSE COALESCE(change.text, outbox_jobs.last_error)
             END,
             failing_since = COALESCE(outbox_jobs.failing_since, {failing_since}),
             unanswered = outbox_jobs.unanswered + change.unanswered,
             lease_until = NULL,
             lease_token = NULL
         FROM change
         WHERE outbox_jobs.id = change.id AND outbox_jobs.lease_token = change.lease_token",
        rows.join(", ")
    )
}

/// What is left of the payload of a job that is done: why nothing was sent, where that is so.
fn left_of_payload(db: &Db) -> &'static str {
    match db {
        Db::Sqlite { .. } => "COALESCE(change.text, '{}')",
        Db::Postgres { .. } => "CAST(COALESCE(change.text, '{}') AS jsonb)",
    }
}

/// The columns of `change`.
const COLUMNS: usize = 9;

/// What a settlement writes.
struct Change {
    state: JobState,
    /// Added to the attempts.
    attempts: i32,
    run_at: Option<OffsetDateTime>,
    finished_at: Option<OffsetDateTime>,
    /// Why it failed; of what is done, what is left of the payload.
    text: Option<String>,
    failing_since: Option<OffsetDateTime>,
    unanswered: bool,
}

impl Change {
    fn of(settlement: &Settlement, now: OffsetDateTime) -> Self {
        let to = |state| Self {
            state,
            attempts: 0,
            run_at: None,
            finished_at: None,
            text: None,
            failing_since: None,
            unanswered: false,
        };
        match settlement {
            Settlement::Delivered => Self { finished_at: Some(now), ..to(JobState::Delivered) },
            Settlement::Withheld { why } => {
                let text = json!({ WITHHELD: why }).to_string();
                Self { finished_at: Some(now), text: Some(text), ..to(JobState::Delivered) }
            }
            Settlement::Dead { error } => {
                Self { finished_at: Some(now), text: Some(storable(error)), ..to(JobState::Dead) }
            }
            Settlement::Retry { run_at, error, failing_since, unanswered } => Self {
                run_at: Some(*run_at),
                text: Some(storable(error)),
                failing_since: *failing_since,
                unanswered: *unanswered,
                ..to(JobState::Pending)
            },
            Settlement::Return => Self { attempts: -1, run_at: Some(now), ..to(JobState::Pending) },
        }
    }
}

/// An error on one line of bounded length. What a server says may hold anything, also what PostgreSQL refuses to store.
fn storable(error: &str) -> String {
    escape(error).chars().take(MAX_ERROR).collect()
}
