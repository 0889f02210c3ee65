//! What an answer of an endpoint, or its absence, means: for this event, for the next one, and when.

use std::time::SystemTime;

use http::StatusCode;
use http::header::HeaderMap;

use super::client::Forbidden;
use crate::error::chain;
use crate::outgoing::{broken, retry_after};
use crate::values::job::{Effect, Failure, Reason};

/// A status that is no success, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("the endpoint answered {0}{1}")]
struct Refused(StatusCode, &'static str);

/// There was no answer, or none in HTTP. That the address must not be reached is somebody's to mend.
pub(super) fn unanswered(error: reqwest::Error) -> Failure {
    let is_forbidden = chain(&error).any(|cause| cause.is::<Forbidden>());
    match is_forbidden {
        true => Failure::new(Reason::NotTheService, Effect::ServiceDown, Forbidden),
        false => broken(error),
    }
}

/// What the status means.
///
/// | status | reason | what follows | why |
/// |---|---|---|---|
/// | 3xx | not_the_service | pause | a redirect is not followed: the operator corrects the address |
/// | 401, 402, 403, 407 | auth | pause | the endpoint does not let neodyme in |
/// | 404, 405 and their like | not_the_service | pause | nobody takes events at this address |
/// | 410 | gone | off | the endpoint wants no more |
/// | 429 | refused_4xx | pause | the endpoint wants fewer events |
/// | other 4xx | refused_4xx | this event is tried again | it may be this event; receivers also answer 400 where a secret is wrong |
/// | 5xx | refused_5xx | pause after five | the endpoint failed |
/// | others | protocol | pause after five | no status of HTTP |
pub(super) fn refused(status: StatusCode, headers: &HeaderMap) -> Failure {
    let (reason, effect, remedy) = match status.as_u16() {
        300..=399 => {
            (Reason::NotTheService, Effect::ServiceDown, "; redirects are not followed: set the URL to where it is now")
        }
        401 | 402 | 403 | 407 => (Reason::Auth, Effect::ServiceDown, "; compare the secret on both sides"),
        404 | 405 | 406 | 414 | 421 | 426 => {
            (Reason::NotTheService, Effect::ServiceDown, "; check the URL of the endpoint")
        }
        410 => (Reason::Gone, Effect::ServiceDown, "; it is switched off until `neodyme webhook on --endpoint N`"),
        429 => (Reason::Refused4xx, Effect::ServiceDown, ""),
        400..=499 => {
            (Reason::Refused4xx, Effect::RetryJob, "; if it refuses every event, compare the secret on both sides")
        }
        500..=599 => (Reason::Refused5xx, Effect::ServiceDown, ""),
        _ => (Reason::Protocol, Effect::ServiceDown, ""),
    };
    let asks = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let retry_after = asks.then(|| retry_after(headers, SystemTime::now())).flatten();
    let refused = Refused(status, remedy);
    Failure { code: Some(status.as_u16()), retry_after, ..Failure::new(reason, effect, refused) }
}
