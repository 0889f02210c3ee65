//! A request as its connection sees it.

use std::sync::Arc;

use crate::fairness::{Tenant, Use};

/// A request on its connection, which may be told to give way while the request waits for its client.
pub trait Progress: Tenant {
    /// From here on the service works on it; until here it waited for the client to send the rest.
    fn work_begins(&self);
}

/// Who waits for an answer that takes a place.
pub struct Asker(Arc<dyn Progress>);

impl Asker {
    pub(crate) fn new(progress: Arc<dyn Progress>) -> Self {
        Asker(progress)
    }
}

impl Tenant for Asker {
    fn used(&self) -> Use {
        self.0.used()
    }

    fn give_way(&self) {
        self.0.give_way();
    }
}
