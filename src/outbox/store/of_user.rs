//! The jobs of one user. They are found by topic and state, since that is what the index knows: those that are not delivered are
//! few. Delivered ones hold the id of the user, and no more.

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::row::JobRow;
use crate::error::Result;
use crate::store::query::{with_read, with_tx};
use crate::store::schema::outbox_jobs;
use crate::store::types::Id;
use crate::store::{Db, Transaction};
use crate::telemetry::metrics::DbOperation;
use crate::values::job::{JobState, TopicName};

/// The states of jobs that are not delivered.
const WAITING: [JobState; 3] = [JobState::Pending, JobState::Running, JobState::Dead];

/// Deletes a user's jobs of these topics that are not delivered, also those that somebody works on. Says how many there were.
///
/// # Errors
/// When the database fails.
pub async fn erase_of_user(tx: &mut Transaction, user_id: Uuid, topics: &[TopicName]) -> Result<usize> {
    let topics: Vec<_> = topics.iter().map(|topic| topic.as_str()).collect();
    with_tx!(tx, DbOperation::OperateJobs, |conn| {
        let waiting = outbox_jobs::table
            .filter(outbox_jobs::topic.eq_any(topics))
            .filter(outbox_jobs::state.eq_any(WAITING.map(JobState::as_str)))
            .filter(outbox_jobs::user_id.eq(Id(user_id)));
        diesel::delete(waiting).execute(conn)
    })
}

/// Those of a topic that are not delivered, name nobody as their user, and are for an address.
const OF_ADDRESS: &str = "outbox_jobs WHERE topic = $1 AND state IN ('pending', 'running', 'dead')
                          AND user_id IS NULL AND payload ->> 'email_key' = $2";

/// Deletes the jobs of this topic that are not delivered, name nobody as their user, and are for this address. Says how many there
/// were.
///
/// # Errors
/// When the database fails.
pub async fn erase_of_address(tx: &mut Transaction, address: &str, topic: TopicName) -> Result<usize> {
    let statement = format!("DELETE FROM {OF_ADDRESS}");
    with_tx!(tx, DbOperation::OperateJobs, |conn| {
        diesel::sql_query(statement).bind::<Text, _>(topic.as_str()).bind::<Text, _>(address).execute(conn)
    })
}

/// The jobs of this topic that are not delivered, name nobody as their user, and are for this address.
///
/// # Errors
/// When the database fails.
pub async fn waiting_of_address(db: &Db, address: &str, topic: TopicName) -> Result<Vec<JobRow>> {
    let statement = format!("SELECT * FROM {OF_ADDRESS} ORDER BY id");
    with_read!(db, DbOperation::OperateJobs, |conn| {
        diesel::sql_query(statement).bind::<Text, _>(topic.as_str()).bind::<Text, _>(address).load::<JobRow>(conn)
    })
}

/// A user's jobs of these topics that are not delivered.
///
/// # Errors
/// When the database fails.
pub async fn waiting_of_user(db: &Db, user_id: Uuid, topics: &[TopicName]) -> Result<Vec<JobRow>> {
    let topics: Vec<_> = topics.iter().map(|topic| topic.as_str()).collect();
    with_read!(db, DbOperation::OperateJobs, |conn| {
        outbox_jobs::table
            .filter(outbox_jobs::topic.eq_any(topics))
            .filter(outbox_jobs::state.eq_any(WAITING.map(JobState::as_str)))
            .filter(outbox_jobs::user_id.eq(Id(user_id)))
            .order(outbox_jobs::id)
            .load::<JobRow>(conn)
    })
}
