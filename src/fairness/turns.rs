//! A number of permits for which clients take turns.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::{ClientKey, RoundRobin};

/// So many may work at once; the others wait.
#[derive(Clone, Debug)]
pub struct Turns(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    free: usize,
    waiting: RoundRobin<oneshot::Sender<Turn>>,
}

/// A permit, until it is dropped.
#[derive(Debug)]
pub struct Turn(Turns);

impl Turns {
    /// All free.
    pub fn new(permits: usize) -> Self {
        Turns(Arc::new(Mutex::new(State { free: permits, waiting: RoundRobin::default() })))
    }

    /// A permit if there is one now, without waiting.
    pub fn try_take(&self) -> Option<Turn> {
        self.free_turn(&mut self.state())
    }

    /// Waits for the client's turn.
    pub async fn take(&self, client: ClientKey) -> Turn {
        loop {
            let (given, turn) = oneshot::channel();
            let number = {
                let mut state = self.state();
                if let Some(turn) = self.free_turn(&mut state) {
                    return turn;
                }
                state.waiting.push(client, given)
            };
            let _waiting = Waiting { turns: self, client, number };
            if let Ok(turn) = turn.await {
                return turn;
            }
        }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    fn free_turn(&self, state: &mut State) -> Option<Turn> {
        state.free = state.free.checked_sub(1)?;
        Some(Turn(self.clone()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = {
            let mut state = self.0.state();
            let next = state.waiting.pop();
            state.free += usize::from(next.is_none());
            next
        };
        // Where that one has left, its permit is dropped here and goes to another.
        drop(next.map(|next| next.send(Turn(self.0.clone()))));
    }
}

/// Somebody who waits, and leaves the queue when they give up.
struct Waiting<'a> {
    turns: &'a Turns,
    client: ClientKey,
    number: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.turns.state().waiting.remove(self.client, self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use futures_util::FutureExt;

    use super::*;

    fn client(last: u8) -> ClientKey {
        IpAddr::from([192, 0, 2, last]).into()
    }

    #[tokio::test]
    async fn a_newcomer_has_the_turn_after_next() {
        let turns = Turns::new(1);
        let first = turns.take(client(1)).await;
        let mut many: Vec<_> = (0..10).map(|_| Box::pin(turns.take(client(1)))).collect();
        for one in &mut many {
            assert!(one.now_or_never().is_none());
        }
        let mut newcomer = Box::pin(turns.take(client(2)));
        assert!((&mut newcomer).now_or_never().is_none());
        drop(first);
        let second = many.remove(0).now_or_never().unwrap();
        assert!((&mut newcomer).now_or_never().is_none());
        drop(second);
        assert!(newcomer.now_or_never().is_some());
    }

    #[tokio::test]
    async fn no_permit_is_lost_with_who_gives_up() {
        let turns = Turns::new(2);
        let held = [turns.take(client(1)).await, turns.take(client(1)).await];
        let mut waiting: Vec<_> = (0..10).map(|last| Box::pin(turns.take(client(last)))).collect();
        for one in &mut waiting {
            assert!(one.now_or_never().is_none());
        }
        assert!(turns.try_take().is_none());
        // Some have their permit already when they leave.
        drop(held);
        drop(waiting);
        assert_eq!(turns.waiting(), 0);
        let _all = [turns.try_take().unwrap(), turns.try_take().unwrap()];
        assert!(turns.try_take().is_none());
    }
}
