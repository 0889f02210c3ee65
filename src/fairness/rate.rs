//! How often a client may do something: so much at once, and then as time refills it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::ClientKey;

/// Clients that are remembered at most, at some 50 bytes each.
const MAX_CLIENTS: usize = 65_536;

/// A rate for each client by the generic cell rate algorithm (ITU-T I.371, annex A): `burst` at once, refilled evenly within
/// `period`. A client is remembered only until all is refilled.
#[derive(Debug)]
pub struct Rate {
    burst: Duration,
    each: Duration,
    /// When each client would have all again.
    full_at: Mutex<HashMap<ClientKey, Instant>>,
}

/// What a client may still do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// How often, at once.
    pub count: u32,
    /// The time after which it may once more, where it may not now.
    pub wait: Duration,
}

impl Left {
    /// The wait in whole seconds, never too few.
    pub fn seconds(&self) -> u64 {
        self.wait.as_secs_f64().ceil() as u64
    }
}

impl Rate {
    /// So many at once and in each period; `None` for 0, which is no limit, and for more than a clock tells apart.
    pub fn new(burst: u32, period: Duration) -> Option<Self> {
        let each = period.checked_div(burst).filter(|each| !each.is_zero())?;
        Some(Rate { burst: each * burst, each, full_at: Mutex::new(HashMap::new()) })
    }

    /// Uses one up, and says what is left then.
    ///
    /// # Errors
    /// That nothing is left.
    pub fn admit(&self, client: ClientKey) -> Result<Left, Left> {
        let now = Instant::now();
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(at) = full_at.get_mut(&client) else {
            self.set(&mut full_at, client, now, now + self.each);
            return Ok(self.left(self.each));
        };
        let next = now.max(*at) + self.each;
        let ahead = next - now;
        if ahead > self.burst {
            return Err(Left { count: 0, wait: ahead - self.burst });
        }
        *at = next;
        Ok(self.left(ahead))
    }

    /// What is left of a client's rate that has all again after this time, which is no longer than for nothing.
    fn left(&self, full_after: Duration) -> Left {
        let free = self.burst.saturating_sub(full_after);
        let count = u32::try_from(free.as_nanos() / self.each.as_nanos()).unwrap_or(u32::MAX);
        let wait = if count == 0 { self.each - free } else { Duration::ZERO };
        Left { count, wait }
    }

    /// Uses one up even where none is left: the client is in debt then, of one `period` at most.
    pub fn charge(&self, client: ClientKey) {
        let now = Instant::now();
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let next = full_at.get(&client).map_or(now, |at| now.max(*at)) + self.each;
        self.set(&mut full_at, client, now, next.min(now + 2 * self.burst));
    }

    /// The time after which a client is out of debt.
    pub fn debt(&self, client: ClientKey) -> Duration {
        let full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = full_at.get(&client).copied();
        full_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now() + self.burst))
    }

    fn set(&self, full_at: &mut HashMap<ClientKey, Instant>, client: ClientKey, now: Instant, next: Instant) {
        if full_at.len() >= MAX_CLIENTS {
            self.forget(full_at, now);
        }
        full_at.insert(client, next);
    }

    /// Makes room, an eighth at least, so that it is seldom done: first whoever has all again is forgotten, then whoever has
    /// half.
    fn forget(&self, full_at: &mut HashMap<ClientKey, Instant>, now: Instant) {
        for limit in [now, now + self.burst / 2, now + self.burst] {
            full_at.retain(|_, at| *at > limit);
            if full_at.len() <= MAX_CLIENTS / 8 * 7 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn client(number: u32) -> ClientKey {
        IpAddr::from(Ipv4Addr::from_bits(number)).into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_and_then_one_at_a_time() {
        let rate = Rate::new(600, Duration::from_secs(600)).unwrap();
        let second = Duration::from_secs(1);
        assert!((0..600).rev().all(|left| rate.admit(client(1)).unwrap().count == left));
        assert_eq!(rate.admit(client(1)), Err(Left { count: 0, wait: second }));
        tokio::time::advance(Duration::from_millis(300)).await;
        assert_eq!(rate.admit(client(1)).unwrap_err().seconds(), 1, "700 ms are a second");
        tokio::time::advance(Duration::from_millis(700)).await;
        assert_eq!(rate.admit(client(1)), Ok(Left { count: 0, wait: second }), "the last one says when there is more");
        assert!(rate.admit(client(2)).is_ok(), "each client has its own");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(rate.admit(client(1)).is_ok() && rate.admit(client(1)).is_ok());
        assert!(rate.admit(client(1)).is_err());
        tokio::time::advance(Duration::from_secs(600)).await;
        assert!((0..600).all(|_| rate.admit(client(1)).is_ok()), "all is refilled");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_in_debt_is_out_of_it_after_a_while() {
        let rate = Rate::new(10, Duration::from_secs(10)).unwrap();
        (0..10).for_each(|_| rate.charge(client(1)));
        assert_eq!(rate.debt(client(1)), Duration::ZERO);
        (0..3).for_each(|_| rate.charge(client(1)));
        assert_eq!(rate.debt(client(1)), Duration::from_secs(3));
        (0..1000).for_each(|_| rate.charge(client(1)));
        assert_eq!(rate.debt(client(1)), Duration::from_secs(10));
        assert_eq!(rate.debt(client(2)), Duration::ZERO);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(rate.debt(client(1)), Duration::ZERO);
    }

    #[test]
    fn no_limit_is_none() {
        assert!(Rate::new(0, Duration::from_secs(600)).is_none());
        assert!(Rate::new(1_000_000_000, Duration::from_millis(1)).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_clients_there_are_few_are_remembered() {
        let rate = Rate::new(2, Duration::from_secs(1)).unwrap();
        for number in 0..3 * MAX_CLIENTS as u32 {
            rate.admit(client(number)).unwrap();
            if number % 1000 == 0 {
                tokio::time::advance(Duration::from_millis(10)).await;
            }
        }
        assert!(rate.full_at.lock().unwrap().len() <= MAX_CLIENTS);
    }
}
