//! The sign of life of the async runtime: a task that runs four times a second, if it can.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;

use crate::telemetry::metrics;

const INTERVAL: Duration = Duration::from_millis(250);

/// The last sign of life.
pub struct Beat {
    last: Mutex<Last>,
    stall_after: Duration,
}

#[derive(Clone, Copy)]
struct Last {
    at: Instant,
    delay: Duration,
}

/// How the runtime turns.
#[derive(Clone, Copy, Debug)]
pub struct Pulse {
    /// How long the last probing task waited to run.
    pub delay: Duration,
    /// How long ago that was.
    pub age: Duration,
    /// Whether that is longer ago than `health_stall_after`.
    pub is_stalled: bool,
}

impl Beat {
    pub(super) fn new(stall_after: Duration) -> Self {
        Beat { last: Mutex::new(Last { at: Instant::now(), delay: Duration::ZERO }), stall_after }
    }

    /// How the runtime turns, as of now.
    pub fn pulse(&self) -> Pulse {
        let Last { at, delay } = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let age = at.elapsed();
        Pulse { delay, age, is_stalled: age > self.stall_after }
    }

    pub(super) async fn run(&self) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let spawned = Instant::now();
            let ran = tokio::spawn(async move { spawned.elapsed() }).await;
            if let Ok(delay) = ran {
                metrics::scheduling_delay(delay);
                *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Last { at: Instant::now(), delay };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_runtime_that_turns_is_not_stalled() {
        let beat = Beat::new(Duration::from_secs(60));
        let before = beat.pulse().age;
        let _ = tokio::time::timeout(Duration::from_millis(50), beat.run()).await;
        assert!(!beat.pulse().is_stalled);
        assert!(beat.pulse().age >= before);
    }

    #[test]
    fn no_beat_for_too_long_is_a_stall() {
        let beat = Beat::new(Duration::from_millis(1));
        let began = Instant::now();
        while !beat.pulse().is_stalled {
            assert!(began.elapsed() < Duration::from_secs(10));
        }
    }
}
