//! The distinct users that something happens to, such as one type of error: all of them up to [`CAPACITY`], beyond that an even
//! sample.
//!
//! The sample is adaptive: users are kept by their hash alone, those below a bound; when there are too many, the bound is
//! halved (Flajolet, "On adaptive sampling", Computing 43, 1990). Who is kept does not depend on when, or on which instance,
//! they were hit, so that samples of several instances can be laid side by side.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Users that are kept at most. Beyond, the number is estimated, with a standard error of 1.2 / √(CAPACITY / 2): 2 %.
/// With its node in the tree each takes some 40 bytes.
pub(super) const CAPACITY: usize = 8192;
/// "In the last five minutes".
pub(super) const WINDOW: Duration = Duration::from_secs(5 * 60);
/// An incident is over when nothing happened for so long: when its alerts are, so that a page says nothing of one before.
pub(super) const PAUSE: Duration = Duration::from_secs(270);

/// The users that it has hit since its incident began.
#[derive(Default)]
pub(super) struct Sketch {
    /// Hash of each user → when last hit.
    users: BTreeMap<u64, Instant>,
    /// How often the bound was halved.
    halvings: u32,
    incident: Option<Incident>,
}

/// What happens with no long pause in between.
#[derive(Clone, Copy)]
struct Incident {
    /// In seconds since the epoch.
    began: f64,
    last: Instant,
}

impl Sketch {
    /// It happened, to this user if it is known which. `unix` is the same moment as `now`, in seconds since the epoch.
    pub(super) fn happened(&mut self, user: Option<u64>, now: Instant, unix: f64) {
        self.end_incident(now);
        self.incident.get_or_insert(Incident { began: unix, last: now }).last = now;
        if let Some(user) = user.filter(|user| self.is_kept(*user)) {
            self.users.insert(user, now);
            if self.users.len() > CAPACITY {
                self.halve();
            }
        }
    }

    /// Forgets an incident that is over, and its users.
    pub(super) fn end_incident(&mut self, now: Instant) {
        if self.incident.is_some_and(|incident| now.saturating_duration_since(incident.last) >= PAUSE) {
            *self = Sketch::default();
        }
    }

    /// When the incident began, in seconds since the epoch; 0 if there is none.
    pub(super) fn began(&self) -> f64 {
        self.incident.map_or(0.0, |incident| incident.began)
    }

    /// How many users the incident hit.
    pub(super) fn in_incident(&self) -> f64 {
        self.scaled(self.users.len())
    }

    /// How many of them were hit within the window.
    pub(super) fn in_window(&self, now: Instant) -> f64 {
        self.scaled(self.users.values().filter(|last| is_recent(**last, now)).count())
    }

    /// The users with the lowest hashes, each with whether it was hit within the window.
    pub(super) fn lowest(&self, now: Instant) -> impl Iterator<Item = (u64, bool)> {
        self.users.iter().map(move |(user, last)| (*user, is_recent(*last, now)))
    }

    fn is_kept(&self, user: u64) -> bool {
        user.leading_zeros() >= self.halvings
    }

    fn halve(&mut self) {
        self.halvings += 1;
        self.users.split_off(&(1 << (u64::BITS - self.halvings)));
    }

    fn scaled(&self, kept: usize) -> f64 {
        kept as f64 * 2_f64.powi(self.halvings.cast_signed())
    }
}

fn is_recent(last: Instant, now: Instant) -> bool {
    now.saturating_duration_since(last) < WINDOW
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(user: u64) -> u64 {
        use std::hash::Hasher;
        let mut hasher = siphasher::sip::SipHasher13::new_with_key(&[7; 16]);
        hasher.write_u64(user);
        hasher.finish()
    }

    fn hit_by(users: std::ops::Range<u64>, now: Instant) -> Sketch {
        let mut sketch = Sketch::default();
        users.for_each(|user| sketch.happened(Some(hash(user)), now, 1.0));
        sketch
    }

    #[test]
    fn users_are_counted_once_and_exactly() {
        let now = Instant::now();
        let mut sketch = hit_by(0..CAPACITY as u64, now);
        (0..CAPACITY as u64).for_each(|user| sketch.happened(Some(hash(user)), now, 2.0));
        assert_eq!((sketch.in_incident(), sketch.in_window(now), sketch.began()), (8192.0, 8192.0, 1.0));
    }

    #[test]
    fn very_many_users_are_estimated_in_bounded_memory() {
        for users in [10_000, 30_000, 100_000, 1_000_000] {
            let sketch = hit_by(0..users, Instant::now());
            assert!(sketch.users.len() <= CAPACITY);
            let wrong = (sketch.in_incident() - users as f64).abs() / users as f64;
            assert!(wrong < 0.05, "{users}: {}", sketch.in_incident());
        }
    }

    #[test]
    fn the_window_slides_and_the_incident_stays() {
        let start = Instant::now();
        let mut sketch = hit_by(0..10, start);
        let later = start + Duration::from_secs(250);
        (8..13).for_each(|user| sketch.happened(Some(hash(user)), later, 251.0));
        assert_eq!((sketch.in_window(later), sketch.in_incident()), (13.0, 13.0));
        let much_later = start + WINDOW;
        assert_eq!((sketch.in_window(much_later), sketch.in_incident(), sketch.began()), (5.0, 13.0, 1.0));
    }

    #[test]
    fn a_pause_ends_the_incident_and_forgets_its_users() {
        let start = Instant::now();
        let mut sketch = hit_by(0..10, start);
        sketch.end_incident(start + PAUSE - Duration::from_secs(1));
        assert_eq!(sketch.in_incident(), 10.0);
        sketch.end_incident(start + PAUSE);
        assert_eq!((sketch.in_incident(), sketch.began()), (0.0, 0.0));
        sketch.happened(Some(hash(99)), start + PAUSE, 900.0);
        assert_eq!((sketch.in_incident(), sketch.began()), (1.0, 900.0));
    }

    #[test]
    fn an_error_without_a_user_keeps_the_incident_going() {
        let start = Instant::now();
        let mut sketch = hit_by(0..10, start);
        sketch.happened(None, start + PAUSE - Duration::from_secs(1), 899.0);
        sketch.end_incident(start + PAUSE);
        assert_eq!((sketch.in_incident(), sketch.began()), (10.0, 1.0));
    }
}
