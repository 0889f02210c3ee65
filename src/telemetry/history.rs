//! The last hour, minute by minute, for whoever looks at one page and has no Prometheus at hand.
//!
//! A task in the background reads the counters; nothing is done while a request is answered. The memory is that of
//! [`MINUTES`] of them from the start on.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use super::metrics::{self, Totals};

/// Minutes that are kept, with the one that is not over.
pub const MINUTES: usize = 60;
/// The memory of all minutes, in bytes.
pub const MEMORY: usize = MINUTES * size_of::<Span>();
const MINUTE: Duration = Duration::from_secs(60);
const EVERY: Duration = Duration::from_secs(2);

const _: () = assert!(MEMORY < 16 * 1024, "the documentation says: less than 16 KiB");

/// What happened in a time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Span {
    /// How long it was, in seconds; 0 where nothing is known of it.
    pub seconds: f32,
    /// Jobs that waited at its end.
    pub waiting: u32,
    /// What happened.
    pub counts: Totals<u32>,
}

impl Span {
    /// This many, as a rate for a minute. Of less than a minute nothing is said but what happened: one error within the first ten
    /// seconds is not six a minute.
    pub fn per_minute(&self, count: u32) -> f64 {
        f64::from(count) * 60.0 / f64::from(self.seconds.max(60.0))
    }

    /// This time with the one that follows.
    fn followed_by(mut self, next: &Span) -> Span {
        self.seconds += next.seconds;
        self.counts.add(&next.counts);
        if next.seconds > 0.0 {
            self.waiting = next.waiting;
        }
        self
    }
}

/// The minutes that are kept.
pub struct History {
    began: Instant,
    kept: Mutex<Kept>,
}

struct Kept {
    /// The last is not over.
    minutes: VecDeque<Span>,
    /// Which minute since the start that is.
    number: u64,
    totals: Totals,
    at: Duration,
}

impl History {
    /// Begins now, whatever was counted before.
    pub fn new(totals: Totals) -> Self {
        let mut minutes = VecDeque::with_capacity(MINUTES);
        minutes.push_back(Span::default());
        let kept = Kept { minutes, number: 0, totals, at: Duration::ZERO };
        History { began: Instant::now(), kept: Mutex::new(kept) }
    }

    /// Reads the counters until it is dropped; `waiting` says how many jobs wait.
    pub async fn run(&self, waiting: impl Fn() -> u64) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.lock().note(self.began.elapsed(), metrics::totals(), waiting());
        }
    }

    /// The minutes, the oldest first; the last is not over.
    pub fn minutes(&self) -> Vec<Span> {
        self.lock().minutes.iter().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Some minutes as one time.
pub fn sum(minutes: &[Span]) -> Span {
    minutes.iter().fold(Span::default(), Span::followed_by)
}

impl Kept {
    /// What was counted until now belongs to the minute in which it was last looked at, or to the one that begins.
    fn note(&mut self, at: Duration, totals: Totals, waiting: u64) {
        let number = at.as_secs() / MINUTE.as_secs();
        let new = number.saturating_sub(self.number).min(MINUTES as u64);
        for _ in 0..new {
            if self.minutes.len() == MINUTES {
                self.minutes.pop_front();
            }
            self.minutes.push_back(Span::default());
        }
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        let span = Span { seconds: (at - self.at).as_secs_f32(), waiting, counts: totals.since(&self.totals) };
        if let Some(last) = self.minutes.back_mut() {
            *last = last.followed_by(&span);
        }
        (self.number, self.totals, self.at) = (number, totals, at);
    }
}

#[cfg(test)]
mod tests;
