//! Failed jobs in summary, as the index of the operations listener shows them: gathered in the background, so that a page
//! costs nothing however many there are.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;

use super::station::Station;
use super::store::{self as outbox, Count, Group, GroupBy, JobFilter};
use crate::error::Result;
use crate::store::Db;
use crate::telemetry::metrics::DeadReason;
use crate::values::job::JobState;

/// So many jobs of each topic and state are looked at.
const SCAN: usize = 10_000;
/// So many groups are kept.
const LONGEST: usize = 20;
/// Pending jobs fail again and again without any change of their number.
const AT_LEAST_EVERY: Duration = Duration::from_secs(60);

/// What was found last.
#[derive(Clone, Debug)]
pub struct FailedJobs {
    /// When it was looked at; never, before the first look.
    pub at: Option<OffsetDateTime>,
    /// The largest groups by topic, domain and reply.
    pub groups: Vec<Group>,
    /// Whether there are more, or jobs that were not looked at.
    pub has_more: bool,
}

/// Keeps the summary.
pub(super) struct Watch {
    found: Mutex<Arc<FailedJobs>>,
    seen: Mutex<Option<(Vec<u64>, Instant)>>,
}

impl Watch {
    pub(super) fn new() -> Self {
        let nothing = FailedJobs { at: None, groups: Vec::new(), has_more: false };
        Watch { found: Mutex::new(Arc::new(nothing)), seen: Mutex::default() }
    }

    pub(super) fn found(&self) -> Arc<FailedJobs> {
        Arc::clone(&lock(&self.found))
    }

    /// Looks again, if the number of dead jobs is another than last time, or that is long ago.
    pub(super) async fn look(&self, stations: &[Arc<Station>], db: &Db, counts: &[Count]) -> Result<()> {
        let dead = |station: &Arc<Station>| {
            let of = |count: &&Count| count.topic == station.about.name.as_str() && count.state == JobState::Dead;
            counts.iter().find(of).map_or(0, |count| count.jobs)
        };
        let dead: Vec<u64> = stations.iter().map(dead).collect();
        let is_known = |(seen, at): &(Vec<u64>, Instant)| *seen == dead && at.elapsed() < AT_LEAST_EVERY;
        if lock(&self.seen).as_ref().is_some_and(is_known) {
            return Ok(());
        }
        let found = if counts.is_empty() { Vec::new() } else { failed(stations, db).await? };
        for station in stations {
            station.metrics.dead(&by_reason(&found, station.about.name.as_str()));
        }
        let has_more = found.len() > LONGEST || counts.iter().any(|count| count.jobs > SCAN as u64);
        let groups = found.into_iter().take(LONGEST).collect();
        *lock(&self.found) = Arc::new(FailedJobs { at: Some(OffsetDateTime::now_utc()), groups, has_more });
        *lock(&self.seen) = Some((dead, Instant::now()));
        Ok(())
    }
}

/// Those that are dead, and those that wait for another try: what was never tried has no reply.
async fn failed(stations: &[Arc<Station>], db: &Db) -> Result<Vec<Group>> {
    let topics: Vec<_> = stations.iter().map(|station| station.about.name).collect();
    let mut found = Vec::new();
    for state in [JobState::Dead, JobState::Pending] {
        let filter = JobFilter { topics: topics.clone(), state: Some(state), ..JobFilter::default() };
        found.extend(outbox::summary(db, &filter, GroupBy::ALL, SCAN, 2 * SCAN).await?);
    }
    found.retain(|group| group.reply.is_some());
    found.sort_by_key(|group| std::cmp::Reverse((group.state == JobState::Dead, group.jobs)));
    Ok(found)
}

fn by_reason(found: &[Group], topic: &str) -> BTreeMap<DeadReason, i64> {
    let mut jobs = BTreeMap::new();
    let is_dead = |group: &&Group| group.state == JobState::Dead && group.topic.as_deref() == Some(topic);
    for group in found.iter().filter(is_dead) {
        *jobs.entry(DeadReason::of(group.reply.as_deref().unwrap_or_default())).or_default() += group.jobs;
    }
    jobs
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
