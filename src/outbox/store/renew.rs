//! Renewals: an instance that lives keeps the jobs that it works on, for as long as that takes.

use std::time::Duration;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::claim::later;
use crate::clock;
use crate::error::Result;
use crate::store::Db;
use crate::store::moment::Moment;
use crate::store::query::with_write;
use crate::store::schema::outbox_jobs;
use crate::store::types::Id;
use crate::telemetry::metrics::DbOperation;

/// Gives jobs, named by id and lease token, a lease from now on. Says how many it still found under that lease.
///
/// # Errors
/// When the database fails.
pub async fn renew(db: &Db, jobs: &[(Uuid, Uuid)], lease: Duration) -> Result<usize> {
    if jobs.is_empty() {
        return Ok(0);
    }
    // A token is of one claim: together with the id it is as good as the pair.
    let (ids, tokens): (Vec<_>, Vec<_>) = jobs.iter().map(|(id, token)| (Id(*id), Id(*token))).unzip();
    let until = Moment::of(later(clock::now(), lease));
    with_write!(db, DbOperation::ClaimJobs, |conn| {
        diesel::update(outbox_jobs::table)
            .filter(outbox_jobs::id.eq_any(&ids))
            .filter(outbox_jobs::lease_token.eq_any(&tokens))
            .set(outbox_jobs::lease_until.eq(until.nullable()))
            .execute(conn)
    })
}
