//! The outbox: what waits, what was tried, and how long it took.

use std::collections::BTreeMap;
use std::time::Duration;

use lazy_static::lazy_static;
use prometheus::Gauge;

use super::unix_now;
use super::vectors::{CounterBy, GaugeBy, HistogramBy, counter_by, gauge, gauge_by, histogram_by};
use crate::outbox::Topic;
use crate::values::label::labels;

/// From fifty milliseconds to a day.
const DELIVERY: &[f64] = &[0.05, 0.25, 0.5, 1.5, 5.5, 15.5, 60.5, 300.5, 900.5, 3600.5, 21_600.5, 86_400.5];

labels! {
    /// Where a job stands that is not done.
    pub enum OpenState("state") {
        /// It waits for its time.
        Pending = "pending",
        /// It is being delivered.
        Running = "running",
        /// It failed for good and waits for an operator.
        Dead = "dead",
    }
}

labels! {
    /// How an attempt ended.
    pub enum AttemptOutcome("outcome") {
        /// The job is done.
        Delivered = "delivered",
        /// It will be tried again.
        Retried = "retried",
        /// It is given up.
        Dead = "dead",
    }
}

labels! {
    /// Whether a topic's service is called.
    pub enum CircuitState("state") {
        /// It is.
        Closed = "closed",
        /// It is not: it failed too often.
        Open = "open",
        /// It is called once, to see.
        HalfOpen = "half_open",
    }
}

lazy_static! {
    static ref JOBS: GaugeBy<(Topic, OpenState)> = gauge_by(
        "outbox_jobs",
        "Jobs in the outbox, by topic and state, refreshed in the background; aggregate over instances with max.",
    );
    static ref OLDEST: GaugeBy<Topic> = gauge_by(
        "outbox_oldest_pending_timestamp_seconds",
        "When the oldest pending job was caused, in seconds since the epoch; 0 = nothing pending.",
    );
    static ref ENQUEUED: CounterBy<Topic> = counter_by("outbox_enqueued_total", "Jobs put into the outbox.");
    static ref ATTEMPTS: CounterBy<(Topic, AttemptOutcome)> =
        counter_by("outbox_attempts_total", "Attempts at jobs, by outcome.");
    static ref LATENCY: HistogramBy<Topic> =
        histogram_by("outbox_delivery_latency_seconds", "Time from the cause of a job to its delivery.", DELIVERY);
    static ref LAST_POLL: Gauge = gauge(
        "outbox_last_poll_timestamp_seconds",
        "When the outbox was last looked into, in seconds since the epoch; 0 = never.",
    );
    static ref CIRCUIT: GaugeBy<(Topic, CircuitState)> =
        gauge_by("outbox_circuit", "1 for the state of the topic's circuit, 0 for the others.");
}

pub(super) fn init() {
    lazy_static::initialize(&JOBS);
    lazy_static::initialize(&OLDEST);
    lazy_static::initialize(&ENQUEUED);
    lazy_static::initialize(&ATTEMPTS);
    lazy_static::initialize(&LATENCY);
    lazy_static::initialize(&LAST_POLL);
    Topic::ALL.iter().for_each(|topic| outbox_circuit(*topic, CircuitState::Closed));
}

/// How many jobs stand there.
pub fn outbox_jobs(topic: Topic, state: OpenState, jobs: u64) {
    JOBS.at((topic, state)).set(jobs as f64);
}

/// When the oldest pending job was caused, in seconds since the epoch; 0 = nothing pending.
pub fn outbox_oldest_pending(topic: Topic, unix_seconds: f64) {
    OLDEST.at(topic).set(unix_seconds);
}

/// A job was put in.
pub fn outbox_enqueued(topic: Topic) {
    ENQUEUED.at(topic).inc();
}

/// An attempt ended.
pub fn outbox_attempt(topic: Topic, outcome: AttemptOutcome) {
    ATTEMPTS.at((topic, outcome)).inc();
}

/// A job is done, so long after its cause.
pub fn outbox_delivered(topic: Topic, latency: Duration) {
    LATENCY.at(topic).observe(latency.as_secs_f64());
}

/// Somebody looks for jobs.
pub fn outbox_polled() {
    LAST_POLL.set(unix_now());
}

/// The state of a topic's circuit.
pub fn outbox_circuit(topic: Topic, state: CircuitState) {
    for other in CircuitState::ALL {
        CIRCUIT.at((topic, *other)).set(f64::from(*other == state));
    }
}

/// Jobs that wait, by topic, as last counted.
pub(super) fn pending() -> BTreeMap<&'static str, u64> {
    Topic::ALL.iter().map(|topic| (topic.as_str(), JOBS.at((*topic, OpenState::Pending)).get() as u64)).collect()
}
