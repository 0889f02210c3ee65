//! What time it is, and how sure that is.
//!
//! A wall clock can be set, also wrongly. So that nothing is lost to one that is wrong for a while, what is stored is stamped
//! with the latest time that it may be ([`now`]), and what is removed or given up for its age is found by the earliest
//! ([`earliest`]). The two are the same for as long as the wall clock agrees with the other clocks: that of the machine's
//! uptime, which nobody can set and which goes on while the machine sleeps (`CLOCK_BOOTTIME`), that of the database's
//! server, and at the start the newest rows.

mod opinions;
mod timeout;

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use slog::Logger;
use time::OffsetDateTime;
use tokio::time::MissedTickBehavior;

pub use self::opinions::BELIEVED_AFTER;
use self::opinions::{Interval, Opinions, Reading};
pub use self::timeout::timeout;
use crate::telemetry::logging::{context, info, warn};
use crate::telemetry::metrics::{self, ClockReference};

/// Between two looks when nobody asks for the time.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

static OPINIONS: LazyLock<Mutex<Opinions>> = LazyLock::new(|| Mutex::new(Opinions::new(read())));

/// The time to stamp with: the latest that it may be.
pub fn now() -> OffsetDateTime {
    look(&mut opinions()).latest
}

/// The time to remove and to give up by: the earliest that it may be.
pub fn earliest() -> OffsetDateTime {
    look(&mut opinions()).earliest
}

/// At the start, tells when the newest row was stored, and the newest of those that were stored [`BELIEVED_AFTER`] before it
/// or earlier. Where that is suspiciously long ago, or the last rows came suspiciously long after all others, as they do
/// while a clock is wrong, [`earliest`] goes for an hour by the row that is returned.
pub fn start_after(newest: OffsetDateTime, before: Option<OffsetDateTime>) -> Option<OffsetDateTime> {
    opinions().start_after(newest, before, read())
}

/// Tells what the time is by the database's server, which was asked then, and has just answered. It may have looked at its clock
/// at any moment between: the clocks differ by the least that this leaves open, also where the answer was slow.
pub fn compare(database: OffsetDateTime, asked: Instant) {
    let (reading, took) = (read(), asked.elapsed());
    opinions().compare(database, reading);
    let difference = least_difference(reading.wall - database, took);
    metrics::clock_difference(ClockReference::Database, difference.as_seconds_f64());
}

/// What is left of a difference that may be too great by so much.
fn least_difference(at_most: time::Duration, uncertain: Duration) -> time::Duration {
    let at_least = at_most - uncertain;
    if at_least.is_positive() { at_least } else { at_most.min(time::Duration::ZERO) }
}

/// Looks also when nobody asks, and tells of jumps, until it is dropped.
pub async fn watch(log: Logger) {
    let mut ticks = tokio::time::interval(LOOK_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut told, mut in_doubt) = (0, false);
    loop {
        ticks.tick().await;
        let jumps = {
            let mut opinions = opinions();
            look(&mut opinions);
            opinions.jumps()
        };
        if jumps.count > told {
            (told, in_doubt) = (jumps.count, true);
            warn!(log, "The clock jumped: nothing is removed or given up by it until it is back, or an hour has passed";
                "context" => context(json!({ "by_seconds": jumps.last.as_seconds_f64() })));
        }
        if in_doubt && !jumps.is_open {
            in_doubt = false;
            info!(log, "The clock is trusted again");
        }
    }
}

fn opinions() -> MutexGuard<'static, Opinions> {
    OPINIONS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn look(opinions: &mut Opinions) -> Interval {
    let before = opinions.jumps().count;
    let interval = opinions.look(read());
    metrics::clock_jumped(opinions.jumps().count - before);
    metrics::clock_difference(ClockReference::Uptime, opinions.ahead_of_uptime().as_seconds_f64());
    interval
}

fn read() -> Reading {
    let uptime = clock_gettime(ClockId::Boottime);
    let nanos = i32::try_from(uptime.tv_nsec).unwrap_or_default();
    Reading { wall: OffsetDateTime::now_utc(), uptime: time::Duration::new(uptime.tv_sec, nanos) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_is_no_difference() {
        let least = |at_most: i64, took| least_difference(time::Duration::seconds(at_most), Duration::from_secs(took));
        assert_eq!(least(7, 0), time::Duration::seconds(7));
        assert_eq!(least(7, 8), time::Duration::ZERO, "the answer alone was on its way for longer");
        assert_eq!(least(600, 8), time::Duration::seconds(592));
        assert_eq!(least(-600, 8), time::Duration::seconds(-600), "the server is ahead however late it looked");
    }
}
