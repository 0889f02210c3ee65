//! What an operator does with jobs: looks at them, has them tried again, discards them.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::row::JobRow;
use crate::clock;
use crate::error::Result;
use crate::outbox::{JobState, Topic};
use crate::store::Db;
use crate::store::query::{with_read, with_write};
use crate::store::schema::outbox_jobs;
use crate::store::types::{Id, Instant, to_bigint};
use crate::telemetry::metrics::DbOperation;

/// Some of the jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Only of this topic.
    pub topic: Option<Topic>,
    /// Only in this state; without one, those that are not delivered.
    pub state: Option<JobState>,
}

/// The jobs that a change is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobSelection {
    /// These.
    Ids(Vec<Uuid>),
    /// All of these.
    All(JobFilter),
}

impl JobFilter {
    /// The topics as the database knows them.
    fn topics(self) -> Vec<&'static str> {
        Topic::ALL.iter().filter(|topic| self.topic.is_none_or(|only| only == **topic)).map(|t| t.as_str()).collect()
    }

    fn states(self) -> Vec<JobState> {
        self.state.map_or_else(|| vec![JobState::Pending, JobState::Running, JobState::Dead], |state| vec![state])
    }
}

/// The first `limit` jobs, the one that is due for longest first; of delivered ones the last, latest first.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db, filter: JobFilter, limit: usize) -> Result<Vec<JobRow>> {
    let states: Vec<_> = filter.states().into_iter().map(JobState::as_str).collect();
    with_read!(db, DbOperation::OperateJobs, |conn| {
        let jobs = outbox_jobs::table
            .filter(outbox_jobs::topic.eq_any(filter.topics()))
            .filter(outbox_jobs::state.eq_any(states))
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

/// Makes jobs that are pending or dead due now. Says how many; others are left alone. Their attempts go on counting.
///
/// # Errors
/// When the database fails.
pub async fn retry(db: &Db, selection: &JobSelection) -> Result<usize> {
    let (topics, states, ids) = conditions(selection);
    let pending = (
        outbox_jobs::state.eq(JobState::Pending.as_str()),
        outbox_jobs::run_at.eq(Instant(clock::now())),
        outbox_jobs::finished_at.eq(None::<Instant>),
    );
    let waiting = || outbox_jobs::topic.eq_any(&topics).and(outbox_jobs::state.eq_any(&states));
    match &ids {
        Some(ids) => with_write!(db, DbOperation::OperateJobs, |conn| {
            diesel::update(outbox_jobs::table)
                .filter(waiting())
                .filter(outbox_jobs::id.eq_any(ids))
                .set(pending)
                .execute(conn)
        }),
        None => with_write!(db, DbOperation::OperateJobs, |conn| {
            diesel::update(outbox_jobs::table).filter(waiting()).set(pending).execute(conn)
        }),
    }
}

/// Deletes jobs that are pending or dead. Says how many; others are left alone.
///
/// # Errors
/// When the database fails.
pub async fn discard(db: &Db, selection: &JobSelection) -> Result<usize> {
    let (topics, states, ids) = conditions(selection);
    let waiting = || outbox_jobs::topic.eq_any(&topics).and(outbox_jobs::state.eq_any(&states));
    match &ids {
        Some(ids) => with_write!(db, DbOperation::OperateJobs, |conn| {
            diesel::delete(outbox_jobs::table).filter(waiting()).filter(outbox_jobs::id.eq_any(ids)).execute(conn)
        }),
        None => with_write!(db, DbOperation::OperateJobs, |conn| {
            diesel::delete(outbox_jobs::table).filter(waiting()).execute(conn)
        }),
    }
}

/// The topics, the states and, where they are named, the ids of jobs to be changed.
fn conditions(selection: &JobSelection) -> (Vec<&'static str>, Vec<&'static str>, Option<Vec<Id>>) {
    let (filter, ids) = match selection {
        JobSelection::Ids(ids) => (JobFilter::default(), Some(ids.iter().copied().map(Id).collect())),
        JobSelection::All(filter) => (*filter, None),
    };
    // No instance works on these, and they are not done.
    let waiting = |state: &JobState| matches!(state, JobState::Pending | JobState::Dead);
    (filter.topics(), filter.states().into_iter().filter(waiting).map(JobState::as_str).collect(), ids)
}
