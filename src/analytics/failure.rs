//! What an answer, or its absence, means: for this job, for the next one, and when.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};
use std::time::{Duration, SystemTime};

use http::StatusCode;
use http::header::{HeaderMap, RETRY_AFTER};
use reqwest::Response;

use super::client::Unresolved;
use super::expectation::{Foreign, is_page};
use crate::error::chain;
use crate::tls::has_expired;
use crate::values::job::{Effect, Failure, Reason};

/// The longest wait that a service can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// A status that is no success, and what to do about it. The body is the service's text, which may repeat anything, and is
/// left out.
#[derive(Debug, thiserror::Error)]
#[error("the service answered {0}{1}")]
struct Refused(StatusCode, &'static str);

/// No answer came.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
struct NoAnswer(Duration);

/// The service did not answer in time.
pub(super) fn timeout(limit: Duration) -> Failure {
    down(Reason::Timeout, NoAnswer(limit))
}

/// There was no answer, or none in HTTP.
pub(super) fn broken(error: reqwest::Error) -> Failure {
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
    down(reason, error.without_url())
}

fn down(reason: Reason, cause: impl StdError + Send + Sync + 'static) -> Failure {
    Failure::new(reason, Effect::ServiceDown, cause)
}

/// What the status means. An event dies at once only of what is wrong with this very event; whatever would end every other
/// event in the same way is left to the operator, and the events wait.
///
/// | status | reason | permanent | service down | why |
/// |---|---|---|---|---|
/// | 2xx | not_the_service | no | yes | `analytics_expect_statuses` has another |
/// | 400, 413, 422 | refused_4xx | yes | no | this event is refused |
/// | the same, as a page of HTML | not_the_service | no | yes | no service says that of an event, but a proxy of every request |
/// | 408, 425 | refused_4xx | no | no | try this event again |
/// | 401, 402, 403, 407 | auth | no | yes | neodyme is not let in |
/// | 409 | refused_4xx | no | yes | the key may be of an attempt that still runs: what it leads to is not known yet |
/// | 429 | refused_4xx | no | yes | the service wants fewer events, whichever they are |
/// | 404, 405 and their like | not_the_service | no | yes | the address, the method or the header, which are the same for every event |
/// | other 4xx | refused_4xx | no | yes | unknown, and not of this event |
/// | 3xx | not_the_service | no | yes | a redirect that is not followed is an address that the operator must correct |
/// | 5xx | refused_5xx | no | yes | the service failed |
/// | others | protocol | no | yes | no status of HTTP |
pub(super) fn refused(response: &Response, body: &[u8]) -> Failure {
    let (status, code) = (response.status(), Some(response.status().as_u16()));
    let (reason, effect) = match status.as_u16() {
        200..=299 => (Reason::NotTheService, Effect::ServiceDown),
        400 | 413 | 422 if is_page(body) => (Reason::NotTheService, Effect::ServiceDown),
        400 | 413 | 422 => (Reason::Refused4xx, Effect::GiveUp),
        408 | 425 => (Reason::Refused4xx, Effect::RetryJob),
        401 | 402 | 403 | 407 => (Reason::Auth, Effect::ServiceDown),
        300..=399 => (Reason::NotTheService, Effect::ServiceDown),
        code if is_of_a_wrong_address(code) => (Reason::NotTheService, Effect::ServiceDown),
        400..=499 => (Reason::Refused4xx, Effect::ServiceDown),
        500..=599 => (Reason::Refused5xx, Effect::ServiceDown),
        _ => (Reason::Protocol, Effect::ServiceDown),
    };
    let asks = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let retry_after = asks.then(|| retry_after(response.headers(), SystemTime::now())).flatten();
    let refused = Refused(status, remedy(status));
    Failure { code, retry_after, ..Failure::new(reason, effect, refused) }
}

/// The status says that all is well, but it is not the service that says so.
pub(super) fn foreign(response: &Response, what: Foreign) -> Failure {
    let answered = format!("the service answered {} with {what}", response.status());
    let failure = Failure::new(Reason::NotTheService, Effect::ServiceDown, answered);
    Failure { code: Some(response.status().as_u16()), ..failure }
}

/// What an operator can do about the configuration, where the status says that it is wrong.
fn remedy(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200..=299 => "; analytics_expect_statuses does not have it",
        300..=399 => "; set analytics_base_url to where the service is now",
        401 | 402 | 403 | 407 => "; neodyme sends no credentials: the service must let its address in",
        code if is_of_a_wrong_address(code) => "; check that analytics_base_url leads to it",
        _ => "",
    }
}

/// What is answered where no events are taken, or not in this way.
fn is_of_a_wrong_address(code: u16) -> bool {
    matches!(code, 404 | 405 | 406 | 410..=412 | 414..=418 | 421 | 426 | 428 | 431)
}

/// `Retry-After` (RFC 9110, 10.2.3): seconds, or a date. A date in the past means now.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(wait.min(LONGEST_WAIT))
}

/// Whether a connection that stood broke before there was an answer.
pub(super) fn is_lost_connection(error: &reqwest::Error) -> bool {
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
