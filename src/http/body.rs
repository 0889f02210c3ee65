//! Reading a body within its limits, or refusing it.

use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderMap};
use http::request::Parts;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

use super::intake::Received;
use super::{Context, Request};
use crate::error::{Error, Result};
use crate::telemetry::metrics;

/// RFC 8259, 11.
const JSON: &str = "application/json";
/// How much of a refused body is read, so that the client reads the answer and not a broken connection.
const DISCARD_BYTES: usize = 1024 * 1024;
const DISCARD_TIME: Duration = Duration::from_secs(1);

impl Request {
    /// Reads a body, whose media type was looked at before ([`Takes::checks`](super::Takes::checks)); then takes the place of a
    /// request that is worked on, until the request's context is dropped.
    ///
    /// # Errors
    /// [`Error::UnsupportedEncoding`], [`Error::BodyTooLarge`], [`Error::BodyTimeout`], [`Error::BodyIncomplete`], and
    /// [`Error::RateLimited`] or [`Error::Overloaded`] where there is no place.
    pub(super) async fn read_body(self, context: &Context) -> Result<Vec<u8>> {
        let request = self.accept().await?;
        match request.check_head() {
            Ok(()) => request.receive(context).await,
            Err(refused) => request.refuse(refused).await,
        }
    }

    /// The same for a JSON body that there need not be. That there is none, a chunked one says only with its end.
    ///
    /// # Errors
    /// Those of [`Request::read_body`], and [`Error::UnsupportedMediaType`].
    pub(super) async fn read_json_if_any(self, context: &Context) -> Result<Option<Vec<u8>>> {
        let request = self.accept().await?;
        if request.body.is_end_stream() {
            request.start_work(context)?;
            return Ok(None);
        }
        let checked = expect_json(&request.head).and_then(|()| request.check_head());
        if request.body.size_hint().exact().is_some()
            && let Err(refused) = checked
        {
            return request.refuse(refused).await;
        }
        let bytes = request.receive(context).await?;
        if bytes.is_empty() {
            return Ok(None);
        }
        checked.map(|()| Some(bytes))
    }

    async fn receive(mut self, context: &Context) -> Result<Vec<u8>> {
        match self.intake.receive(&mut self.body, context.client).await {
            Ok(Received { bytes, has_trailers }) => {
                context.begin_work();
                metrics::request_body(bytes.len());
                if !has_trailers {
                    context.keep_connection();
                }
                self.start_work(context)?;
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
        let Request { head, body, .. } = self;
        if !body.is_end_stream() {
            metrics::request_body(announced(&head.headers));
        }
        let is_awaited = !head.headers.contains_key(EXPECT);
        // Many may wait here: what is not needed any more is let go.
        drop(head);
        if is_awaited {
            let _ = timeout(DISCARD_TIME, discard(body)).await;
        }
        Err(error)
    }

    /// The request, unless it is refused already.
    pub(super) async fn accept(mut self) -> Result<Self> {
        match self.refused.take() {
            Some(refused) => self.refuse(refused).await,
            None => Ok(self),
        }
    }

    /// Takes the place of a request that is worked on, until the request's context is dropped.
    pub(super) fn start_work(&self, context: &Context) -> Result<()> {
        if self.takes_place {
            context.hold(self.intake.start_work(context.client)?);
        }
        Ok(())
    }

    fn check_head(&self) -> Result<()> {
        if is_encoded(&self.head.headers) {
            return Err(Error::UnsupportedEncoding);
        }
        let limit = self.intake.bytes;
        if self.body.size_hint().lower() > limit as u64 { Err(Error::BodyTooLarge { limit }) } else { Ok(()) }
    }
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

/// That a body is said to be JSON, which is looked at before the request counts against the limit of its client. A page of another site
/// can have a browser send text, a form, or what has no type, without asking anybody; before it sends JSON the browser asks
/// (<https://fetch.spec.whatwg.org/#cors-safelisted-request-header>), and is answered by CORS. So the API need not look at where a
/// request is from.
pub(super) fn expect_json(head: &Parts) -> Result<()> {
    expect_type(head, JSON)
}

/// That a body is said to be of a media type, with any parameters (RFC 9110, 8.3).
pub(super) fn expect_type(head: &Parts, media_type: &str) -> Result<()> {
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_one = content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media_type);
    if is_one { Ok(()) } else { Err(Error::UnsupportedMediaType) }
}

/// Whether the body has any coding but `identity`, which is none (RFC 9110, 8.4).
fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn announced(headers: &HeaderMap) -> usize {
    headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or_default()
}
