//! What all metrics share: the registry, the present, the buckets.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lazy_static::lazy_static;
use prometheus::core::Metric;
use prometheus::{Histogram, Registry};

lazy_static! {
    /// All metrics of the process.
    pub(super) static ref REGISTRY: Registry = Registry::new();
}

/// Seconds since the epoch, as Prometheus wants a point in time.
pub(super) fn unix_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64()
}

/// From half a millisecond to ten seconds: what a client waits for.
pub(super) const LATENCY: &[f64] = &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.5, 2.5, 5.5, 10.5];
/// The buckets of those, with the one for what is longer than all bounds.
pub(super) const LATENCY_BUCKETS: usize = LATENCY.len() + 1;
/// How many took no longer than each bound of [`LATENCY`], and how many there were.
pub(super) fn took(durations: &Histogram) -> [u64; LATENCY_BUCKETS] {
    let durations = durations.metric();
    let durations = durations.get_histogram();
    let mut took = [durations.get_sample_count(); LATENCY_BUCKETS];
    for (took, bucket) in took.iter_mut().zip(durations.get_bucket()).take(LATENCY.len()) {
        *took = bucket.cumulative_count();
    }
    took
}

/// From a tenth of a millisecond to five seconds: what happens inside.
pub(super) const INTERNAL: &[f64] = &[0.0001, 0.0005, 0.0015, 0.005, 0.015, 0.05, 0.15, 0.5, 1.5, 5.5];
/// Sizes from 64 bytes to 1 MiB, in powers of four.
pub(super) const SIZE: &[f64] = &[64.5, 256.5, 1024.5, 4096.5, 16384.5, 65536.5, 262_144.5, 1_048_576.5];
