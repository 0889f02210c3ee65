//! What bodies may take: they are collected into one buffer that grows with what arrives, so that a client pays for what it
//! sends, and waited for in places that clients share.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::error::{Error, Result};
use crate::fairness::{ClientKey, Full, Place, Places, Tenant, Use};

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
pub(super) struct Received {
    pub(super) bytes: Vec<u8>,
    pub(super) has_trailers: bool,
}

impl Intake {
    /// Waits for the body, in a place of its own unless it is here already.
    pub(super) async fn receive(&self, body: &mut Incoming, client: ClientKey) -> Result<Received> {
        let Intake { bytes, time, waiting, .. } = self;
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

    pub(super) fn start_work(&self, client: ClientKey) -> Result<Place<()>> {
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
