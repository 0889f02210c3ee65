//! Which pages of other origins may read answers (CORS, <https://fetch.spec.whatwg.org/#http-cors-protocol>). It binds browsers;
//! everybody else is kept out by what they have to show. No page of another origin sends cookies along: the API reads none.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};

use super::response::{Response, empty};
use crate::config::WebOrigin;

/// What a page may send beside what every page may.
const REQUEST_HEADERS: HeaderValue =
    HeaderValue::from_static("Authorization, Content-Type, If-Match, Idempotency-Key, X-Request-ID, traceparent");
/// What a page may read beside what every page may.
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "Allow, ETag, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-ID",
);
/// What there is to ask of a path where nothing is: the page is to read that.
pub(super) const ANY_METHOD: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
/// Seconds for which a browser need not ask again: the most that Chromium takes.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// The pages that may.
pub(super) struct Cors {
    origins: Vec<HeaderValue>,
}

impl Cors {
    /// Pages of these origins; `None` where there are none.
    pub(super) fn new(origins: &[WebOrigin]) -> Option<Self> {
        let origins: Vec<_> = origins.iter().flat_map(|origin| HeaderValue::try_from(origin.to_string())).collect();
        (!origins.is_empty()).then_some(Cors { origins })
    }

    /// The origin of a request, if it is one of these.
    pub(super) fn origin_of(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        self.origins.iter().find(|allowed| *allowed == origin).cloned()
    }

    /// Lets the page read the answer. An answer to another request has to be asked for anew, and not taken from a cache.
    pub(super) fn add_headers(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
        headers.append(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        }
    }
}

/// Whether a browser asks for a page what it may send.
pub(super) fn is_preflight(head: &Parts) -> bool {
    head.method == Method::OPTIONS && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// What a page may send to a path that serves these methods.
pub(super) fn preflight(methods: HeaderValue) -> Response {
    let mut response = empty(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    response
}
