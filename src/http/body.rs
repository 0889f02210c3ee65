//! Reading a body within its limits.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

use super::Request;
use crate::error::{Error, Result};

/// How much of a refused body is read, so that the client reads the answer and not a broken connection.
const DISCARD_BYTES: usize = 1024 * 1024;
const DISCARD_TIME: Duration = Duration::from_secs(1);

/// The limits of a body.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Its largest size, in bytes.
    pub bytes: usize,
    /// The longest it may take to arrive.
    pub time: Duration,
}

/// Reads a JSON body.
///
/// # Errors
/// [`Error::UnsupportedMediaType`], [`Error::BodyTooLarge`], [`Error::BodyTimeout`] or [`Error::BodyIncomplete`].
pub async fn read_json(request: Request) -> Result<Bytes> {
    let Request { head, mut body, limits, metrics } = request;
    let refused = if !is_json(&head.headers) {
        Error::UnsupportedMediaType
    } else if body.size_hint().lower() > limits.bytes as u64 {
        Error::BodyTooLarge { limit: limits.bytes }
    } else {
        match timeout(limits.time, Limited::new(&mut body, limits.bytes).collect()).await {
            Ok(Ok(collected)) => {
                let bytes = collected.to_bytes();
                metrics.request_body(bytes.len());
                return Ok(bytes);
            }
            Ok(Err(error)) if error.is::<LengthLimitError>() => Error::BodyTooLarge { limit: limits.bytes },
            Ok(Err(error)) => return Err(Error::BodyIncomplete(error)),
            Err(_) => return Err(Error::BodyTimeout(limits.time)),
        }
    };
    metrics.request_body(announced(&head.headers));
    discard(body).await;
    Err(refused)
}

/// `application/json`, with any parameters (RFC 8259, 11).
fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

fn announced(headers: &HeaderMap) -> usize {
    headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or_default()
}

async fn discard(body: Incoming) {
    let _ = timeout(DISCARD_TIME, Limited::new(body, DISCARD_BYTES).collect()).await;
}
