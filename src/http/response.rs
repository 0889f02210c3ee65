//! Answers: JSON, HTML, and problems (RFC 9457).

mod body;

use std::sync::Arc;

use http::header::{ACCEPT_ENCODING, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

pub use self::body::Body;
use super::{Asker, RequestId};
use crate::error::{Error, FieldError};
use crate::fairness::Place;

/// An answer.
pub type Response = http::Response<Body>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// An answer with a JSON body.
///
/// # Errors
/// [`Error::Internal`] where the value has no JSON form, which is a bug.
pub fn json<T: Serialize>(status: StatusCode, value: &T) -> crate::error::Result<Response> {
    Ok(json_of(status, to_json(value)?))
}

pub(super) fn to_json<T: Serialize>(value: &T) -> crate::error::Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::Internal(format!("a response has no JSON form: {error}")))
}

/// An answer with a body that is JSON.
pub(super) fn json_of(status: StatusCode, body: Vec<u8>) -> Response {
    respond(status, JSON, body)
}

/// A page.
pub fn html(page: String) -> Response {
    respond(StatusCode::OK, HTML, page.into_bytes())
}

/// The same answer with one header more.
pub fn with_header(mut response: Response, name: HeaderName, value: HeaderValue) -> Response {
    response.headers_mut().insert(name, value);
    response
}

/// The same answer, whose place is given back once the transport has taken all of it.
pub fn with_place(mut response: Response, place: Place<Asker>) -> Response {
    response.body_mut().hold(place);
    response
}

/// `application/problem+json`: what a client may know of an error.
#[derive(Serialize, JsonSchema)]
pub(super) struct Problem<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'a [FieldError]>,
}

/// What a client may know of an error, as JSON.
pub fn problem_document(error: &Error, request_id: &RequestId) -> Vec<u8> {
    let code = error.code().as_str();
    let problem = Problem {
        r#type: format!("urn:neodyme:error:{}", code.to_ascii_lowercase().replace('_', "-")),
        title: error.code().about().title,
        status: error.status().as_u16(),
        detail: error.detail(),
        code,
        request_id: request_id.as_str(),
        errors: if let Error::Validation(faults) = error { Some(faults) } else { None },
    };
    serde_json::to_vec(&problem).unwrap_or_default()
}

/// What a page tells of itself: it is logged and counted as if the answer were a problem document.
#[derive(Clone)]
pub(super) struct ShownError(pub(super) Arc<Error>);

/// A page that tells of an error, with its status.
pub fn with_error(page: Response, error: Error) -> Response {
    let mut page = with_status_of(page, &error);
    page.extensions_mut().insert(ShownError(Arc::new(error)));
    page
}

/// The answer with the status of an error, and with what a client must know besides.
pub(super) fn with_status_of(mut answer: Response, error: &Error) -> Response {
    *answer.status_mut() = error.status();
    if let Some(seconds) = error.retry_after() {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Error::UnsupportedEncoding = error {
        answer.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    if let Some(challenge) = challenge(error).and_then(|challenge| HeaderValue::try_from(challenge).ok()) {
        answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    answer
}

/// The way to another page: 303.
pub fn see_other(place: &'static str) -> Response {
    with_header(empty(StatusCode::SEE_OTHER), LOCATION, HeaderValue::from_static(place))
}

/// An answer that says nothing but its status.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::from(Vec::new()));
    *response.status_mut() = status;
    response
}

/// The answer to a request that failed.
pub(super) fn problem(error: &Error, request_id: &RequestId) -> Response {
    with_status_of(respond(error.status(), PROBLEM, problem_document(error, request_id)), error)
}

/// What a client must know to be let in (RFC 6750, 3.1): who sent no token is not told of an error.
fn challenge(error: &Error) -> Option<String> {
    match error {
        Error::TokenMissing | Error::AccessTokenMissing | Error::InvalidCredentials => Some("Bearer".into()),
        Error::TokenWrong | Error::RefreshTokenInvalid => Some("Bearer error=\"invalid_token\"".into()),
        Error::AccessTokenInvalid(fault) => {
            Some(format!("Bearer error=\"invalid_token\", error_description=\"{fault}\""))
        }
        Error::PermissionMissing(permission) => {
            Some(format!("Bearer error=\"insufficient_scope\", scope=\"{permission}\""))
        }
        _ => None,
    }
}

fn respond(status: StatusCode, content_type: HeaderValue, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
