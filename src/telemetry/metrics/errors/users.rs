//! The distinct users that errors hit, as Prometheus counts them over all instances, with no id in a label.
//!
//! Each instance exports how many it knows of, and a sample: keyed hashes of a few of them, those with the lowest ones. Where
//! the samples of two instances share hashes, so do the instances share users; `alert-rules/affected-users.yml` makes the number
//! of all from that. It is exact up to [`SAMPLED`] users.

use std::hash::Hasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, GaugeVec, Opts};
use siphasher::sip::SipHasher13;

use super::super::declare::opts;
use super::super::registry::unix_now;
use super::super::sketch::Sketch;
use crate::error::{ErrorCode, ErrorKind};

/// Pairs of users in the sample of each type.
const PAIRS: usize = 24;
/// Users in the sample of each type.
const SAMPLED: usize = 2 * PAIRS;
/// Bits of a hash in a sample; one more says whether its user was hit within the window. A pair of them is exact in a float.
const HASH_BITS: u32 = 25;
/// What the first of a pair is multiplied with.
const PAIR_BASE: f64 = (1_u64 << (HASH_BITS + 1)) as f64;

/// In place of an error type: any request that was answered with 5xx, whatever the error. People try again, and meet several.
const ANY_5XX: &str = "5xx";

/// The users of every error type that can alert, which expected errors never do, and those of all failed requests.
#[derive(Clone)]
pub(super) struct Users {
    families: [GaugeVec; 3],
    types: Arc<Vec<Option<OfType>>>,
    requests: Arc<OfType>,
}

struct OfType {
    sketch: Mutex<Sketch>,
    in_window: Gauge,
    in_incident: Gauge,
    began: Gauge,
    pairs: [Gauge; PAIRS],
}

/// The hash of a user under the key that all instances share.
pub(super) fn user_hash(key: &[u8; 16], subject: &str) -> u64 {
    let mut hasher = SipHasher13::new_with_key(key);
    hasher.write(subject.as_bytes());
    hasher.finish()
}

impl Users {
    /// `process` tells this process from one before it, whose users Prometheus still knows.
    #[allow(clippy::expect_used, reason = "a mistake in a constant, met by every test")]
    pub(super) fn new(process: &str) -> Self {
        let vec = |opts: Opts, labels: &[&str]| {
            GaugeVec::new(opts.const_label("process", process), labels).expect("a metric's name and labels are valid")
        };
        let users = vec(
            opts(
                "error_users",
                "Distinct users hit by errors of this type, or by any answer of 5xx, at this instance: within 5 minutes, and since \
                 the incident began.",
            ),
            &["error_type", "within"],
        );
        let began = vec(
            opts(
                "error_incident_start_timestamp_seconds",
                "When errors of this type began to happen, without a pause of 4.5 minutes since; 0 = there is no incident.",
            ),
            &["error_type"],
        );
        let sample = vec(
            opts(
                "error_user_sample",
                "Two of the users hit in the incident, of those with the lowest keyed hashes: first × 2^26 + second, each \
                 hash × 2 + (1 if hit within 5 minutes); 0 = none. alert-rules/affected-users.yml merges them over instances.",
            ),
            &["error_type", "pair"],
        );
        let of_type = |name: &str| OfType {
            sketch: Mutex::default(),
            in_window: users.with_label_values(&[name, "5m"]),
            in_incident: users.with_label_values(&[name, "incident"]),
            began: began.with_label_values(&[name]),
            pairs: std::array::from_fn(|pair| sample.with_label_values(&[name, &pair.to_string()])),
        };
        let alerts = |code: &ErrorCode| code.kind() != ErrorKind::Expected;
        let types = ErrorCode::ALL.iter().map(|code| alerts(code).then(|| of_type(code.as_str()))).collect();
        let requests = Arc::new(of_type(ANY_5XX));
        Users { families: [users, began, sample], types: Arc::new(types), requests }
    }

    /// An error happened, to this user if it is known which.
    pub(super) fn happened(&self, code: ErrorCode, user: Option<u64>, unix: f64) {
        if let Some(of_type) = &self.types[code as usize] {
            of_type.sketch().happened(user, Instant::now(), unix);
        }
    }

    /// What goes on of this type, if anything does.
    pub(super) fn incident(&self, code: ErrorCode) -> Option<Incident> {
        let (of_type, now) = (self.types[code as usize].as_ref()?, Instant::now());
        let mut sketch = of_type.sketch();
        sketch.end_incident(now);
        let [began, users, recent] = [sketch.began(), sketch.in_incident(), sketch.in_window(now)];
        (began > 0.0).then_some(Incident { began, users: users as u64, recent_users: recent as u64 })
    }

    /// A request failed, of this user if it is known which.
    pub(super) fn request_failed(&self, user: Option<u64>, unix: f64) {
        self.requests.sketch().happened(user, Instant::now(), unix);
    }
}

/// Errors of a type that happen with no long pause in between, as this instance knows of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Incident {
    /// When the first one was, in seconds since the epoch.
    pub began: f64,
    /// How many users it hit.
    pub users: u64,
    /// How many of them within five minutes.
    pub recent_users: u64,
}

impl OfType {
    fn sketch(&self) -> MutexGuard<'_, Sketch> {
        self.sketch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings the gauges up to date, all of one moment.
    fn show(&self, now: Instant) {
        let mut sketch = self.sketch();
        sketch.end_incident(now);
        self.began.set(sketch.began());
        self.in_incident.set(sketch.in_incident());
        self.in_window.set(sketch.in_window(now));
        let mut sampled = sampled(&sketch, now);
        for pair in &self.pairs {
            let (first, second) = (sampled.next().unwrap_or(0.0), sampled.next().unwrap_or(0.0));
            pair.set(first * PAIR_BASE + second);
        }
    }
}

/// The sample, as numbers. Among very many users two may look the same: they would pass for one user of two instances.
fn sampled(sketch: &Sketch, now: Instant) -> impl Iterator<Item = f64> {
    let mut last = 0;
    let shown = sketch.lowest(now).filter_map(move |(user, is_recent)| {
        let hash = (user >> (u64::BITS - HASH_BITS)).max(1);
        let is_new = hash != std::mem::replace(&mut last, hash);
        is_new.then_some((hash * 2 + u64::from(is_recent)) as f64)
    });
    shown.take(SAMPLED)
}

impl Collector for Users {
    fn desc(&self) -> Vec<&Desc> {
        self.families.iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let now = Instant::now();
        self.types.iter().flatten().chain([&*self.requests]).for_each(|of_type| of_type.show(now));
        self.families.iter().flat_map(Collector::collect).collect()
    }
}

/// A name for this process.
pub(super) fn process_name() -> String {
    // Seconds would do, but for two instances in containers that start together.
    format!("{:08x}-{:08x}", unix_now() as u64, rand::random::<u32>())
}

#[cfg(test)]
mod tests;
