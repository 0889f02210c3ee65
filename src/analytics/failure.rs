//! What an answer, or its absence, means: for this job, for the next one, and when.

use std::time::SystemTime;

use http::StatusCode;
use reqwest::Response;

use super::expectation::{Foreign, is_page};
use crate::outgoing::retry_after;
use crate::values::job::{Effect, Failure, Reason};

/// A status that is no success, and what to do about it. The body is the service's text, which may repeat anything, and is
/// left out.
#[derive(Debug, thiserror::Error)]
#[error("the service answered {0}{1}")]
struct Refused(StatusCode, &'static str);

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
