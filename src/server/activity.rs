//! What a connection does, so that one that does nothing, or does it too slowly, can be cut.

mod in_request;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

pub(super) use self::in_request::InRequest;
use crate::fairness::{Tenant, Use};

/// How long a connection is new before its first request.
const NEW: Duration = Duration::from_secs(1);

/// Where a connection stands.
#[derive(Debug)]
pub(super) struct Activity {
    opened: Instant,
    requests: AtomicUsize,
    /// Requests that the service works on: all others wait for their client.
    working: AtomicUsize,
    /// Since when all of them wait for their client, in microseconds since `opened`.
    waiting_since: AtomicU64,
    /// When the first byte of the head that is being read arrived, likewise; 0 = no head begun.
    head_since: AtomicU64,
    /// When the last answer was given, likewise.
    idle_since: AtomicU64,
    /// Answers that the transport has not taken yet.
    untaken: AtomicUsize,
    /// When the last answer was taken, or the first of those untaken was given, likewise.
    taken_at: AtomicU64,
    /// Since when the client takes no bytes, likewise; 0 = it takes them.
    blocked_since: AtomicU64,
    multiplexed: AtomicBool,
    had_request: AtomicBool,
    leave: Notify,
}

/// What the clock says about a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Look again then.
    Wait(Instant),
    /// The head of a request takes too long.
    SlowHead,
    /// The client does not take an answer.
    Unread,
    /// Nothing has happened for too long.
    Idle,
}

/// How long a connection may take for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) head: Duration,
    pub(super) answer: Duration,
    pub(super) idle: Duration,
}

impl Patience {
    /// No limit ends before that.
    pub(super) fn shortest(&self) -> Duration {
        self.head.min(self.answer).min(self.idle)
    }
}

impl Activity {
    /// A connection that opens now: the time of its first head runs at once.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Activity {
            opened: Instant::now(),
            requests: AtomicUsize::new(0),
            working: AtomicUsize::new(0),
            waiting_since: AtomicU64::new(1),
            head_since: AtomicU64::new(1),
            idle_since: AtomicU64::new(1),
            untaken: AtomicUsize::new(0),
            taken_at: AtomicU64::new(1),
            blocked_since: AtomicU64::new(0),
            multiplexed: AtomicBool::new(false),
            had_request: AtomicBool::new(false),
            leave: Notify::new(),
        })
    }

    /// Returns when another is to have this place.
    pub(super) async fn told_to_leave(&self) {
        self.leave.notified().await;
    }

    /// Whether the first request is still to come.
    pub(super) fn is_new(&self) -> bool {
        !self.had_request.load(Relaxed)
    }

    pub(super) fn bytes_arrived(&self) {
        if self.requests.load(Relaxed) == 0 && self.head_since.load(Relaxed) == 0 {
            self.head_since.store(self.now(), Relaxed);
        }
    }

    pub(super) fn bytes_left(&self) {
        if self.blocked_since.load(Relaxed) > 0 {
            self.blocked_since.store(0, Relaxed);
        }
    }

    pub(super) fn bytes_wait(&self) {
        if self.blocked_since.load(Relaxed) == 0 {
            self.blocked_since.store(self.now(), Relaxed);
        }
    }

    /// Judges the connection. On HTTP/2 bytes between requests are frames of the connection, not the head of a request.
    pub(super) fn verdict(&self, patience: &Patience) -> Verdict {
        let soon = Instant::now() + patience.shortest();
        let (head_since, blocked_since) = (self.head_since.load(Relaxed), self.blocked_since.load(Relaxed));
        let verdict = if blocked_since > 0 {
            self.due(blocked_since, patience.answer, Verdict::Unread)
        } else if self.untaken.load(Relaxed) > 0 {
            self.due(self.taken_at.load(Relaxed), patience.answer, Verdict::Unread)
        } else if self.requests.load(Relaxed) > 0 {
            Verdict::Wait(soon)
        } else if head_since > 0 && !self.multiplexed.load(Relaxed) {
            self.due(head_since, patience.head, Verdict::SlowHead)
        } else {
            self.due(self.idle_since.load(Relaxed), patience.idle, Verdict::Idle)
        };
        match verdict {
            Verdict::Wait(until) => Verdict::Wait(until.min(soon)),
            over => over,
        }
    }

    fn at(&self, since: u64) -> Instant {
        self.opened + Duration::from_micros(since)
    }

    fn due(&self, since: u64, limit: Duration, verdict: Verdict) -> Verdict {
        let until = self.at(since) + limit;
        if Instant::now() >= until { verdict } else { Verdict::Wait(until) }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(u64::MAX).max(1)
    }
}

