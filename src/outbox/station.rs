//! A topic, and what belongs to it while the service lives.

use std::sync::Arc;

use tokio::sync::Notify;

use super::topic::{About, Deliver};
use crate::telemetry::metrics::{Calls, TopicMetrics};

/// A topic, and what belongs to it.
pub(super) struct Station {
    pub(super) about: About,
    pub(super) topic: Arc<dyn Deliver>,
    /// Tells its lane that there are new jobs.
    pub(super) wake: Notify,
    pub(super) metrics: TopicMetrics,
    pub(super) calls: Calls,
}

impl Station {
    pub(super) fn new(topic: Arc<dyn Deliver>) -> Self {
        let about = topic.about();
        let (metrics, calls) = series_of(&about);
        Station { about, topic, wake: Notify::new(), metrics, calls }
    }
}

/// Creates the series of a topic, which the first scrape wants to see.
pub fn series_of(about: &About) -> (TopicMetrics, Calls) {
    (TopicMetrics::new(about.name), Calls::new(about.service, about.operation))
}
