//! How long to wait before the next attempt.

use std::time::Duration;

/// The first wait is up to twice this.
const BASE: Duration = Duration::from_millis(500);
/// No wait is shorter: a failure is never repeated at once.
const LEAST: Duration = Duration::from_millis(100);

/// Exponential back-off with full jitter (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>):
/// anywhere from nothing to twice the last bound, up to `longest`, so that jobs that failed together do not come back
/// together. `attempt` counts from 1, `random` is from 0 to 1.
pub(super) fn wait_after(attempt: u32, longest: Duration, random: f64) -> Duration {
    let bound = BASE.saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX)).min(longest);
    bound.mul_f64(random.clamp(0.0, 1.0)).max(LEAST.min(longest))
}

/// A random number from 0 to 1. Where the system has no randomness, the middle.
pub(super) fn random() -> f64 {
    getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LONGEST: Duration = Duration::from_secs(600);

    #[test]
    fn the_bound_doubles_up_to_the_longest() {
        let bounds = [1, 2, 3, 10, 11, 31, 32, u32::MAX].map(|attempt| wait_after(attempt, LONGEST, 1.0).as_secs());
        assert_eq!(bounds, [1, 2, 4, 512, 600, 600, 600, 600]);
    }

    proptest! {
        #[test]
        fn a_wait_is_never_longer_than_the_longest_nor_nothing(attempt: u32, random: f64, longest in 1_u64..100_000) {
            let longest = Duration::from_millis(longest);
            let random = if random.is_nan() { 0.5 } else { random };
            let wait = wait_after(attempt, longest, random);
            prop_assert!(wait <= longest && wait > Duration::ZERO);
        }
    }
}
