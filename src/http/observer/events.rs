//! What happens to requests.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_LENGTH, HeaderMap, USER_AGENT};
use http::request::Parts;
use serde::Serialize;
use slog::Logger;

use crate::error::{Error, ErrorKind};
use crate::fairness::ClientKey;
use crate::http::{Context, RequestId};
use crate::redaction::is_address;
use crate::telemetry::Event;
use crate::telemetry::errors::{self, Occurrence};
use crate::telemetry::logging::{Exception, context, error, info, warn};
use crate::telemetry::metrics::{self, MethodLabel, RejectReason, RouteMetrics};
use crate::values::timestamp::millis;

/// The most that is repeated of a text that the client chose.
const MAX_CLIENT_TEXT: usize = 256;

#[derive(Serialize)]
struct Started<'a> {
    method: &'a str,
    url: Cow<'a, str>,
    client_ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<Cow<'a, str>>,
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

/// A request has come.
pub(super) struct RequestStarted<'a> {
    pub(super) head: &'a Parts,
    pub(super) client_ip: IpAddr,
}

/// A request is answered.
pub(super) struct RequestEnded<'a> {
    pub(super) context: &'a Context,
    pub(super) route: &'static str,
    pub(super) method: MethodLabel,
    pub(super) metrics: &'a RouteMetrics,
    pub(super) status: StatusCode,
    pub(super) size: u64,
    pub(super) took: Duration,
    pub(super) failure: Option<&'a Error>,
}

/// The client went away before its request was answered.
pub(super) struct RequestCancelled<'a> {
    pub(super) route: &'static str,
    pub(super) metrics: &'a RouteMetrics,
    pub(super) took: Duration,
}

/// A request is refused that was not looked at.
pub(super) struct RequestRefused<'a> {
    pub(super) request_id: &'a RequestId,
    pub(super) client_ip: IpAddr,
    pub(super) error: &'a Error,
}

/// So many requests were made to wait and refused since the last such line; this client's was one of them.
pub(super) struct RequestsPutOff {
    pub(super) client_ip: IpAddr,
    pub(super) count: u64,
}

impl Event for RequestStarted<'_> {
    fn emit(self, log: &Logger) {
        let RequestStarted { head, client_ip } = self;
        info!(log, "Request started"; "context" => context(Started {
            method: clipped(head.method.as_str()),
            url: shown_url(head),
            client_ip,
            user_agent: header(&head.headers, USER_AGENT).map(clipped).map(without_addresses),
            content_length: header(&head.headers, CONTENT_LENGTH).and_then(|length| length.parse().ok()),
        }));
    }
}

impl Event for RequestEnded<'_> {
    /// A failure is an error here, with its causes, unless it was one before.
    fn emit(self, log: &Logger) {
        let RequestEnded { route, status, took, failure, size, .. } = self;
        self.metrics.completed(self.method, status.as_u16(), took, size);
        if let Some(failure) = failure {
            self.record(failure);
            if let Some(reason) = reject_reason(failure) {
                metrics::request_rejected(reason);
            }
        }
        let error_type = failure.map(|error| error.code().as_str());
        let (status_code, duration_ms) = (status.as_u16(), millis(took));
        let ended = context(Ended { route, status_code, duration_ms, response_size: size, error_type });
        match failure.filter(|failure| failure.code().kind() != ErrorKind::Expected) {
            Some(_) if self.context.is_error_told() => warn!(log, "Request failed"; "context" => ended),
            Some(failure) => {
                let exception = Exception::named(failure.code().as_str(), failure);
                error!(log, "Request failed"; "exception" => exception, "context" => ended);
            }
            None if failure.is_some() && status.is_server_error() => {
                warn!(log, "Request completed"; "context" => ended);
            }
            None => info!(log, "Request completed"; "context" => ended),
        }
    }
}

impl RequestEnded<'_> {
    fn record(&self, error: &Error) {
        let context = self.context;
        let known = context.subject();
        // A monitor that looks and gets nothing is no user.
        let is_of_a_user = known.is_some() || self.method != MethodLabel::Get;
        let subject = known.unwrap_or_else(|| context.client.to_string().into());
        if self.status.is_server_error() && is_of_a_user {
            metrics::request_failed(&subject);
        }
        errors::record(&Occurrence {
            code: error.code(),
            error,
            subject: Some(&subject),
            user_id: context.user_id(),
            request_id: Some(context.request_id.as_str()),
            trace_id: Some(&context.trace.trace_id().to_string()),
            route: self.route,
            step: context.step(),
        });
    }
}

impl Event for RequestCancelled<'_> {
    fn emit(self, log: &Logger) {
        self.metrics.cancelled();
        let (route, duration_ms) = (self.route, millis(self.took));
        info!(log, "Request cancelled"; "context" => context(Cancelled { route, duration_ms }));
    }
}

impl RequestRefused<'_> {
    /// Records it without a line: there may be very many.
    pub(super) fn record(&self) {
        let (request_id, client) = (Some(self.request_id.as_str()), ClientKey::from(self.client_ip).to_string());
        if self.error.status().is_server_error() {
            metrics::request_failed(&client);
        }
        let subject = Some(client.as_str());
        errors::record(&Occurrence {
            subject,
            request_id,
            ..Occurrence::of(self.error.code(), self.error, "unmatched")
        });
    }
}

impl Event for RequestRefused<'_> {
    fn emit(self, log: &Logger) {
        self.record();
        let (status_code, error_type) = (self.error.status().as_u16(), self.error.code().as_str());
        let client_ip = self.client_ip;
        info!(log, "Request refused"; "context" => context(Refused { client_ip, status_code, error_type }));
    }
}

impl Event for RequestsPutOff {
    fn emit(self, log: &Logger) {
        let RequestsPutOff { client_ip, count } = self;
        info!(log, "Requests refused of clients that do not wait"; "context" => context(PutOff { client_ip, count }));
    }
}

fn reject_reason(error: &Error) -> Option<RejectReason> {
    match error {
        Error::BodyTooLarge { .. } => Some(RejectReason::BodyTooLarge),
        Error::BodyTimeout(_) | Error::Timeout(_) => Some(RejectReason::Timeout),
        Error::Overloaded { .. } => Some(RejectReason::Overload),
        Error::RateLimited { .. } => Some(RejectReason::RateLimited),
        Error::MalformedRequest(_) => Some(RejectReason::Malformed),
        _ => None,
    }
}

/// The path, without what may be private: the query, and any segment with an address in it.
fn shown_url(head: &Parts) -> Cow<'_, str> {
    let path = clipped(head.uri.path());
    if path.split('/').any(is_address) {
        let shown: Vec<&str> =
            path.split('/').map(|segment| if is_address(segment) { "***" } else { segment }).collect();
        return Cow::Owned(shown.join("/"));
    }
    Cow::Borrowed(path)
}

/// Clients that want to be reached write an address there.
fn without_addresses(text: &str) -> Cow<'_, str> {
    match text.contains('@') {
        true => Cow::Owned(
            text.split(' ').map(|word| if word.contains('@') { "***" } else { word }).collect::<Vec<_>>().join(" "),
        ),
        false => Cow::Borrowed(text),
    }
}

fn header(headers: &HeaderMap, name: http::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn clipped(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_CLIENT_TEXT)]
}
