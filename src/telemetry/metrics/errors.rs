//! Errors: how many, when last, and how many users they hit.
//!
//! Distinct users are counted by Prometheus, exactly and over all instances, without an id in a label: for each error
//! type the last eight distinct users are exported as keyed hashes of 52 bits (exact in a float), with the time each was
//! last seen.

use std::collections::BTreeMap;
use std::hash::Hasher;
use std::sync::{Mutex, OnceLock, PoisonError};

use lazy_static::lazy_static;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, GaugeVec, Opts};
use siphasher::sip::SipHasher13;

use super::declare::{CounterBy, GaugeBy, metrics, opts, register};
use super::registry::unix_now;
use crate::error::{ErrorCode, ErrorKind};
use crate::label::LabelSet;

const SLOTS: usize = 8;

lazy_static! {
    static ref USERS: UserSlots = register(Ok(UserSlots::new()));
}

metrics! { touch;
    ERRORS: CounterBy<OfKind> = "errors_total",
        "Errors by type. Kind: critical pages at once, unexpected when there are many, expected never.";
    LAST_SEEN: GaugeBy<ErrorCode> = "error_last_seen_timestamp_seconds",
        "When an error of this type was last seen, in seconds since the epoch; 0 = never.";
}

/// An error type with its kind.
#[derive(Clone, Copy)]
struct OfKind(ErrorCode);

impl LabelSet for OfKind {
    const COUNT: usize = ErrorCode::ALL.len();

    fn names() -> Vec<&'static str> {
        vec!["error_type", "kind"]
    }

    fn all() -> Vec<Self> {
        ErrorCode::ALL.iter().copied().map(OfKind).collect()
    }

    fn index(self) -> usize {
        self.0 as usize
    }

    fn values(self) -> Vec<&'static str> {
        vec![self.0.as_str(), self.0.kind().as_str()]
    }
}

static KEY: OnceLock<[u8; 16]> = OnceLock::new();

pub(super) fn init() {
    touch();
    lazy_static::initialize(&USERS);
}

/// Sets the key of the user hashes. All instances of a service use one key, so that a user counts once over all of them.
pub fn init_error_users(key: [u8; 16]) {
    KEY.get_or_init(|| key);
}

/// An error was met, and is recorded through [`crate::telemetry::errors::record`]; `subject` is the user it hit: the user id, or the normalised address where there is no user yet.
pub(crate) fn error(code: ErrorCode, subject: Option<&str>) {
    let now = unix_now();
    ERRORS.at(OfKind(code)).inc();
    LAST_SEEN.at(code).set(now);
    if let (Some(subject), Some(key)) = (subject, KEY.get()) {
        USERS.seen(code, user_hash(key, subject), now);
    }
}

/// Errors, by kind.
pub(super) fn by_kind() -> BTreeMap<&'static str, u64> {
    let mut kinds: BTreeMap<_, _> = ErrorKind::ALL.iter().map(|kind| (kind.as_str(), 0)).collect();
    for code in ErrorCode::ALL {
        *kinds.entry(code.kind().as_str()).or_default() += ERRORS.at(OfKind(*code)).get();
    }
    kinds
}

fn user_hash(key: &[u8; 16], subject: &str) -> u64 {
    let mut hasher = SipHasher13::new_with_key(key);
    hasher.write(subject.as_bytes());
    hasher.finish() >> 12
}

/// The slots of every error type that can page; expected errors never do.
#[derive(Clone)]
struct UserSlots {
    hashes: GaugeVec,
    times: GaugeVec,
    slots: std::sync::Arc<Mutex<Vec<Option<[Slot; SLOTS]>>>>,
}

struct Slot {
    hash: Gauge,
    time: Gauge,
}

impl UserSlots {
    #[allow(clippy::expect_used, reason = "a mistake in a constant, met by every test")]
    fn new() -> Self {
        let labels = ["error_type", "slot"];
        let vec = |opts: Opts| GaugeVec::new(opts, &labels).expect("a metric's name and labels are valid");
        let hashes = vec(opts(
            "error_user_slot_hash",
            "Keyed hash of one of the last eight distinct users hit by errors of this type; 0 = none.",
        ));
        let times = vec(opts(
            "error_user_slot_last_seen_timestamp_seconds",
            "When the user in this slot was last hit, in seconds since the epoch; 0 = never.",
        ));
        let slots = ErrorCode::ALL.iter().map(|code| {
            (code.kind() != ErrorKind::Expected).then(|| {
                std::array::from_fn(|slot| {
                    let labels = [code.as_str(), &slot.to_string()];
                    Slot { hash: hashes.with_label_values(&labels), time: times.with_label_values(&labels) }
                })
            })
        });
        let slots = std::sync::Arc::new(Mutex::new(slots.collect()));
        UserSlots { hashes, times, slots }
    }

    /// Puts a user into its slot, or into the one whose user was seen least recently.
    fn seen(&self, code: ErrorCode, hash: u64, now: f64) {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(slots) = &slots[code as usize] else { return };
        let hash = hash as f64;
        let known = slots.iter().find(|slot| slot.hash.get() == hash);
        let oldest = || slots.iter().min_by(|a, b| a.time.get().total_cmp(&b.time.get()));
        if let Some(slot) = known.or_else(oldest) {
            slot.hash.set(hash);
            slot.time.set(now);
        }
    }
}

impl Collector for UserSlots {
    fn desc(&self) -> Vec<&Desc> {
        [self.hashes.desc(), self.times.desc()].concat()
    }

    /// Reads both families under the lock of the writers: a hash never meets another user's time.
    fn collect(&self) -> Vec<MetricFamily> {
        let _writers_wait = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        [self.hashes.collect(), self.times.collect()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(slots: &UserSlots, code: ErrorCode) -> Vec<f64> {
        let slots = slots.slots.lock().unwrap();
        let mut hashes: Vec<f64> = slots[code as usize].as_ref().unwrap().iter().map(|slot| slot.hash.get()).collect();
        hashes.sort_by(f64::total_cmp);
        hashes
    }

    #[test]
    fn one_user_keeps_one_slot() {
        let slots = UserSlots::new();
        for second in 1..20 {
            slots.seen(ErrorCode::Timeout, 7, f64::from(second));
        }
        assert_eq!(hashes(&slots, ErrorCode::Timeout), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 7.0]);
    }

    #[test]
    fn the_ninth_user_replaces_the_one_seen_least_recently() {
        let slots = UserSlots::new();
        for user in 1..=8 {
            slots.seen(ErrorCode::Timeout, user, user as f64);
        }
        slots.seen(ErrorCode::Timeout, 1, 9.0);
        slots.seen(ErrorCode::Timeout, 99, 10.0);
        assert_eq!(hashes(&slots, ErrorCode::Timeout), [1.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 99.0]);
    }

    #[test]
    fn expected_errors_have_no_slots() {
        let slots = UserSlots::new();
        slots.seen(ErrorCode::EmailAlreadyExists, 7, 1.0);
        assert!(slots.slots.lock().unwrap()[ErrorCode::EmailAlreadyExists as usize].is_none());
    }

    #[test]
    fn a_user_hash_is_exact_in_a_float_and_depends_on_the_key() {
        let hash = user_hash(&[1; 16], "user");
        assert_eq!(hash as f64 as u64, hash);
        assert_ne!(hash, user_hash(&[2; 16], "user"));
    }
}
