//! The phases of the service's life, for whoever must know: readiness, listeners, connections.

use tokio::sync::watch;

/// A phase. They follow each other in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It is not ready yet.
    Starting,
    /// It serves.
    Ready,
    /// It serves, says that it is not ready, and asks clients to reconnect elsewhere.
    Draining,
    /// It takes no new connection and finishes what it began.
    Closing,
}

/// Tells the phase, and changes it. Clones share one.
#[derive(Clone, Debug)]
pub struct Lifecycle(watch::Sender<Phase>);

impl Default for Lifecycle {
    fn default() -> Self {
        Lifecycle(watch::Sender::new(Phase::Starting))
    }
}

impl Lifecycle {
    /// The phase as of now.
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Goes on to a later phase; never back.
    pub fn advance(&self, to: Phase) {
        self.0.send_if_modified(|phase| {
            let later = to > *phase;
            *phase = to.max(*phase);
            later
        });
    }

    /// Returns once the phase is reached.
    pub async fn reached(&self, phase: Phase) {
        // It fails only without a sender, and this is one.
        let _ = self.0.subscribe().wait_for(|now| *now >= phase).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn life_goes_one_way() {
        let life = Lifecycle::default();
        life.advance(Phase::Draining);
        life.advance(Phase::Ready);
        assert_eq!(life.phase(), Phase::Draining);
        life.reached(Phase::Ready).await;
    }
}
