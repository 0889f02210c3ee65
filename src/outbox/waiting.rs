//! Whom it hits that a service is left alone: their jobs wait untried, so no failed attempt tells of them.

use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;

use super::store;
use crate::error::{ErrorCode, Result};
use crate::store::Db;
use crate::telemetry::metrics;
use crate::values::job::TopicName;

/// Between two looks: a page's number is at most half a minute old.
const LOOK: Duration = Duration::from_secs(5);
/// Jobs at one look. What waits beyond is seen at the next ones.
const AT_ONCE: usize = 5_000;

/// A job may be seen so long after one that came later: its transaction took longer.
const LATE: Duration = Duration::from_secs(10);

/// What was seen of the jobs that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    looked: Option<Instant>,
    /// The last job that was counted came then.
    last: Option<OffsetDateTime>,
}

impl Waiting {
    /// Counts those whose jobs have come to wait since the last look, among the users that errors of this type hit.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn look(&mut self, db: &Db, topic: TopicName, error: ErrorCode) -> Result<()> {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        let after = self.last.map_or(OffsetDateTime::UNIX_EPOCH, |last| last - LATE);
        for (came, user) in store::untried(db, topic, after, AT_ONCE).await? {
            self.last = Some(came);
            if let Some(user) = user {
                metrics::user_waits(error, &user.to_string());
            }
        }
        Ok(())
    }

    /// The service is not left alone any more.
    pub(super) fn end(&mut self) {
        *self = Waiting::default();
    }
}
