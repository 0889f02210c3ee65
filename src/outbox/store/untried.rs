//! Jobs that nobody has tried yet.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::Result;
use crate::store::Db;
use crate::store::query::with_read;
use crate::store::schema::outbox_jobs;
use crate::store::types::{UtcTime, to_bigint};
use crate::telemetry::metrics::DbOperation;
use crate::values::job::{JobState, TopicName};

/// The first `limit` pending jobs of a topic that came after this time and were not tried: when each came, and for whom.
///
/// # Errors
/// When the database fails.
pub async fn untried(
    db: &Db,
    topic: TopicName,
    after: OffsetDateTime,
    limit: usize,
) -> Result<Vec<(OffsetDateTime, Option<Uuid>)>> {
    with_read!(db, DbOperation::CountJobs, |conn| {
        outbox_jobs::table
            .filter(outbox_jobs::topic.eq(topic.as_str()))
            .filter(outbox_jobs::state.eq(JobState::Pending.as_str()))
            // What was not tried is due since it came, which the index knows.
            .filter(outbox_jobs::run_at.gt(UtcTime(after)))
            .filter(outbox_jobs::attempts.eq(0))
            .order(outbox_jobs::run_at)
            .limit(to_bigint(limit))
            .select((outbox_jobs::run_at, outbox_jobs::user_id))
            .load(conn)
    })
}
