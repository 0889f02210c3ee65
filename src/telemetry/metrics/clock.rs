//! The service's clock, and how it stands to others.

use lazy_static::lazy_static;
use prometheus::{Gauge, IntCounter};

use super::unix_now;
use super::vectors::{GaugeBy, counter, gauge, gauge_by};
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

lazy_static! {
    static ref CLOCK: Gauge = gauge("clock_timestamp_seconds", "The service's own clock, in seconds since the epoch.");
    static ref JUMPS: IntCounter =
        counter("clock_jumps_total", "Jumps of the service's clock by more than a minute, forth or back.");
    static ref DIFFERENCE: GaugeBy<ClockReference> = gauge_by(
        "clock_difference_seconds",
        "How far the service's clock is ahead of another, behind if negative; of the uptime, until a jump is believed.",
    );
}

pub(super) fn init() {
    lazy_static::initialize(&JUMPS);
    lazy_static::initialize(&DIFFERENCE);
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
