//! A queue in which clients take turns, and what each client waits for goes in its order. So a client that asks for much
//! waits for itself, and another waits for one thing of each client at most.

use std::collections::{HashMap, VecDeque};

use super::ClientKey;

/// What waits, by client.
#[derive(Debug)]
pub struct RoundRobin<T> {
    /// Clients for whom something waits, in the order of their turns.
    turns: VecDeque<ClientKey>,
    waiting: HashMap<ClientKey, VecDeque<(u64, T)>>,
    length: usize,
    next_number: u64,
}

impl<T> Default for RoundRobin<T> {
    fn default() -> Self {
        RoundRobin { turns: VecDeque::new(), waiting: HashMap::new(), length: 0, next_number: 0 }
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
            self.turns.push_back(client);
        }
        number
    }

    /// The next one.
    pub fn pop(&mut self) -> Option<T> {
        let client = self.turns.pop_front()?;
        let waiting = self.waiting.get_mut(&client)?;
        let (_, thing) = waiting.pop_front()?;
        self.length -= 1;
        match waiting.is_empty() {
            true => drop(self.waiting.remove(&client)),
            false => self.turns.push_back(client),
        }
        Some(thing)
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
        self.turns.len().saturating_mul(self.len_of(client) + 1)
    }

    /// How many go before one of a client for whom nothing waits yet.
    pub fn ahead_of_newcomer(&self) -> usize {
        self.turns.len()
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
        assert_eq!(drain(&mut queue), ["a1", "b1", "a2", "b2", "a3"]);
    }

    #[test]
    fn a_newcomer_waits_for_one_of_each_client() {
        let mut queue = RoundRobin::default();
        for _ in 0..500 {
            queue.push(client(1), "many");
        }
        assert_eq!(queue.ahead_of(client(2)), 1);
        queue.push(client(2), "one");
        assert_eq!([queue.pop(), queue.pop()], [Some("many"), Some("one")]);
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
