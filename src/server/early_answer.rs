//! Hyper itself answers a head that it cannot read, with a status and nothing more, and offers no place to say why. So that
//! answer is found where it is written, and becomes a problem like any other.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::error::Error;
use crate::http::{RequestId, problem_document};

/// How much is read of a client that still sends its head, and for how long: closing before would reset the connection, and
/// the client might lose the answer.
const LINGER_BYTES: usize = 1024 * 1024;
const LINGER_TIME: Duration = Duration::from_millis(500);

/// What a client was told whose request could not be read.
pub(super) struct Refusal {
    pub(super) request_id: RequestId,
    pub(super) error: Error,
}

/// A stream on which hyper's own answers get a body.
pub(super) struct Explained<T> {
    stream: T,
    refusal: Arc<OnceLock<Refusal>>,
    /// What hyper takes for written, and is not yet.
    pending: Vec<u8>,
    written: usize,
    linger: Option<Linger>,
}

struct Linger {
    bytes: usize,
    until: Pin<Box<Sleep>>,
}

impl<T> Explained<T> {
    /// Notes in `refusal` what was said, if anything was.
    pub(super) fn new(stream: T, refusal: Arc<OnceLock<Refusal>>) -> Self {
        Explained { stream, refusal, pending: Vec::new(), written: 0, linger: None }
    }
}

impl<T: AsyncWrite + Unpin> Explained<T> {
    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.pending.len() {
            let rest = &self.pending[self.written..];
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + Unpin> Explained<T> {
    /// Reads what the client still sends, until it has read the answer and leaves.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let new = || Linger { bytes: 0, until: Box::pin(sleep(LINGER_TIME)) };
        let linger = self.linger.get_or_insert_with(new);
        let mut unread = [0; 4096];
        while linger.bytes < LINGER_BYTES && linger.until.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::new(&mut unread);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => linger.bytes += buffer.filled().len(),
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Explained<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Explained<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(cx))?;
        let Some((at, error)) = own_answer(buf) else { return Pin::new(&mut self.stream).poll_write(cx, buf) };
        let request_id = RequestId::new(rand::random());
        self.pending = buf[..at].to_vec();
        self.pending.extend(explained(&buf[at..], &error, &request_id));
        let _ = self.refusal.set(Refusal { request_id, error });
        // A failure comes back with the flush.
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(self.poll_pending(cx))?;
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        }
        if self.refusal.get().is_some() {
            ready!(self.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}

/// Where an answer of hyper's own begins, which is the last one it gives, and what it says. Only those have no body; and
/// every answer of the service has an id.
fn own_answer(written: &[u8]) -> Option<(usize, Error)> {
    if !written.ends_with(b"\r\n\r\n") {
        return None;
    }
    let at = written.windows(7).rposition(|bytes| bytes == b"HTTP/1.")?;
    let head = std::str::from_utf8(&written[at..]).ok()?;
    let is_own = head.contains(NO_BODY) && !head.contains("\r\nx-request-id:");
    let error = match head.get(9..12).filter(|_| is_own)? {
        "400" => Error::MalformedRequest("the request line or a header cannot be read"),
        "414" => Error::TargetTooLong,
        "431" => Error::HeadTooLarge,
        _ => return None,
    };
    Some((at, error))
}

const NO_BODY: &str = "\r\ncontent-length: 0\r\n";

fn explained(head: &[u8], error: &Error, request_id: &RequestId) -> Vec<u8> {
    let (head, body) = (String::from_utf8_lossy(head), problem_document(error, request_id));
    let headers = format!(
        "\r\ncontent-type: application/problem+json\r\ncache-control: no-store\r\nx-request-id: {request_id}\r\n\
         content-length: {}\r\n",
        body.len()
    );
    [head.replacen(NO_BODY, &headers, 1).as_bytes(), &body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

    #[test]
    fn an_answer_of_hypers_own_is_found_behind_others() {
        for before in ["", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-request-id: 1\r\n\r\n{}"] {
            let written = format!("{before}{OWN}");
            let (at, error) = own_answer(written.as_bytes()).unwrap();
            assert!(at == before.len() && matches!(error, Error::HeadTooLarge), "{written}");
        }
    }

    #[test]
    fn every_other_answer_is_left_as_it_is() {
        for written in [
            "",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 240\r\nx-request-id: 1\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\nx-request-id: 1\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n",
            "a body\r\n\r\n",
        ] {
            assert!(own_answer(written.as_bytes()).is_none(), "{written:?}");
        }
    }

    #[test]
    fn what_it_says_is_a_problem_of_the_right_length() {
        let id = RequestId::new([7; 16]);
        let answer = String::from_utf8(explained(OWN.as_bytes(), &Error::HeadTooLarge, &id)).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 431 ") && head.contains("\r\nconnection: close\r\n"), "{head}");
        assert!(
            head.contains(&format!("\r\ncontent-length: {}", body.len())) && !head.contains("content-length: 0"),
            "{head}"
        );
        assert_eq!(serde_json::from_str::<serde_json::Value>(body).unwrap()["status"], 431);
    }
}
