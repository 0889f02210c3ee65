//! What the log says of a request.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_LENGTH, HeaderMap, USER_AGENT};
use http::request::Parts;
use serde::Serialize;
use slog::{Logger, error, info, warn};

use crate::error::{Error, ErrorKind};
use crate::telemetry::logging::{Exception, context};
use crate::values::timestamp::millis;

/// The most that is repeated of a text that the client chose.
const MAX_CLIENT_TEXT: usize = 256;

#[derive(Serialize)]
struct Started<'a> {
    method: &'a str,
    url: Cow<'a, str>,
    client_ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_length: Option<u64>,
}

#[derive(Serialize)]
struct Ended {
    route: &'static str,
    status_code: u16,
    duration_ms: f64,
    response_size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_type: Option<&'static str>,
}

#[derive(Serialize)]
struct Refused {
    client_ip: IpAddr,
    status_code: u16,
    error_type: &'static str,
}

#[derive(Serialize)]
struct PutOff {
    client_ip: IpAddr,
    count: u64,
}

#[derive(Serialize)]
struct Cancelled {
    route: &'static str,
    duration_ms: f64,
}

pub(super) fn started(log: &Logger, head: &Parts, client_ip: IpAddr) {
    info!(log, "Request started"; "context" => context(Started {
        method: clipped(head.method.as_str()),
        url: shown_url(head),
        client_ip,
        user_agent: header(&head.headers, USER_AGENT).map(clipped),
        content_length: header(&head.headers, CONTENT_LENGTH).and_then(|length| length.parse().ok()),
    }));
}

pub(super) fn ended(
    log: &Logger,
    route: &'static str,
    status: StatusCode,
    took: Duration,
    size: u64,
    failure: Option<&Error>,
) {
    let error_type = failure.map(|error| error.code().as_str());
    let ended =
        Ended { route, status_code: status.as_u16(), duration_ms: millis(took), response_size: size, error_type };
    match failure {
        Some(failure) if failure.code().kind() != ErrorKind::Expected => {
            let exception = Exception::named(failure.code().as_str(), failure);
            error!(log, "Request failed"; "exception" => exception, "context" => context(ended));
        }
        Some(_) if status.is_server_error() => warn!(log, "Request completed"; "context" => context(ended)),
        _ => info!(log, "Request completed"; "context" => context(ended)),
    }
}

pub(super) fn cancelled(log: &Logger, route: &'static str, took: Duration) {
    info!(log, "Request cancelled"; "context" => context(Cancelled { route, duration_ms: millis(took) }));
}

pub(super) fn refused(log: &Logger, client_ip: IpAddr, error: &Error) {
    let (status_code, error_type) = (error.status().as_u16(), error.code().as_str());
    info!(log, "Request refused"; "context" => context(Refused { client_ip, status_code, error_type }));
}

/// So many requests were made to wait and refused since the last such line; this client's was one of them.
pub(super) fn put_off(log: &Logger, client_ip: IpAddr, count: u64) {
    warn!(log, "Requests refused of clients that do not wait"; "context" => context(PutOff { client_ip, count }));
}

/// The path, without what may be private: the query, and any segment with an address in it.
fn shown_url(head: &Parts) -> Cow<'_, str> {
    let path = clipped(head.uri.path());
    let private = |segment: &str| segment.contains('@') || segment.contains("%40");
    if path.split('/').any(private) {
        let shown: Vec<&str> = path.split('/').map(|segment| if private(segment) { "***" } else { segment }).collect();
        return Cow::Owned(shown.join("/"));
    }
    Cow::Borrowed(path)
}

fn header(headers: &HeaderMap, name: http::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn clipped(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_CLIENT_TEXT)]
}
