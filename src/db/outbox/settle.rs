//! Settlements: what becomes of jobs after an attempt.

use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::query::on_tx;
use crate::db::schema::{InstantSql, outbox_jobs};
use crate::db::types::{Id, Instant, Json};
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::metrics::DbOperation;
use crate::outbox::JobState;

/// What is kept of an error, in characters.
const MAX_ERROR: usize = 1_000;

/// What becomes of a job after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It is done. Its payload is deleted.
    Delivered,
    /// It is tried again.
    Retry {
        /// When.
        run_at: OffsetDateTime,
        /// Why the attempt failed; never an address.
        error: String,
    },
    /// It waits for an operator.
    Dead {
        /// Why the attempt failed; never an address.
        error: String,
    },
    /// There was no attempt: it is due for anyone, as before.
    Return,
}

/// Writes down what becomes of claimed jobs, given as id, lease token and settlement: all in one transaction. Says how
/// many it still found under that lease; the others belong to someone else by now, and are left alone.
///
/// # Errors
/// When the database fails. Nothing was written then, or, after a broken connection, perhaps all; to do it again is safe.
pub async fn settle(db: &Db, settlements: &[(Uuid, Uuid, Settlement)]) -> Result<usize> {
    if settlements.is_empty() {
        return Ok(0);
    }
    let mut tx = db.begin().await?;
    match apply(&mut tx, settlements).await {
        Ok(applied) => tx.commit().await.map(|()| applied),
        Err(error) => {
            // A connection that cannot roll back is thrown away by the pool.
            let _ = tx.rollback().await;
            Err(error)
        }
    }
}

async fn apply(tx: &mut Tx, settlements: &[(Uuid, Uuid, Settlement)]) -> Result<usize> {
    let now = OffsetDateTime::now_utc();
    // Always in the same order: two transactions cannot wait for each other.
    let mut ordered: Vec<_> = settlements.iter().collect();
    ordered.sort_by_key(|(id, ..)| *id);
    let mut applied = 0;
    for (id, token, settlement) in ordered {
        applied += match settlement {
            Settlement::Delivered => deliver(tx, *id, *token, now).await,
            Settlement::Retry { run_at, error } => retry(tx, *id, *token, *run_at, error).await,
            Settlement::Dead { error } => bury(tx, *id, *token, now, error).await,
            Settlement::Return => give_back(tx, *id, *token, now).await,
        }?;
    }
    Ok(applied)
}

/// One update of a job under this lease, which it ends.
macro_rules! end_lease {
    ($tx:expr, $id:expr, $token:expr, $state:expr, $($change:expr),+) => {
        on_tx!($tx, DbOperation::SettleJobs, |conn| {
            diesel::update(outbox_jobs::table)
                .filter(outbox_jobs::id.eq(Id($id)))
                .filter(outbox_jobs::lease_token.eq(Id($token)))
                .set((
                    outbox_jobs::state.eq($state.as_str()),
                    outbox_jobs::lease_until.eq(None::<Instant>),
                    outbox_jobs::lease_token.eq(None::<Id>),
                    $($change),+
                ))
                .execute(conn)
        })
    };
}

async fn deliver(tx: &mut Tx, id: Uuid, token: Uuid, now: OffsetDateTime) -> Result<usize> {
    end_lease!(
        tx,
        id,
        token,
        JobState::Delivered,
        outbox_jobs::payload.eq(Json(json!({}))),
        outbox_jobs::finished_at.eq(Instant(now))
    )
}

async fn retry(tx: &mut Tx, id: Uuid, token: Uuid, run_at: OffsetDateTime, error: &str) -> Result<usize> {
    end_lease!(
        tx,
        id,
        token,
        JobState::Pending,
        outbox_jobs::run_at.eq(Instant(run_at)),
        outbox_jobs::last_error.eq(storable(error))
    )
}

async fn bury(tx: &mut Tx, id: Uuid, token: Uuid, now: OffsetDateTime, error: &str) -> Result<usize> {
    end_lease!(
        tx,
        id,
        token,
        JobState::Dead,
        outbox_jobs::finished_at.eq(Instant(now)),
        outbox_jobs::last_error.eq(storable(error))
    )
}

async fn give_back(tx: &mut Tx, id: Uuid, token: Uuid, now: OffsetDateTime) -> Result<usize> {
    let now = Instant(now);
    end_lease!(
        tx,
        id,
        token,
        JobState::Pending,
        outbox_jobs::attempts.eq(outbox_jobs::attempts - 1),
        // It keeps its place among those that are due.
        outbox_jobs::run_at
            .eq(case_when(outbox_jobs::run_at.gt(now), now.into_sql::<InstantSql>()).otherwise(outbox_jobs::run_at))
    )
}

/// An error on one line of bounded length. What a server says may hold anything, also what PostgreSQL refuses to store.
fn storable(error: &str) -> String {
    error.chars().take(MAX_ERROR).map(|char| if char.is_control() { ' ' } else { char }).collect()
}
