//! The queue in front of the hash workers.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::fairness::{ClientKey, RoundRobin};

/// Jobs that wait. Clients take turns.
pub(super) struct Queue<J> {
    capacity: usize,
    state: Mutex<State<J>>,
    changed: Condvar,
}

struct State<J> {
    jobs: RoundRobin<J>,
    closed: bool,
}

impl<J> Queue<J> {
    /// An empty queue that never holds more than `capacity` jobs.
    pub(super) fn new(capacity: usize) -> Self {
        let state = State { jobs: RoundRobin::default(), closed: false };
        Queue { capacity, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Adds a job and returns its number; `None` where the queue is full.
    pub(super) fn push(&self, client: ClientKey, job: J) -> Option<u64> {
        let mut state = self.state();
        if state.jobs.len() >= self.capacity {
            return None;
        }
        let number = state.jobs.push(client, job);
        self.changed.notify_one();
        Some(number)
    }

    /// The next job if there is one now.
    pub(super) fn try_pop(&self) -> Option<J> {
        self.state().jobs.pop()
    }

    /// Waits for the next job; `None` once the queue is closed and empty.
    pub(super) fn pop(&self) -> Option<J> {
        let is_idle = |state: &mut State<J>| state.jobs.is_empty() && !state.closed;
        let waited = self.changed.wait_while(self.state(), is_idle);
        waited.unwrap_or_else(PoisonError::into_inner).jobs.pop()
    }

    /// Takes a job back that nobody waits for any more, if it still waits.
    pub(super) fn remove(&self, client: ClientKey, number: u64) {
        self.state().jobs.remove(client, number);
    }

    /// No job comes any more: workers end once all are done.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// How many jobs wait.
    pub(super) fn len(&self) -> usize {
        self.state().jobs.len()
    }

    /// How many jobs of this client wait.
    pub(super) fn len_of(&self, client: ClientKey) -> usize {
        self.state().jobs.len_of(client)
    }

    /// How many jobs would be done before a new one of this client; at most, where others come meanwhile.
    pub(super) fn ahead_of(&self, client: ClientKey) -> usize {
        self.state().jobs.ahead_of(client)
    }

    /// How many jobs would be done before one of a client that has none yet.
    pub(super) fn ahead_of_newcomer(&self) -> usize {
        self.state().jobs.ahead_of_newcomer()
    }

    fn state(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn client(last: u8) -> ClientKey {
        IpAddr::from([192, 0, 2, last]).into()
    }

    #[test]
    fn a_full_queue_takes_nothing_and_a_closed_one_is_emptied() {
        let queue = Queue::new(1);
        assert_eq!(queue.push(client(1), "a"), Some(0));
        assert_eq!(queue.push(client(2), "b"), None);
        queue.close();
        assert_eq!([queue.pop(), queue.pop()], [Some("a"), None]);
    }
}
