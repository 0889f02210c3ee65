//! Connections that wait for the next mail.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::session::Session;

/// Servers give up on an idle client after minutes; it is polite, and safer, to leave before that.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The last one that was used is the first to be used again.
#[derive(Default)]
pub(super) struct Idle(Mutex<State>);

#[derive(Default)]
struct State {
    sessions: Vec<(Session, Instant)>,
    is_watched: bool,
}

impl Idle {
    /// A connection, if one waits.
    pub fn take(&self) -> Option<Session> {
        self.state().sessions.pop().map(|(session, _)| session)
    }

    /// Keeps a connection for the next mail.
    pub fn keep(self: &Arc<Self>, session: Session) {
        let mut state = self.state();
        state.sessions.push((session, Instant::now()));
        if !mem::replace(&mut state.is_watched, true) {
            tokio::spawn(watch(Arc::downgrade(self)));
        }
    }

    /// Ends all connections.
    pub async fn end(&self) {
        let sessions = mem::take(&mut self.state().sessions);
        end_all(sessions.into_iter().map(|(session, _)| session)).await;
    }

    fn take_stale(&self) -> Vec<Session> {
        let mut state = self.state();
        let is_stale = |(_, since): &mut (Session, Instant)| since.elapsed() >= LONGEST_WAIT;
        let stale = state.sessions.extract_if(.., is_stale).map(|(session, _)| session).collect();
        state.is_watched = !state.sessions.is_empty();
        stale
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends what nobody takes, as long as there is something to watch.
async fn watch(idle: Weak<Idle>) {
    loop {
        sleep(LONGEST_WAIT / 4).await;
        let Some(idle) = idle.upgrade() else { return };
        let stale = idle.take_stale();
        let goes_on = idle.state().is_watched;
        end_all(stale.into_iter()).await;
        if !goes_on {
            return;
        }
    }
}

async fn end_all(sessions: impl Iterator<Item = Session>) {
    futures_util::future::join_all(sessions.map(Session::end)).await;
}
