//! HTTP: requests, connections, and what was refused.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use prometheus::{Gauge, Histogram, HistogramVec, IntCounter, IntCounterVec};
use serde::Serialize;

use super::declare::{CounterBy, HistogramBy, metrics};
use super::registry::SIZE;
use crate::label::labels;

labels! {
    /// Where requests come in.
    pub enum Listener("listener") {
        /// For clients.
        Api = "api",
        /// For operators.
        Operations = "operations",
    }
}

labels! {
    /// The method of a request that its route serves; HEAD counts as GET. All that no route serves is `other`.
    pub enum MethodLabel("method") {
        /// GET, and HEAD.
        Get = "GET",
        /// POST
        Post = "POST",
        /// PUT
        Put = "PUT",
        /// PATCH
        Patch = "PATCH",
        /// DELETE
        Delete = "DELETE",
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

/// Every endpoint has these: each one more is a series for all of them. The longest is that of a request that is cut.
const ANSWER: &[f64] = &[0.005, 0.025, 0.05, 0.1, 0.25, 0.5, 1.5, 5.5, 15.5];

/// The series that the time of an endpoint has: buckets, the one for all, the sum, the count.
pub(super) const SERIES_OF_TIME: usize = ANSWER.len() + 3;

metrics! { init;
    REQUESTS: IntCounterVec = "http_requests_total" ["method", "route", "code"], "Requests answered, by method, route template (or `unmatched`) and status code. HEAD counts as GET; a method that the route does not serve as `other`.";
    DURATION: HistogramVec = "http_request_duration_seconds" ["method", "route"] in ANSWER, "Time from the head of a request to its answer, whatever it is. What no route serves is `other` and `unmatched`.";
    IN_FLIGHT: Gauge = "http_requests_in_flight", "Requests being answered now.";
    REQUEST_SIZE: Histogram = "http_request_size_bytes" in SIZE, "Size of request bodies as received, where a route takes one.";
    RESPONSE_SIZE: HistogramBy<Listener> = "http_response_size_bytes" in SIZE, "Size of response bodies, by listener.";
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
    listener: Listener,
    /// Of each method.
    answers: Vec<Answers>,
    other_code: IntCounter,
    cancelled: IntCounter,
    panics: IntCounter,
}

/// The answers to one method.
struct Answers {
    codes: Vec<(u16, IntCounter)>,
    duration: Histogram,
}

impl RouteMetrics {
    /// Creates the series of a route: for each method that it serves, those of its codes, and of `refusals` for all others.
    pub fn new(listener: Listener, route: &'static str, served: &[(MethodLabel, Vec<u16>)], refusals: &[u16]) -> Self {
        let count = |method: MethodLabel, code: &str| REQUESTS.with_label_values(&[method.as_str(), route, code]);
        let answers = |method: &MethodLabel| {
            let codes = served.iter().find(|(served, _)| served == method).map(|(_, codes)| codes.as_slice());
            let (method, of) = codes.map_or((MethodLabel::Other, "unmatched"), |_| (*method, route));
            let codes = codes.unwrap_or(refusals).iter().map(|code| (*code, count(method, &code.to_string())));
            Answers { codes: codes.collect(), duration: DURATION.with_label_values(&[method.as_str(), of]) }
        };
        RouteMetrics {
            listener,
            answers: MethodLabel::ALL.iter().map(answers).collect(),
            other_code: count(MethodLabel::Other, "other"),
            cancelled: CANCELLED.with_label_values(&[route]),
            panics: PANICS.with_label_values(&[route]),
        }
    }

    /// A request was answered.
    pub fn completed(&self, method: MethodLabel, code: u16, took: Duration, response_bytes: u64) {
        let answers = &self.answers[method as usize];
        let counter = answers.codes.iter().find(|(known, _)| *known == code).map(|(_, counter)| counter);
        debug_assert!(counter.is_some(), "{code} is not among the codes of this route");
        counter.unwrap_or(&self.other_code).inc();
        ANSWERED.fetch_add(1, Relaxed);
        answers.duration.observe(took.as_secs_f64());
        RESPONSE_SIZE.at(self.listener).observe(response_bytes as f64);
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

/// A request's body was read, or announced.
pub fn request_body(bytes: usize) {
    REQUEST_SIZE.observe(bytes as f64);
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
