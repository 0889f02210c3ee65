//! A queue in which clients take turns, and what each client waits for goes in its order. So a client that asks for much
//! waits for itself, and another waits for one thing of each client at most.
//!
//! A newcomer, for whom nothing waited, goes before those who have had a turn: beside a flood of one client it waits for what is
//! under way alone. Every second turn is of the others, so that many newcomers keep nobody out. The same in networks: the new
//! flows of FQ-CoDel (RFC 8290, section 4.2).

use std::collections::{HashMap, VecDeque};

use super::ClientKey;

/// What waits, by client.
#[derive(Debug)]
pub struct RoundRobin<T> {
    /// Clients for whom something waits and who have had no turn since they came.
    newcomers: VecDeque<ClientKey>,
    /// The others for whom something waits, in the order of their turns.
    turns: VecDeque<ClientKey>,
    /// Whether the last turn was a newcomer's.
    newcomer_was_last: bool,
    waiting: HashMap<ClientKey, VecDeque<(u64, T)>>,
    length: usize,
    next_number: u64,
}

impl<T> Default for RoundRobin<T> {
    fn default() -> Self {
        RoundRobin {
            newcomers: VecDeque::new(),
            turns: VecDeque::new(),
            newcomer_was_last: false,
            waiting: HashMap::new(),
            length: 0,
            next_number: 0,
        }
    }
}

impl<T> RoundRobin<T> {
    /// Adds something and returns its number.
    pub fn push(&mut self, client: ClientKey, thing: T) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.length += 1;
        let waiting = self.waiting.entry(client).or_default();
        waiting.push_back((number, thing));
        if waiting.len() == 1 {
            self.newcomers.push_back(client);
        }
        number
    }

    /// The next one.
    pub fn pop(&mut self) -> Option<T> {
        let client = self.next_client()?;
        let waiting = self.waiting.get_mut(&client)?;
        let (_, thing) = waiting.pop_front()?;
        self.length -= 1;
        match waiting.is_empty() {
            true => drop(self.waiting.remove(&client)),
            false => self.turns.push_back(client),
        }
        Some(thing)
    }

    fn next_client(&mut self) -> Option<ClientKey> {
        let is_newcomers_turn = self.turns.is_empty() || !self.newcomer_was_last;
        self.newcomer_was_last = is_newcomers_turn && !self.newcomers.is_empty();
        if self.newcomer_was_last { self.newcomers.pop_front() } else { self.turns.pop_front() }
    }

    /// Takes something back, if it still waits.
    pub fn remove(&mut self, client: ClientKey, number: u64) {
        let Some(waiting) = self.waiting.get_mut(&client) else { return };
        let before = waiting.len();
        waiting.retain(|(other, _)| *other != number);
        let (removed, is_last) = (before - waiting.len(), waiting.is_empty());
        self.length -= removed;
        if is_last {
            self.waiting.remove(&client);
            self.newcomers.retain(|other| *other != client);
            self.turns.retain(|other| *other != client);
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// How many of this client wait.
    pub fn len_of(&self, client: ClientKey) -> usize {
        self.waiting.get(&client).map_or(0, VecDeque::len)
    }

    /// How many go before a new one of this client, if all who wait now ask on: one of each in each round until its turn.
    pub fn ahead_of(&self, client: ClientKey) -> usize {
        match self.len_of(client) {
            0 => self.ahead_of_newcomer(),
            waiting => self.waiting.len().saturating_mul(waiting + 1),
        }
    }

    /// How many go before one of a client for whom nothing waits yet: the newcomers before it, and one of the others beside each.
    pub fn ahead_of_newcomer(&self) -> usize {
        let beside = self.newcomers.len() + usize::from(self.newcomer_was_last);
        self.newcomers.len() + beside.min(self.turns.len())
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

    fn drain<T>(queue: &mut RoundRobin<T>) -> Vec<T> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn clients_take_turns() {
        let mut queue = RoundRobin::default();
        for thing in ["a1", "a2", "a3"] {
            queue.push(client(1), thing);
        }
        queue.push(client(2), "b1");
        assert_eq!((queue.ahead_of(client(1)), queue.ahead_of(client(2)), queue.ahead_of_newcomer()), (8, 4, 2));
        queue.push(client(2), "b2");
        assert_eq!(drain(&mut queue), ["a1", "a2", "b1", "a3", "b2"]);
    }

    #[test]
    fn a_newcomer_goes_before_those_who_had_a_turn() {
        let mut queue = RoundRobin::default();
        for _ in 0..500 {
            queue.push(client(1), "many");
        }
        assert_eq!([queue.pop(), queue.pop()], [Some("many"); 2]);
        assert_eq!(queue.ahead_of(client(2)), 0);
        queue.push(client(2), "one");
        assert_eq!([queue.pop(), queue.pop()], [Some("one"), Some("many")]);
    }

    #[test]
    fn many_newcomers_keep_nobody_out() {
        let mut queue = RoundRobin::default();
        for _ in 0..4 {
            queue.push(client(1), "old");
        }
        queue.pop();
        queue.push(client(2), "new");
        queue.push(client(3), "new");
        assert_eq!(queue.ahead_of_newcomer(), 2 + 1);
        assert_eq!(drain(&mut queue), ["old", "new", "old", "new", "old"]);
    }

    proptest! {
        #[test]
        fn what_is_pushed_is_popped_or_removed_once(
            clients in prop::collection::vec(0_u8..4, 0..60),
            removed in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let mut queue = RoundRobin::default();
            let mut expected: Vec<(u64, u8)> =
                clients.iter().map(|last| (queue.push(client(*last), *last), *last)).collect();
            for index in removed {
                if !expected.is_empty() {
                    let (number, last) = expected.remove(index.index(expected.len()));
                    queue.remove(client(last), number);
                    queue.remove(client(last), number);
                }
            }
            prop_assert_eq!(queue.len(), expected.len());
            let mut popped = drain(&mut queue);
            popped.sort_unstable();
            let mut lasts: Vec<u8> = expected.into_iter().map(|(_, last)| last).collect();
            lasts.sort_unstable();
            prop_assert_eq!(popped, lasts);
            prop_assert!(queue.is_empty() && queue.ahead_of_newcomer() == 0);
        }
    }
}
