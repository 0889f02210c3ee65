//! Reading a body within its limits: into one buffer that grows with what arrives, so that a client pays for what it sends.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderMap};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::{Context, Request};
use crate::error::{Error, Result};
use crate::fairness::{ClientKey, Full, Place, Places, Tenant, Use};

/// How much of a refused body is read, so that the client reads the answer and not a broken connection.
const DISCARD_BYTES: usize = 1024 * 1024;
const DISCARD_TIME: Duration = Duration::from_secs(1);
const TOO_MANY_BODIES: &str = "too many bodies are waited for";

/// What bodies may take: their size and time, and the places of those that are waited for.
pub struct Intake {
    /// The largest size of a body, in bytes.
    pub(super) bytes: usize,
    /// The longest it may take to arrive.
    pub(super) time: Duration,
    /// Bodies that are under way.
    pub(super) waiting: Arc<Places<LateBody>>,
    /// Requests that are worked on; only their body is complete before.
    pub(super) working: Arc<Places<()>>,
}

/// A body that did not come with its head. The one that was waited for longest gives way to the next.
pub struct LateBody {
    since: Instant,
    leave: Notify,
}

impl Tenant for LateBody {
    fn used(&self) -> Use {
        Use::Waiting(self.since)
    }

    fn give_way(&self) {
        self.leave.notify_one();
    }
}

/// A body as it came.
struct Received {
    bytes: Vec<u8>,
    has_trailers: bool,
}

impl Request {
    /// Reads a JSON body, then takes the place of a request that is worked on, until the request's context is dropped.
    ///
    /// # Errors
    /// [`Error::UnsupportedMediaType`], [`Error::UnsupportedEncoding`], [`Error::BodyTooLarge`], [`Error::BodyTimeout`],
    /// [`Error::BodyIncomplete`], and [`Error::RateLimited`] or [`Error::Overloaded`] where there is no place.
    pub async fn read_json(mut self, context: &Context) -> Result<Vec<u8>> {
        if let Err(refused) = self.check_head() {
            return self.refuse(refused).await;
        }
        match self.receive(context.client).await {
            Ok(Received { bytes, has_trailers }) => {
                context.begin_work();
                self.metrics.request_body(bytes.len());
                if !has_trailers {
                    context.keep_connection();
                }
                if self.takes_place {
                    context.hold(self.intake.start_work(context.client)?);
                }
                Ok(bytes)
            }
            Err(error @ Error::BodyTooLarge { .. }) => self.refuse(error).await,
            Err(error) => Err(error),
        }
    }

    /// Refuses a request before its body was read: reads on for a while, and keeps nothing. A client that asked first
    /// whether to send it (`Expect: 100-continue`) is told at once.
    ///
    /// # Errors
    /// The given one, always.
    pub async fn refuse<T>(self, error: Error) -> Result<T> {
        let Request { head, body, metrics, .. } = self;
        metrics.request_body(announced(&head.headers));
        let is_awaited = !head.headers.contains_key(EXPECT);
        // Many may wait here: what is not needed any more is let go.
        drop((head, metrics));
        if is_awaited {
            let _ = timeout(DISCARD_TIME, discard(body)).await;
        }
        Err(error)
    }

    fn check_head(&self) -> Result<()> {
        let headers = &self.head.headers;
        if !is_json(headers) {
            return Err(Error::UnsupportedMediaType);
        }
        if is_encoded(headers) {
            return Err(Error::UnsupportedEncoding);
        }
        let limit = self.intake.bytes;
        if self.body.size_hint().lower() > limit as u64 { Err(Error::BodyTooLarge { limit }) } else { Ok(()) }
    }

    /// Waits for the body, in a place of its own unless it is here already.
    async fn receive(&mut self, client: ClientKey) -> Result<Received> {
        let Request { body, intake, .. } = self;
        let Intake { bytes, time, waiting, .. } = intake.as_ref();
        let mut collecting = pin!(collect(body, *bytes));
        if let Poll::Ready(received) = poll_fn(|cx| Poll::Ready(collecting.as_mut().poll(cx))).await {
            return received;
        }
        let late = Arc::new(LateBody { since: Instant::now(), leave: Notify::new() });
        let _place = waiting.take(client, Arc::clone(&late)).map_err(|full| no_place(full, TOO_MANY_BODIES))?;
        tokio::select! {
            received = timeout(*time, collecting) => received.unwrap_or(Err(Error::BodyTimeout(*time))),
            () = late.leave.notified() => Err(no_place(Full::ForAll, TOO_MANY_BODIES)),
        }
    }
}

impl Intake {
    fn start_work(&self, client: ClientKey) -> Result<Place<()>> {
        self.working.take(client, Arc::new(())).map_err(|full| no_place(full, "too many requests are being answered"))
    }
}

fn no_place(full: Full, what: &'static str) -> Error {
    match full {
        Full::ForClient => Error::RateLimited { what: "requests at once", retry_after: 1 },
        Full::ForAll => Error::Overloaded { what, retry_after: 1 },
    }
}

/// Copies each piece as it comes: kept, it would hold the memory of all that was read with it.
async fn collect(body: &mut Incoming, limit: usize) -> Result<Received> {
    let mut received = Received { bytes: Vec::new(), has_trailers: false };
    while let Some(frame) = body.frame().await {
        match frame.map_err(|error| Error::BodyIncomplete(error.into()))?.into_data() {
            Ok(piece) if piece.len() > limit - received.bytes.len() => return Err(Error::BodyTooLarge { limit }),
            Ok(piece) => received.bytes.extend_from_slice(&piece),
            Err(_trailers) => received.has_trailers = true,
        }
    }
    Ok(received)
}

async fn discard(mut body: Incoming) {
    let mut left = DISCARD_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, |piece| piece.len());
        if length > left {
            return;
        }
        left -= length;
    }
}

/// `application/json`, with any parameters (RFC 8259, 11).
fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// Whether the body has any coding but `identity`, which is none (RFC 9110, 8.4).
fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn announced(headers: &HeaderMap) -> usize {
    headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or_default()
}
