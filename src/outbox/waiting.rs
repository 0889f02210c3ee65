//! Whom it hits that a service is left alone: their jobs wait, and no failed attempt tells of them.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::store;
use crate::error::{ErrorCode, Result};
use crate::store::Db;
use crate::telemetry::metrics;
use crate::values::job::TopicName;

/// Between two looks: a page's number is at most half a minute old.
const LOOK: Duration = Duration::from_secs(5);
/// Jobs at one look. What waits beyond is seen at the next ones; when all were seen it begins again, since a job may appear
/// after one that is younger.
const AT_ONCE: usize = 20_000;

/// What was seen of the jobs that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    looked: Option<Instant>,
    /// The last job that was seen, if there are more.
    last: Option<Uuid>,
}

impl Waiting {
    /// Counts those whose jobs wait among the users that errors of this type hit.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn look(&mut self, db: &Db, topic: TopicName, error: ErrorCode) -> Result<()> {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        let jobs = store::pending(db, topic, self.last.unwrap_or_default(), AT_ONCE).await?;
        self.last = jobs.last().map(|(id, _)| *id).filter(|_| jobs.len() == AT_ONCE);
        for user in jobs.into_iter().filter_map(|(_, user)| user) {
            metrics::user_waits(error, &user.to_string());
        }
        Ok(())
    }

    /// The service is not left alone any more.
    pub(super) fn end(&mut self) {
        *self = Waiting::default();
    }
}
