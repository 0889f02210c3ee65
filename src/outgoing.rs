//! What requests to services outside have in common: names, connections that break, waits that are asked for, bodies that are
//! not worth their time.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use http::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Request, Response};
use tokio::net::lookup_host;
use tokio::time::{Instant, timeout_at};

use crate::error::chain;
use crate::http::TraceContext;
use crate::tls::has_expired;
use crate::values::job::{Effect, Failure, Job, Reason};

/// The bytes of an answer's body that are read: so that its connection can be used again.
pub const BODY_LIMIT: usize = 64 * 1024;
/// The time in which they must arrive. After that it is cheaper to open a new connection.
pub const BODY_TIME: Duration = Duration::from_secs(1);
/// The longest wait that a service can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// The host's name could not be resolved.
#[derive(Debug, thiserror::Error)]
#[error("the host's name cannot be resolved")]
pub struct Unresolved(#[source] io::Error);

/// No answer came.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
struct NoAnswer(Duration);

/// The addresses of a name, as the system knows them.
///
/// # Errors
/// When it knows none.
pub async fn look_up(name: &str) -> Result<Vec<SocketAddr>, Unresolved> {
    Ok(lookup_host((name, 0)).await.map_err(Unresolved)?.collect())
}

/// Sends a request. A connection that breaks before an answer, as one of the pool does that the other side has closed meanwhile,
/// is replaced once.
///
/// # Errors
/// When there is no answer.
pub async fn send(client: &Client, request: Request) -> reqwest::Result<Response> {
    let again = request.try_clone();
    match (client.execute(request).await, again) {
        (Err(error), Some(again)) if is_lost_connection(&error) => client.execute(again).await,
        (answer, _) => answer,
    }
}

/// The service did not answer in time.
pub fn timeout(limit: Duration) -> Failure {
    Failure::new(Reason::Timeout, Effect::ServiceDown, NoAnswer(limit))
}

/// There was no answer, or none in HTTP.
pub fn broken(error: reqwest::Error) -> Failure {
    let reason = if let Some(tls) = chain(&error).find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        if has_expired(tls) { Reason::TlsExpired } else { Reason::Tls }
    } else if chain(&error).any(|cause| cause.is::<Unresolved>()) {
        Reason::Dns
    } else if error.is_connect() {
        Reason::Connect
    } else if error.is_timeout() {
        Reason::Timeout
    } else {
        Reason::Protocol
    };
    // After a redirect the URL is text of the service.
    Failure::new(reason, Effect::ServiceDown, error.without_url())
}

/// `Retry-After` (RFC 9110, 10.2.3): seconds, or a date. A date in the past means now.
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(wait.min(LONGEST_WAIT))
}

/// What the body begins with, read as far as it is worth it.
pub async fn beginning(response: &mut Response, deadline: Instant) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < BODY_LIMIT {
        let Ok(Ok(Some(chunk))) = timeout_at(deadline, response.chunk()).await else { break };
        body.extend_from_slice(&chunk[..chunk.len().min(BODY_LIMIT - body.len())]);
    }
    body
}

/// The trace that caused the job, with a span of this attempt's own.
pub fn traceparent(job: &Job) -> String {
    let (mut trace, mut span) = ([0; 16], [0; 8]);
    let _ = getrandom::fill(&mut trace);
    let _ = getrandom::fill(&mut span);
    TraceContext::from_header(HeaderValue::from_str(&job.traceparent).ok().as_ref(), trace, span).traceparent()
}

/// Whether a connection that stood broke before there was an answer.
fn is_lost_connection(error: &reqwest::Error) -> bool {
    !error.is_connect() && !error.is_timeout() && chain(error).any(is_loss)
}

fn is_loss(error: &(dyn StdError + 'static)) -> bool {
    let kinds = [ErrorKind::ConnectionReset, ErrorKind::ConnectionAborted, ErrorKind::BrokenPipe];
    error.downcast_ref::<io::Error>().is_some_and(|error| kinds.contains(&error.kind()))
        || error
            .downcast_ref::<hyper::Error>()
            .is_some_and(|error| error.is_incomplete_message() || error.is_canceled() || error.is_closed())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "Sun, 22 Nov 2026 08:31:02 GMT";

    fn wait(text: &str) -> Option<u64> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
        retry_after(&headers, httpdate::parse_http_date(NOW).unwrap()).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_wait_is_given_in_seconds_or_as_a_date() {
        assert_eq!(wait("0"), Some(0));
        assert_eq!(wait(" 17 "), Some(17));
        assert_eq!(wait("Sun, 22 Nov 2026 08:32:32 GMT"), Some(90));
        assert_eq!(wait("Sunday, 22-Nov-26 08:32:32 GMT"), Some(90));
    }

    #[test]
    fn no_wait_is_longer_than_an_hour_or_before_now() {
        assert_eq!(wait("86400"), Some(3600));
        assert_eq!(wait("Fri, 01 Jan 2100 00:00:00 GMT"), Some(3600));
        assert_eq!(wait("Sun, 22 Nov 2026 08:31:01 GMT"), Some(0));
    }

    #[test]
    fn a_wait_that_makes_no_sense_is_none() {
        for text in ["", "soon", "-1", "1.5", "99999999999999999999999", "Sun, 42 Nov 2026 08:31:02 GMT"] {
            assert_eq!(wait(text), None, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), SystemTime::now()), None);
    }
}
