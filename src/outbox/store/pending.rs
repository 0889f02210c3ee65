//! Jobs that wait, and for whom.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::error::Result;
use crate::store::Db;
use crate::store::query::with_read;
use crate::store::schema::outbox_jobs;
use crate::store::types::{Id, to_bigint};
use crate::telemetry::metrics::DbOperation;
use crate::values::job::{JobState, TopicName};

/// The first `limit` pending jobs of a topic whose ids come after this one, and the user of each.
///
/// # Errors
/// When the database fails.
pub async fn pending(db: &Db, topic: TopicName, after: Uuid, limit: usize) -> Result<Vec<(Uuid, Option<Uuid>)>> {
    with_read!(db, DbOperation::CountJobs, |conn| {
        outbox_jobs::table
            .filter(outbox_jobs::topic.eq(topic.as_str()))
            .filter(outbox_jobs::state.eq(JobState::Pending.as_str()))
            .filter(outbox_jobs::id.gt(Id(after)))
            .order(outbox_jobs::id)
            .limit(to_bigint(limit))
            .select((outbox_jobs::id, outbox_jobs::user_id))
            .load(conn)
    })
}
