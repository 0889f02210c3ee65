//! Times of answers in buckets that grow by 2 %, so that a day of them takes no more memory than a second.

use std::time::Duration;

const GROWTH: f64 = 1.02;
/// 1.02 to the power of this is over a minute in microseconds; nothing takes as long.
const BUCKETS: usize = 920;

/// How long answers took.
#[derive(Clone, Debug)]
pub(super) struct Latency {
    counts: Vec<u64>,
}

impl Latency {
    pub(super) fn new() -> Latency {
        Latency { counts: vec![0; BUCKETS] }
    }

    pub(super) fn add(&mut self, took: Duration) {
        let micros = (took.as_micros() as f64).max(1.0);
        let bucket = (micros.log(GROWTH) as usize).min(BUCKETS - 1);
        self.counts[bucket] += 1;
    }

    /// The time within which this share of the answers came, rounded up to the end of its bucket.
    pub(super) fn quantile(&self, share: f64) -> Option<Duration> {
        let total: u64 = self.counts.iter().sum();
        let rank = ((total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let bucket = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        Some(Duration::from_micros(GROWTH.powi(bucket as i32 + 1).ceil() as u64))
    }

    pub(super) fn merged<'a>(parts: impl Iterator<Item = &'a Latency>) -> Latency {
        parts.fold(Latency::new(), |mut all, part| {
            all.counts.iter_mut().zip(&part.counts).for_each(|(sum, count)| *sum += count);
            all
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_quantile_is_right_within_its_bucket(mut times in prop::collection::vec(1_u64..60_000_000, 1..200), share in 0.0..=1.0_f64) {
            let mut latency = Latency::new();
            times.iter().for_each(|micros| latency.add(Duration::from_micros(*micros)));
            times.sort_unstable();
            let rank = (times.len() as f64 * share).ceil() as usize;
            let exact = times[rank.max(1) - 1] as f64;
            let shown = latency.quantile(share).unwrap().as_micros() as f64;
            prop_assert!(shown >= exact * 0.999 && shown <= exact * GROWTH + 2.0, "{} for {}", shown, exact);
        }
    }

    #[test]
    fn of_nothing_there_is_no_quantile() {
        assert_eq!(Latency::new().quantile(0.5), None);
    }
}
