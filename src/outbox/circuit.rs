//! The circuit of a topic: a service that fails again and again is left alone, and asked now and then whether it is back.

use std::time::Duration;

use tokio::time::Instant;

use crate::telemetry::metrics::CircuitState;

/// So many failures in a row open the circuit.
const THRESHOLD: u32 = 5;
/// So long the service is left alone before it is asked again.
const REST: Duration = Duration::from_secs(3);

/// What may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permit {
    /// Whatever there is.
    Free,
    /// One job, to see.
    Probe,
    /// Nothing.
    Wait,
}

/// The state of one topic.
#[derive(Debug)]
pub(super) struct Circuit {
    failures: u32,
    state: CircuitState,
    /// Nothing is sent before.
    not_before: Option<Instant>,
}

impl Circuit {
    pub(super) fn new() -> Self {
        Circuit { failures: 0, state: CircuitState::Closed, not_before: None }
    }

    pub(super) fn state(&self) -> CircuitState {
        self.state
    }

    pub(super) fn permit(&self, now: Instant) -> Permit {
        match self.state {
            _ if self.not_before.is_some_and(|instant| now < instant) => Permit::Wait,
            CircuitState::Closed => Permit::Free,
            CircuitState::Open => Permit::Probe,
            CircuitState::HalfOpen => Permit::Wait,
        }
    }

    /// A probe is on its way.
    pub(super) fn probing(&mut self) {
        self.state = CircuitState::HalfOpen;
    }

    /// The service answered. Returns whether it had been left alone.
    pub(super) fn answered(&mut self) -> bool {
        let was_closed = self.state == CircuitState::Closed;
        *self = Circuit { not_before: self.not_before.filter(|_| was_closed), ..Circuit::new() };
        !was_closed
    }

    /// The service was not asked after all: if this was the probe, another one is due.
    pub(super) fn unasked(&mut self) {
        if self.state == CircuitState::HalfOpen {
            self.state = CircuitState::Open;
        }
    }

    /// The service is out of order. Returns whether this is what opened the circuit.
    pub(super) fn failed(&mut self, now: Instant) -> bool {
        self.fail(now, 1)
    }

    /// The same, of a fault that is the same for every job until somebody mends it: one is enough.
    pub(super) fn is_misconfigured(&mut self, now: Instant) -> bool {
        self.fail(now, THRESHOLD)
    }

    fn fail(&mut self, now: Instant, failures: u32) -> bool {
        self.failures = self.failures.saturating_add(failures);
        let was_closed = self.state == CircuitState::Closed;
        if self.failures < THRESHOLD && was_closed {
            return false;
        }
        self.state = CircuitState::Open;
        self.pause(now + REST);
        was_closed
    }

    /// The service asked for a pause.
    pub(super) fn pause(&mut self, until: Instant) {
        self.not_before = self.not_before.max(Some(until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(now: Instant) -> Circuit {
        let mut circuit = Circuit::new();
        let opened: Vec<bool> = (0..THRESHOLD).map(|_| circuit.failed(now)).collect();
        assert_eq!(opened, [false, false, false, false, true]);
        circuit
    }

    #[test]
    fn it_opens_after_failures_in_a_row_only() {
        let (mut circuit, now) = (Circuit::new(), Instant::now());
        for _ in 0..100 {
            (1..THRESHOLD).for_each(|_| assert!(!circuit.failed(now)));
            assert!(!circuit.answered());
        }
        assert_eq!(circuit.permit(now), Permit::Free);
    }

    #[test]
    fn what_somebody_has_to_mend_opens_it_at_once() {
        let (mut circuit, now) = (Circuit::new(), Instant::now());
        assert!(circuit.is_misconfigured(now));
        assert_eq!(circuit.permit(now), Permit::Wait);
        assert!(!circuit.is_misconfigured(now + REST));
        assert_eq!(circuit.permit(now + REST * 2), Permit::Probe);
    }

    #[test]
    fn it_rests_then_probes_with_one_job() {
        let now = Instant::now();
        let mut circuit = opened(now);
        assert_eq!(circuit.permit(now), Permit::Wait);
        assert_eq!(circuit.permit(now + REST), Permit::Probe);
        circuit.probing();
        assert_eq!(circuit.permit(now + REST), Permit::Wait);
    }

    #[test]
    fn a_probe_that_fails_opens_it_again_and_one_that_succeeds_closes_it() {
        let now = Instant::now();
        let mut circuit = opened(now);
        circuit.probing();
        assert!(!circuit.failed(now + REST));
        assert_eq!(circuit.permit(now + REST), Permit::Wait);
        assert_eq!(circuit.permit(now + REST * 2), Permit::Probe);
        circuit.probing();
        assert!(circuit.answered());
        assert_eq!(circuit.permit(now + REST * 2), Permit::Free);
    }

    #[test]
    fn a_probe_that_asked_nobody_leads_to_another() {
        let now = Instant::now();
        let mut circuit = opened(now);
        circuit.probing();
        circuit.unasked();
        assert_eq!(circuit.permit(now + REST), Permit::Probe);
    }

    #[test]
    fn a_pause_that_was_asked_for_is_kept() {
        let (mut circuit, now) = (Circuit::new(), Instant::now());
        circuit.pause(now + REST * 9);
        circuit.pause(now + REST);
        circuit.answered();
        assert_eq!(circuit.permit(now + REST * 8), Permit::Wait);
        assert_eq!(circuit.permit(now + REST * 9), Permit::Free);
    }
}
