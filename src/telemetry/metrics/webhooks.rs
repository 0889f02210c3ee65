//! Webhooks: endpoints that want no more. What is sent to them are jobs of the outbox, and calls of a service.

use prometheus::{IntCounter, IntCounterVec};

use super::declare::metrics;
use crate::values::job::TopicName;

metrics! { init;
    SWITCHED_OFF: IntCounterVec = "webhooks_switched_off_total" ["topic"], "Endpoints that were switched off because they answered 410; neodyme_outbox_paused says which are.";
}

/// The series of one endpoint.
pub struct SwitchOffs(IntCounter);

impl SwitchOffs {
    /// Creates it.
    pub fn new(topic: TopicName) -> Self {
        SwitchOffs(SWITCHED_OFF.with_label_values(&[topic.as_str()]))
    }

    /// The endpoint was switched off.
    pub fn count(&self) {
        self.0.inc();
    }
}
