//! What a connection does, so that one that does nothing, or does it too slowly, can be cut.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// Where a connection stands.
#[derive(Debug)]
pub(super) struct Activity {
    opened: Instant,
    requests: AtomicUsize,
    /// When the first byte of the head that is being read arrived, in microseconds since `opened`; 0 = no head begun.
    head_since: AtomicU64,
    /// When the last answer was given, likewise.
    idle_since: AtomicU64,
    multiplexed: AtomicBool,
    had_request: AtomicBool,
}

/// What the clock says about a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Look again then.
    Wait(Instant),
    /// The head of a request takes too long.
    SlowHead,
    /// Nothing has happened for too long.
    Idle,
}

impl Activity {
    /// A connection that opens now: the time of its first head runs at once.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Activity {
            opened: Instant::now(),
            requests: AtomicUsize::new(0),
            head_since: AtomicU64::new(1),
            idle_since: AtomicU64::new(1),
            multiplexed: AtomicBool::new(false),
            had_request: AtomicBool::new(false),
        })
    }

    /// A request's head is complete; it is being answered until the guard is dropped.
    pub(super) fn request(self: &Arc<Self>, multiplexed: bool) -> InRequest {
        self.requests.fetch_add(1, Relaxed);
        self.head_since.store(0, Relaxed);
        self.multiplexed.store(multiplexed, Relaxed);
        self.had_request.store(true, Relaxed);
        InRequest(Arc::clone(self))
    }

    /// Whether the first request is still to come.
    pub(super) fn is_new(&self) -> bool {
        !self.had_request.load(Relaxed)
    }

    fn bytes_arrived(&self) {
        if self.requests.load(Relaxed) == 0 && self.head_since.load(Relaxed) == 0 {
            self.head_since.store(self.now(), Relaxed);
        }
    }

    /// Judges the connection. On HTTP/2 bytes between requests are frames of the connection, not the head of a request.
    pub(super) fn verdict(&self, head_timeout: Duration, idle_timeout: Duration) -> Verdict {
        let soon = Instant::now() + head_timeout.min(idle_timeout);
        let head_since = self.head_since.load(Relaxed);
        if self.requests.load(Relaxed) > 0 {
            Verdict::Wait(soon)
        } else if head_since > 0 && !self.multiplexed.load(Relaxed) {
            self.due(head_since, head_timeout, Verdict::SlowHead)
        } else {
            match self.due(self.idle_since.load(Relaxed), idle_timeout, Verdict::Idle) {
                Verdict::Wait(until) => Verdict::Wait(until.min(soon)),
                idle => idle,
            }
        }
    }

    fn due(&self, since: u64, limit: Duration, verdict: Verdict) -> Verdict {
        let until = self.opened + Duration::from_micros(since) + limit;
        if Instant::now() >= until { verdict } else { Verdict::Wait(until) }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(u64::MAX).max(1)
    }
}

/// A request that is being answered.
pub(super) struct InRequest(Arc<Activity>);

impl Drop for InRequest {
    fn drop(&mut self) {
        self.0.idle_since.store(self.0.now(), Relaxed);
        self.0.requests.fetch_sub(1, Relaxed);
    }
}

/// A stream that notes when bytes arrive.
pub(super) struct Watched<T> {
    pub(super) stream: T,
    pub(super) activity: Arc<Activity>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.activity.bytes_arrived();
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(75);

    async fn after(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_head_has_its_time_from_the_start() {
        let activity = Activity::new();
        after(9).await;
        assert!(matches!(activity.verdict(HEAD, IDLE), Verdict::Wait(_)));
        after(2).await;
        assert_eq!(activity.verdict(HEAD, IDLE), Verdict::SlowHead);
    }

    #[tokio::test(start_paused = true)]
    async fn between_requests_it_may_be_idle_longer_than_a_head_may_take() {
        let activity = Activity::new();
        drop(activity.request(false));
        after(70).await;
        assert!(matches!(activity.verdict(HEAD, IDLE), Verdict::Wait(_)));
        after(6).await;
        assert_eq!(activity.verdict(HEAD, IDLE), Verdict::Idle);
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_head_has_its_time_from_its_first_byte() {
        let activity = Activity::new();
        drop(activity.request(false));
        after(70).await;
        activity.bytes_arrived();
        after(9).await;
        activity.bytes_arrived();
        assert!(matches!(activity.verdict(HEAD, IDLE), Verdict::Wait(_)));
        after(2).await;
        assert_eq!(activity.verdict(HEAD, IDLE), Verdict::SlowHead);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_being_answered_is_not_cut() {
        let activity = Activity::new();
        let _answering = activity.request(false);
        after(1000).await;
        assert!(matches!(activity.verdict(HEAD, IDLE), Verdict::Wait(_)));
    }
}
