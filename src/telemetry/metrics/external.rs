//! Calls to services outside.

use std::time::Duration;

use lazy_static::lazy_static;
use prometheus::Gauge;

use super::vectors::{CounterBy, GaugeBy, HistogramBy, counter_by, gauge_by, histogram_by};
use crate::values::label::{LabelSet, labels};

/// From five milliseconds to a minute.
const CALL: &[f64] = &[0.005, 0.025, 0.05, 0.1, 0.25, 0.5, 1.5, 2.5, 5.5, 10.5, 20.5, 60.5];

labels! {
    /// A service outside.
    pub enum ExternalService("service") {
        /// The mail server.
        Email = "email",
        /// The analytics service.
        Analytics = "analytics",
    }
}

labels! {
    /// What is asked of a service outside.
    pub enum Operation("operation") {
        /// To send a welcome email.
        SendWelcome = "send_welcome",
        /// To take note of a registration.
        TrackRegistration = "track_registration",
        /// The mail server, for a sign of life.
        EmailHealth = "health",
        /// The analytics service, for a sign of life.
        AnalyticsHealth = "health",
    }
}

labels! {
    /// How a call ended.
    pub enum CallOutcome("outcome") {
        /// As it should.
        Success = "success",
        /// With a failure.
        Error = "error",
        /// Without an answer in time.
        Timeout = "timeout",
        /// It was not made: the service fails, and is given a rest.
        CircuitOpen = "circuit_open",
    }
}

impl Operation {
    /// Who is asked.
    pub const fn service(self) -> ExternalService {
        match self {
            Operation::SendWelcome | Operation::EmailHealth => ExternalService::Email,
            Operation::TrackRegistration | Operation::AnalyticsHealth => ExternalService::Analytics,
        }
    }
}

/// An operation with its service: no service is counted for what it is never asked.
#[derive(Clone, Copy)]
struct Call(Operation);

impl LabelSet for Call {
    fn names() -> Vec<&'static str> {
        vec!["service", "operation"]
    }

    fn all() -> Vec<Self> {
        Operation::ALL.iter().copied().map(Call).collect()
    }

    fn index(self) -> usize {
        self.0 as usize
    }

    fn values(self) -> Vec<&'static str> {
        vec![self.0.service().as_str(), self.0.as_str()]
    }
}

lazy_static! {
    static ref CALLS: CounterBy<(Call, CallOutcome)> =
        counter_by("external_service_calls_total", "Calls to services outside, by outcome.");
    static ref DURATION: HistogramBy<(Call, CallOutcome)> =
        histogram_by("external_service_duration_seconds", "Time of a call to a service outside.", CALL);
    static ref IN_FLIGHT: GaugeBy<ExternalService> =
        gauge_by("external_service_calls_in_flight", "Calls to services outside that have not ended.");
}

pub(super) fn init() {
    lazy_static::initialize(&CALLS);
    lazy_static::initialize(&DURATION);
    lazy_static::initialize(&IN_FLIGHT);
}

/// A call ended.
pub fn external_call(operation: Operation, outcome: CallOutcome, took: Duration) {
    CALLS.at((Call(operation), outcome)).inc();
    DURATION.at((Call(operation), outcome)).observe(took.as_secs_f64());
}

/// A call was not made, to spare a service that fails.
pub fn external_call_spared(operation: Operation) {
    CALLS.at((Call(operation), CallOutcome::CircuitOpen)).inc();
}

/// Counts a call in flight for as long as it lives.
pub struct CallInFlight(&'static Gauge);

impl CallInFlight {
    /// Begins counting.
    pub fn enter(service: ExternalService) -> Self {
        let gauge = IN_FLIGHT.at(service);
        gauge.inc();
        CallInFlight(gauge)
    }
}

impl Drop for CallInFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
