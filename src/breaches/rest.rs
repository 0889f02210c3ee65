//! A service that fails is not asked for a while: everybody would wait for it in vain.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Failures in a row after which nobody is asked.
const PATIENCE: u32 = 3;
/// For how long. The first failure after that is enough for the next rest.
const TIME: Duration = Duration::from_secs(30);

/// Whether a service is left alone.
#[derive(Default)]
pub(super) struct Rest(Mutex<State>);

#[derive(Default)]
struct State {
    failures: u32,
    until: Option<Instant>,
}

impl Rest {
    /// Whether it is left alone now.
    pub(super) fn is_taken(&self) -> bool {
        self.is_taken_at(Instant::now())
    }

    /// It gave an answer.
    pub(super) fn answered(&self) {
        *self.state() = State::default();
    }

    /// It gave none.
    pub(super) fn failed(&self) {
        self.failed_at(Instant::now());
    }

    fn is_taken_at(&self, now: Instant) -> bool {
        self.state().until.is_some_and(|until| now < until)
    }

    fn failed_at(&self, now: Instant) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        if state.failures >= PATIENCE {
            state.until = Some(now + TIME);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_three_failures_in_a_row_there_is_a_rest() {
        let (rest, now) = (Rest::default(), Instant::now());
        for _ in 0..2 {
            rest.failed_at(now);
            rest.failed_at(now);
            assert!(!rest.is_taken_at(now));
            rest.answered();
        }
        (0..3).for_each(|_| rest.failed_at(now));
        assert!(rest.is_taken_at(now) && rest.is_taken_at(now + TIME - Duration::from_millis(1)));
        assert!(!rest.is_taken_at(now + TIME));
        let later = now + TIME;
        rest.failed_at(later);
        assert!(rest.is_taken_at(later), "one failure is enough now");
        rest.answered();
        assert!(!rest.is_taken_at(later));
    }
}
