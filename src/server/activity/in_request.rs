//! One request of a connection: whether the service works on it, or it waits for its client.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::Duration;

use super::Activity;
use crate::fairness::{Tenant, Use};
use crate::http::Progress;

/// How long a client may well take for an answer, however large.
const TAKING: Duration = Duration::from_secs(5);

/// A request, from its head until its answer is taken, or it is given up.
#[derive(Debug)]
pub(in crate::server) struct InRequest {
    activity: Arc<Activity>,
    stage: AtomicU8,
}

/// The stages of a request, in their order.
const ARRIVING: u8 = 0;
const IN_WORK: u8 = 1;
const ANSWERED: u8 = 2;
const ENDED: u8 = 3;

impl Activity {
    /// A request's head is complete. It waits for its client until the service works on it, and again until its answer is
    /// taken.
    pub(in crate::server) fn request(self: &Arc<Self>, multiplexed: bool) -> Arc<InRequest> {
        if self.requests.fetch_add(1, Relaxed) == 0 {
            self.waiting_since.store(self.now(), Relaxed);
        }
        self.head_since.store(0, Relaxed);
        self.multiplexed.store(multiplexed, Relaxed);
        self.had_request.store(true, Relaxed);
        Arc::new(InRequest::of(Arc::clone(self)))
    }
}

impl InRequest {
    /// A request whose head is complete.
    fn of(activity: Arc<Activity>) -> Self {
        InRequest { activity, stage: AtomicU8::new(ARRIVING) }
    }

    /// The answer is there, and is the transport's to take.
    pub(in crate::server) fn answered(&self) {
        if self.advance(ANSWERED) {
            let activity = &self.activity;
            if activity.untaken.fetch_add(1, Relaxed) == 0 {
                activity.taken_at.store(activity.now(), Relaxed);
            }
        }
    }

    /// The answer is taken, or nobody waits for it any more.
    pub(in crate::server) fn end(&self) {
        self.advance(ENDED);
    }

    /// Goes on to a later stage, leaving the one before. `false` where it had come as far already.
    fn advance(&self, stage: u8) -> bool {
        let before = self.stage.fetch_max(stage, Relaxed);
        if before >= stage {
            return false;
        }
        let (activity, now) = (&self.activity, self.activity.now());
        match before {
            IN_WORK if activity.working.fetch_sub(1, Relaxed) == 1 => activity.waiting_since.store(now, Relaxed),
            ANSWERED => {
                activity.taken_at.store(now, Relaxed);
                activity.untaken.fetch_sub(1, Relaxed);
            }
            _ => {}
        }
        if stage == ENDED {
            activity.idle_since.store(now, Relaxed);
            activity.requests.fetch_sub(1, Relaxed);
        }
        true
    }
}

/// A request gives way with its connection, once its client does not take the answer.
impl Tenant for InRequest {
    fn used(&self) -> Use {
        let answered = self.activity.at(self.activity.taken_at.load(Relaxed));
        match self.stage.load(Relaxed) {
            IN_WORK => Use::Work,
            _ if answered.elapsed() < TAKING => Use::New(answered),
            _ => Use::Waiting(answered),
        }
    }

    fn give_way(&self) {
        self.activity.give_way();
    }
}

impl Progress for InRequest {
    fn work_begins(&self) {
        if self.advance(IN_WORK) {
            self.activity.working.fetch_add(1, Relaxed);
        }
    }
}

impl Drop for InRequest {
    fn drop(&mut self) {
        self.end();
    }
}
