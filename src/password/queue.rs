//! The queue in front of the hash workers: clients take turns, and each client's jobs go in their order. So a client that
//! asks for much waits for itself, and another waits for one job of each client at most.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::fairness::ClientKey;

/// Jobs that wait, by client.
pub(super) struct Queue<J> {
    capacity: usize,
    state: Mutex<State<J>>,
    changed: Condvar,
}

struct State<J> {
    /// Clients with jobs, in the order of their turns.
    turns: VecDeque<ClientKey>,
    jobs: HashMap<ClientKey, VecDeque<(u64, J)>>,
    length: usize,
    next_number: u64,
    closed: bool,
}

impl<J> Queue<J> {
    /// An empty queue that never holds more than `capacity` jobs.
    pub(super) fn new(capacity: usize) -> Self {
        let (turns, jobs) = (VecDeque::new(), HashMap::new());
        let state = State { turns, jobs, length: 0, next_number: 0, closed: false };
        Queue { capacity, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Adds a job and returns its number; `None` where the queue is full.
    pub(super) fn push(&self, client: ClientKey, job: J) -> Option<u64> {
        let mut state = self.state();
        if state.length >= self.capacity {
            return None;
        }
        let number = state.next_number;
        state.next_number += 1;
        state.length += 1;
        let waiting = state.jobs.entry(client).or_default();
        waiting.push_back((number, job));
        if waiting.len() == 1 {
            state.turns.push_back(client);
        }
        self.changed.notify_one();
        Some(number)
    }

    /// The next job if there is one now.
    pub(super) fn try_pop(&self) -> Option<J> {
        self.state().pop()
    }

    /// Waits for the next job; `None` once the queue is closed and empty.
    pub(super) fn pop(&self) -> Option<J> {
        let is_idle = |state: &mut State<J>| state.length == 0 && !state.closed;
        let waited = self.changed.wait_while(self.state(), is_idle);
        waited.unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Takes a job back that nobody waits for any more, if it still waits.
    pub(super) fn remove(&self, client: ClientKey, number: u64) {
        let mut state = self.state();
        let Some(waiting) = state.jobs.get_mut(&client) else { return };
        let before = waiting.len();
        waiting.retain(|(other, _)| *other != number);
        let (removed, is_last) = (before - waiting.len(), waiting.is_empty());
        state.length -= removed;
        if is_last {
            state.jobs.remove(&client);
            state.turns.retain(|other| *other != client);
        }
    }

    /// No job comes any more: workers end once all are done.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// How many jobs wait.
    pub(super) fn len(&self) -> usize {
        self.state().length
    }

    /// How many jobs of this client wait.
    pub(super) fn len_of(&self, client: ClientKey) -> usize {
        self.state().jobs.get(&client).map_or(0, VecDeque::len)
    }

    /// How many jobs would be done before a new one of this client; at most, where others come meanwhile.
    pub(super) fn ahead_of(&self, client: ClientKey) -> usize {
        let state = self.state();
        let own = state.jobs.get(&client).map_or(0, VecDeque::len);
        state.length.min(state.turns.len().saturating_mul(own + 1))
    }

    /// How many jobs would be done before one of a client that has none yet.
    pub(super) fn ahead_of_newcomer(&self) -> usize {
        self.state().turns.len()
    }

    fn state(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J> State<J> {
    fn pop(&mut self) -> Option<J> {
        let client = self.turns.pop_front()?;
        let waiting = self.jobs.get_mut(&client)?;
        let (_, job) = waiting.pop_front()?;
        self.length -= 1;
        match waiting.is_empty() {
            true => drop(self.jobs.remove(&client)),
            false => self.turns.push_back(client),
        }
        Some(job)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::*;

    fn client(last: u8) -> ClientKey {
        IpAddr::from([192, 0, 2, last]).into()
    }

    fn drain<J>(queue: &Queue<J>) -> Vec<J> {
        std::iter::from_fn(|| queue.try_pop()).collect()
    }

    #[test]
    fn clients_take_turns() {
        let queue = Queue::new(100);
        for job in ["a1", "a2", "a3"] {
            queue.push(client(1), job);
        }
        queue.push(client(2), "b1");
        assert_eq!((queue.ahead_of(client(1)), queue.ahead_of(client(2)), queue.ahead_of_newcomer()), (4, 4, 2));
        queue.push(client(2), "b2");
        assert_eq!(drain(&queue), ["a1", "b1", "a2", "b2", "a3"]);
    }

    #[test]
    fn a_newcomer_waits_for_one_job_of_each_client() {
        let queue = Queue::new(1000);
        for _ in 0..500 {
            queue.push(client(1), "many");
        }
        assert_eq!(queue.ahead_of(client(2)), 1);
        queue.push(client(2), "one");
        assert_eq!([queue.try_pop(), queue.try_pop()], [Some("many"), Some("one")]);
    }

    #[test]
    fn a_full_queue_takes_nothing_and_a_closed_one_is_emptied() {
        let queue = Queue::new(1);
        assert_eq!(queue.push(client(1), "a"), Some(0));
        assert_eq!(queue.push(client(2), "b"), None);
        queue.close();
        assert_eq!([queue.pop(), queue.pop()], [Some("a"), None]);
    }

    proptest! {
        #[test]
        fn what_is_pushed_is_popped_or_removed_once(
            clients in prop::collection::vec(0_u8..4, 0..60),
            removed in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let queue = Queue::new(1000);
            let mut expected: Vec<(u64, u8)> =
                clients.iter().map(|last| (queue.push(client(*last), *last).unwrap(), *last)).collect();
            for index in removed {
                if !expected.is_empty() {
                    let (number, last) = expected.remove(index.index(expected.len()));
                    queue.remove(client(last), number);
                    queue.remove(client(last), number);
                }
            }
            prop_assert_eq!(queue.len(), expected.len());
            let mut popped = drain(&queue);
            popped.sort_unstable();
            let mut lasts: Vec<u8> = expected.into_iter().map(|(_, last)| last).collect();
            lasts.sort_unstable();
            prop_assert_eq!(popped, lasts);
            prop_assert_eq!(queue.ahead_of_newcomer(), 0);
        }
    }
}
