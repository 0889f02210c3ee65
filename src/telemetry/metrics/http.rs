//! HTTP: requests, connections, and what was refused.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use prometheus::{Gauge, Histogram, HistogramVec, IntCounter, IntCounterVec};
use serde::Serialize;

use super::declare::{CounterBy, metrics};
use super::registry::{LATENCY, SIZE};
use crate::label::labels;

labels! {
    /// The method of a request: the seven standard ones, or `other` for anything a client may invent.
    pub enum MethodLabel("method") {
        /// GET
        Get = "GET",
        /// HEAD
        Head = "HEAD",
        /// POST
        Post = "POST",
        /// PUT
        Put = "PUT",
        /// PATCH
        Patch = "PATCH",
        /// DELETE
        Delete = "DELETE",
        /// OPTIONS
        Options = "OPTIONS",
        /// Anything else.
        Other = "other",
    }
}

labels! {
    /// How a connection began or ended.
    pub enum ConnectionResult("result") {
        /// It was accepted.
        Accepted = "accepted",
        /// It was closed at once: too many connections are open.
        Rejected = "rejected",
        /// It was closed while idle, for one more that had no place.
        GaveWay = "gave_way",
        /// Its client did not take an answer in time.
        Unread = "unread",
        /// Accepting it, or serving it, met an I/O or protocol error.
        IoError = "io_error",
    }
}

labels! {
    /// Why a request was refused before a handler could answer it.
    pub enum RejectReason("reason") {
        /// Its body was larger than the limit.
        BodyTooLarge = "body_too_large",
        /// Its head, its body or its answer took longer than the limit.
        Timeout = "timeout",
        /// Too many requests, or too long a queue for password hashing.
        Overload = "overload",
        /// It was not HTTP, its head was too large, or it had no valid `Host`.
        Malformed = "malformed",
        /// Its client sent too many.
        RateLimited = "rate_limited",
    }
}

metrics! { init;
    REQUESTS: IntCounterVec = "http_requests_total" ["method", "route", "code"], "Requests answered, by method, route template (or `unmatched`) and status code.";
    DURATION: HistogramVec = "http_request_duration_seconds" ["method", "route", "status_class"] in LATENCY, "Time from the head of a request to its answer. HEAD counts as GET; what is refused at the door (401, 404, 405, 421) as `other` and `unmatched`.";
    IN_FLIGHT: Gauge = "http_requests_in_flight", "Requests being answered now.";
    REQUEST_SIZE: HistogramVec = "http_request_size_bytes" ["route"] in SIZE, "Size of request bodies as received, where a route takes one.";
    RESPONSE_SIZE: HistogramVec = "http_response_size_bytes" ["route"] in SIZE, "Size of response bodies.";
    CONNECTIONS: Gauge = "http_connections", "Connections open now, on both listeners.";
    CONNECTION_RESULTS: CounterBy<ConnectionResult> = "http_connections_total", "Connections by result; one accepted can end in an I/O error as well.";
    REJECTED: CounterBy<RejectReason> = "http_requests_rejected_total", "Requests refused to protect the service, by reason.";
    CANCELLED: IntCounterVec = "http_requests_cancelled_total" ["route"], "Requests whose client went away before the answer, by route.";
    PANICS: IntCounterVec = "http_handler_panics_total" ["route"], "Panics of a handler, answered with 500, by route.";
}

/// The sum of all `http_requests_total`, without a walk over them.
static ANSWERED: AtomicU64 = AtomicU64::new(0);

/// The series of one route, resolved once, so that a request hashes no label.
pub struct RouteMetrics {
    codes: Vec<Vec<(u16, IntCounter)>>,
    other_code: IntCounter,
    durations: Vec<[Option<Histogram>; 6]>,
    refused: Histogram,
    request_size: Option<Histogram>,
    response_size: Histogram,
    cancelled: IntCounter,
    panics: IntCounter,
}

