//! What an operator does with jobs: looks at them, has them tried again, discards them.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::filter::{Dialect, JobFilter, of_domain_and_reply};
use super::row::JobRow;
use crate::error::Result;
use crate::store::Db;
use crate::store::moment::Moment;
use crate::store::query::{with_read, with_write};
use crate::store::schema::outbox_jobs;
use crate::store::types::{Id, UtcTime, to_bigint};
use crate::telemetry::metrics::DbOperation;
use crate::values::job::JobState;

/// The jobs that a change is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobSelection {
    /// These.
    Ids(Vec<Uuid>),
    /// All of these.
    All(JobFilter),
}

/// The first `limit` jobs, the one that is due for longest first; of delivered ones the last, latest first.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db, filter: &JobFilter, limit: usize) -> Result<Vec<JobRow>> {
    let states: Vec<_> = filter.states().into_iter().map(JobState::as_str).collect();
    with_read!(db, DbOperation::OperateJobs, |conn| {
        let jobs = outbox_jobs::table
            .filter(outbox_jobs::topic.eq_any(filter.topics()))
            .filter(outbox_jobs::state.eq_any(states))
            .filter(of_domain_and_reply!(db, filter))
            .limit(to_bigint(limit))
            .into_boxed();
        let ordered = match filter.state {
            Some(JobState::Delivered) => jobs.order((outbox_jobs::run_at.desc(), outbox_jobs::id.desc())),
            _ => jobs.order((outbox_jobs::run_at, outbox_jobs::id)),
        };
        ordered.load(conn)
    })
}

/// The job with this id.
///
/// # Errors
/// When the database fails.
pub async fn find(db: &Db, id: Uuid) -> Result<Option<JobRow>> {
    with_read!(db, DbOperation::OperateJobs, |conn| async {
        outbox_jobs::table.find(Id(id)).first::<JobRow>(conn).await.optional()
    })
}

/// Makes jobs that are pending or dead due now. Says how many; others are left alone. Their attempts go on
/// counting; the time for which they are tried begins anew.
///
/// # Errors
/// When the database fails.
pub async fn retry(db: &Db, selection: &JobSelection) -> Result<usize> {
    let pending = (
        outbox_jobs::state.eq(JobState::Pending.as_str()),
        outbox_jobs::run_at.eq(Moment::now()),
        outbox_jobs::finished_at.eq(None::<UtcTime>),
        outbox_jobs::failing_since.eq(None::<UtcTime>),
    );
    let states = selection.states();
    with_write!(db, DbOperation::OperateJobs, |conn| async {
        let waiting = diesel::update(outbox_jobs::table).filter(outbox_jobs::state.eq_any(&states));
        match selection {
            JobSelection::Ids(ids) => {
                waiting.filter(outbox_jobs::id.eq_any(stored(ids))).set(pending).execute(conn).await
            }
            JobSelection::All(filter) => {
                let all = waiting.filter(outbox_jobs::topic.eq_any(filter.topics()));
                all.filter(of_domain_and_reply!(db, filter)).set(pending).execute(conn).await
            }
        }
    })
}

/// Deletes jobs that are pending or dead. Says how many; others are left alone.
///
/// # Errors
/// When the database fails.
pub async fn discard(db: &Db, selection: &JobSelection) -> Result<usize> {
    let states = selection.states();
    with_write!(db, DbOperation::OperateJobs, |conn| async {
        let waiting = diesel::delete(outbox_jobs::table).filter(outbox_jobs::state.eq_any(&states));
        match selection {
            JobSelection::Ids(ids) => waiting.filter(outbox_jobs::id.eq_any(stored(ids))).execute(conn).await,
            JobSelection::All(filter) => {
                let all = waiting.filter(outbox_jobs::topic.eq_any(filter.topics()));
                all.filter(of_domain_and_reply!(db, filter)).execute(conn).await
            }
        }
    })
}

impl JobSelection {
    /// The states in which a job can be changed: no instance works on it, and it is not done.
    fn states(&self) -> Vec<&'static str> {
        let states = match self {
            JobSelection::Ids(_) => JobFilter::default().states(),
            JobSelection::All(filter) => filter.states(),
        };
        let waiting = |state: &JobState| matches!(state, JobState::Pending | JobState::Dead);
        states.into_iter().filter(waiting).map(JobState::as_str).collect()
    }
}

fn stored(ids: &[Uuid]) -> Vec<Id> {
    ids.iter().copied().map(Id).collect()
}
