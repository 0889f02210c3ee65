//! The service's clock, and how it stands to others.

use prometheus::{Gauge, IntCounter};

use super::declare::{GaugeBy, metrics};
use super::registry::unix_now;
use crate::label::labels;

labels! {
    /// What the clock is held against.
    pub enum ClockReference("reference") {
        /// The uptime of the machine, and what the clock said before it jumped.
        Uptime = "uptime",
        /// The clock of the PostgreSQL server.
        Database = "database",
    }
}

metrics! { touch;
    CLOCK: Gauge = "clock_timestamp_seconds", "The service's own clock, in seconds since the epoch.";
    JUMPS: IntCounter = "clock_jumps_total", "Jumps of the service's clock by more than a minute, forth or back.";
    DIFFERENCE: GaugeBy<ClockReference> = "clock_difference_seconds", "How far the service's clock is ahead of another, behind if negative; of the uptime, until a jump is believed.";
}

pub(super) fn init() {
    touch();
    refresh();
}

pub(super) fn refresh() {
    CLOCK.set(unix_now());
}

/// So many jumps of the clock were seen.
pub fn clock_jumped(jumps: u64) {
    JUMPS.inc_by(jumps);
}

/// How far the clock is ahead of that one, in seconds.
pub fn clock_difference(reference: ClockReference, seconds: f64) {
    DIFFERENCE.at(reference).set(seconds);
}
