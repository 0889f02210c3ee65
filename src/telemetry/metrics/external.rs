//! Calls to services outside.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::proto::Metric;
use prometheus::{Gauge, Histogram, HistogramVec, IntCounter, IntCounterVec};

use super::asked::Asked;
use super::declare::{GaugeBy, metrics};
use crate::label::labels;

/// From five milliseconds to a minute.
const CALL: &[f64] = &[0.005, 0.025, 0.05, 0.1, 0.25, 0.5, 1.5, 2.5, 5.5, 10.5, 20.5, 60.5];

/// The operation of the checks of a service's health.
pub const HEALTH: &str = "health";

labels! {
    /// A service outside.
    pub enum ExternalService("service") {
        /// The mail server.
        Email = "email",
        /// The analytics service.
        Analytics = "analytics",
        /// The service that knows passwords from data breaches.
        BreachedPasswords = "breached_passwords",
        /// The endpoints of webhooks.
        Webhook = "webhook",
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

metrics! { init;
    CALLS: IntCounterVec = "external_service_calls_total" ["service", "operation", "outcome"], "Calls to services outside, by outcome.";
    DURATION: HistogramVec = "external_service_duration_seconds" ["service", "operation"] in CALL, "Time of a call to a service outside, however it ended.";
    IN_FLIGHT: GaugeBy<ExternalService> = "external_service_calls_in_flight", "Calls to services outside that have not ended.";
}

/// The series of one operation of a service, resolved once.
pub struct Calls {
    service: ExternalService,
    operation: &'static str,
    counts: Vec<IntCounter>,
    duration: Histogram,
}

impl Calls {
    /// Creates the series of what is asked of this service.
    pub fn new(service: ExternalService, operation: &'static str) -> Self {
        let labels = |outcome: &CallOutcome| [service.as_str(), operation, outcome.as_str()];
        Calls {
            service,
            operation,
            counts: CallOutcome::ALL.iter().map(|outcome| CALLS.with_label_values(&labels(outcome))).collect(),
            duration: DURATION.with_label_values(&[service.as_str(), operation]),
        }
    }

    /// Who is asked.
    pub fn service(&self) -> ExternalService {
        self.service
    }

    /// What is asked.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// Counts a call in flight for as long as what this returns lives.
    pub fn enter(&self) -> CallInFlight {
        let gauge = IN_FLIGHT.at(self.service);
        gauge.inc();
        CallInFlight(gauge)
    }

    /// A call ended.
    pub fn ended(&self, outcome: CallOutcome, took: Duration) {
        self.counts[outcome as usize].inc();
        self.duration.observe(took.as_secs_f64());
    }

    /// A call was not made, to spare a service that fails.
    pub fn spared(&self) {
        self.counts[CallOutcome::CircuitOpen as usize].inc();
    }
}

/// What was asked of a service. Checks of its health do not count, and calls that were not made do not either.
pub(super) fn asked(service: ExternalService) -> Asked {
    let families = CALLS.collect();
    let calls = families.iter().flat_map(|family| family.get_metric());
    let of_service =
        calls.filter(|call| label(call, "service") == service.as_str() && label(call, "operation") != HEALTH);
    of_service.fold(Asked::default(), |Asked { times, failed }, call| {
        let calls = call.get_counter().value() as u64;
        match label(call, "outcome") {
            outcome if outcome == CallOutcome::CircuitOpen.as_str() => Asked { times, failed },
            outcome if outcome == CallOutcome::Success.as_str() => Asked { times: times + calls, failed },
            _ => Asked { times: times + calls, failed: failed + calls },
        }
    })
}

fn label<'a>(call: &'a Metric, name: &str) -> &'a str {
    call.get_label().iter().find(|label| label.name() == name).map_or("", |label| label.value())
}

/// A call in flight.
pub struct CallInFlight(&'static Gauge);

impl Drop for CallInFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