/// A connection may give way while the service does not work on any of its requests.
impl Tenant for Activity {
    fn used(&self) -> Use {
        match (self.requests.load(Relaxed), self.working.load(Relaxed)) {
            (0, _) if self.is_new() && self.opened.elapsed() < NEW => Use::New(self.opened),
            (0, _) => Use::Idle(self.at(self.idle_since.load(Relaxed))),
            (_, 0) => Use::Waiting(self.at(self.waiting_since.load(Relaxed))),
            _ => Use::Work,
        }
    }

    fn give_way(&self) {
        self.leave.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Progress;

    const PATIENCE: Patience =
        Patience { head: Duration::from_secs(10), answer: Duration::from_secs(20), idle: Duration::from_secs(75) };

    async fn after(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_head_has_its_time_from_the_start() {
        let activity = Activity::new();
        after(9).await;
        assert!(matches!(activity.verdict(&PATIENCE), Verdict::Wait(_)));
        after(2).await;
        assert_eq!(activity.verdict(&PATIENCE), Verdict::SlowHead);
    }

    #[tokio::test(start_paused = true)]
    async fn between_requests_it_may_be_idle_longer_than_a_head_may_take() {
        let activity = Activity::new();
        drop(activity.request(false));
        after(70).await;
        assert!(matches!(activity.verdict(&PATIENCE), Verdict::Wait(_)));
        after(6).await;
        assert_eq!(activity.verdict(&PATIENCE), Verdict::Idle);
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_head_has_its_time_from_its_first_byte() {
        let activity = Activity::new();
        drop(activity.request(false));
        after(70).await;
        activity.bytes_arrived();
        after(9).await;
        activity.bytes_arrived();
        assert!(matches!(activity.verdict(&PATIENCE), Verdict::Wait(_)));
        after(2).await;
        assert_eq!(activity.verdict(&PATIENCE), Verdict::SlowHead);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_takes_is_cut_and_one_that_is_taken_buys_time() {
        let activity = Activity::new();
        let (one, other) = (activity.request(true), activity.request(true));
        after(60).await;
        one.answered();
        other.answered();
        after(19).await;
        assert!(matches!(activity.verdict(&PATIENCE), Verdict::Wait(_)));
        drop(one);
        after(19).await;
        assert!(matches!(activity.verdict(&PATIENCE), Verdict::Wait(_)));
        after(2).await;
        assert_eq!(activity.verdict(&PATIENCE), Verdict::Unread);
        drop(other);
        assert!(matches!(activity.verdict(&PATIENCE), Verdict::Wait(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_that_cannot_leave_are_cut() {
        let activity = Activity::new();
        drop(activity.request(false));
        activity.bytes_wait();
        after(19).await;
        activity.bytes_wait();
        assert!(matches!(activity.verdict(&PATIENCE), Verdict::Wait(_)));
        after(2).await;
        assert_eq!(activity.verdict(&PATIENCE), Verdict::Unread);
        activity.bytes_left();
        assert!(matches!(activity.verdict(&PATIENCE), Verdict::Wait(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_gives_way_unless_it_is_worked_for() {
        let activity = Activity::new();
        assert!(matches!(activity.used(), Use::New(_)));
        after(2).await;
        assert_eq!(activity.used(), Use::Idle(activity.at(1)));
        let (one, other) = (activity.request(true), activity.request(true));
        let begun = Instant::now();
        after(2).await;
        assert_eq!(activity.used(), Use::Waiting(begun), "for the bodies");
        one.work_begins();
        assert_eq!(activity.used(), Use::Work);
        one.answered();
        assert_eq!(activity.used(), Use::Waiting(Instant::now()), "until the answer is taken");
        one.work_begins();
        assert!(matches!(activity.used(), Use::Waiting(_)), "it is over");
        other.work_begins();
        drop((one, other));
        assert_eq!(activity.used(), Use::Idle(Instant::now()));
        activity.give_way();
        activity.told_to_leave().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_being_answered_is_not_cut() {
        let activity = Activity::new();
        let _answering = activity.request(false);
        after(1000).await;
        assert!(matches!(activity.verdict(&PATIENCE), Verdict::Wait(_)));
    }
}