impl RouteMetrics {
    /// Creates the series of a route: those of `codes` for each method in `served`, and `refusals` for the others.
    pub fn new(route: &'static str, served: &[MethodLabel], codes: &[u16], refusals: &[u16]) -> Self {
        let produced = |method: &MethodLabel| if served.contains(method) { codes } else { refusals };
        let count = |method: &MethodLabel, code: &str| REQUESTS.with_label_values(&[method.as_str(), route, code]);
        // 401 and 403 are said at the door, as is everything about a method that is not served.
        let handled = |method: &MethodLabel, code: u16| served.contains(method) && !matches!(code, 401 | 403);
        let duration = |method: &MethodLabel, class: u16| {
            let method = if *method == MethodLabel::Head { MethodLabel::Get } else { *method };
            DURATION.with_label_values(&[method.as_str(), route, class_name(class)])
        };
        RouteMetrics {
            codes: MethodLabel::ALL
                .iter()
                .map(|method| produced(method).iter().map(|code| (*code, count(method, &code.to_string()))).collect())
                .collect(),
            other_code: count(&MethodLabel::Other, "other"),
            durations: MethodLabel::ALL
                .iter()
                .map(|method| {
                    let mut classes = [const { None }; 6];
                    for class in codes.iter().filter(|code| handled(method, **code)).map(|code| code / 100) {
                        classes[usize::from(class)] = Some(duration(method, class));
                    }
                    classes
                })
                .collect(),
            refused: DURATION.with_label_values(&[MethodLabel::Other.as_str(), "unmatched", class_name(4)]),
            request_size: served.iter().any(has_body).then(|| REQUEST_SIZE.with_label_values(&[route])),
            response_size: RESPONSE_SIZE.with_label_values(&[route]),
            cancelled: CANCELLED.with_label_values(&[route]),
            panics: PANICS.with_label_values(&[route]),
        }
    }

    /// A request was answered.
    pub fn completed(&self, method: MethodLabel, code: u16, took: Duration, response_bytes: u64) {
        let counter = self.codes[method as usize].iter().find(|(known, _)| *known == code).map(|(_, counter)| counter);
        debug_assert!(counter.is_some(), "{code} is not among the codes of this route");
        counter.unwrap_or(&self.other_code).inc();
        ANSWERED.fetch_add(1, Relaxed);
        let duration = self.durations[method as usize].get(usize::from(code / 100)).and_then(Option::as_ref);
        duration.unwrap_or(&self.refused).observe(took.as_secs_f64());
        self.response_size.observe(response_bytes as f64);
    }

    /// A request's body was read.
    pub fn request_body(&self, bytes: usize) {
        if let Some(size) = &self.request_size {
            size.observe(bytes as f64);
        }
    }

    /// The client went away before the answer.
    pub fn cancelled(&self) {
        self.cancelled.inc();
    }

    /// A handler panicked.
    pub fn panicked(&self) {
        self.panics.inc();
    }
}

fn has_body(method: &MethodLabel) -> bool {
    matches!(method, MethodLabel::Post | MethodLabel::Put | MethodLabel::Patch)
}

fn class_name(class: u16) -> &'static str {
    match class {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

/// Counts one request in flight for as long as it lives, however it ends.
pub struct InFlight(());

impl InFlight {
    /// Begins counting.
    pub fn enter() -> Self {
        IN_FLIGHT.inc();
        InFlight(())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        IN_FLIGHT.dec();
    }
}

/// Counts one open connection for as long as it lives.
pub struct OpenConnection(());

impl OpenConnection {
    /// Begins counting.
    pub fn enter() -> Self {
        CONNECTION_RESULTS.at(ConnectionResult::Accepted).inc();
        CONNECTIONS.inc();
        OpenConnection(())
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        CONNECTIONS.dec();
    }
}

/// A connection ended, or could not begin, with `result`.
pub fn connection_result(result: ConnectionResult) {
    CONNECTION_RESULTS.at(result).inc();
}

/// A connection was closed at once because too many are open.
pub fn connection_refused() {
    connection_result(ConnectionResult::Rejected);
}

/// A request was refused.
pub fn request_rejected(reason: RejectReason) {
    REJECTED.at(reason).inc();
}

/// Requests on both listeners.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Requests {
    /// Those that were answered.
    pub answered: u64,
    /// Those that are being answered, this one too.
    pub in_flight: u64,
}

/// Requests answered and in flight.
pub(super) fn requests() -> Requests {
    Requests { answered: ANSWERED.load(Relaxed), in_flight: IN_FLIGHT.get() as u64 }
}
