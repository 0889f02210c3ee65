//! How long something takes, as people count.

use std::time::Duration;

use serde::Serialize;

/// A number of seconds, minutes, hours or days. Templates have the words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Length {
    /// How many.
    pub count: u64,
    /// Of what: `second`, `minute`, `hour` or `day`.
    pub unit: &'static str,
}

/// Each unit in seconds, and how many of it there have to be: a day is 24 hours, and two days are two days.
const UNITS: [(u64, u64, &str); 3] = [(86_400, 2, "day"), (3600, 1, "hour"), (60, 1, "minute")];

impl Length {
    /// All of it, in the greatest unit of which it is a whole number.
    pub fn exact(duration: Duration) -> Self {
        let seconds = duration.as_secs().max(1);
        let fits = UNITS.into_iter().find(|(unit, least, _)| seconds.is_multiple_of(*unit) && seconds >= unit * least);
        fits.map_or(Length { count: seconds, unit: "second" }, |(unit, _, name)| Length {
            count: seconds / unit,
            unit: name,
        })
    }

    /// No less than this, in few digits: who waits for so long has waited enough.
    pub fn at_least(duration: Duration) -> Self {
        Self::exact(Duration::from_secs(duration.as_secs().next_multiple_of(coarse(duration))))
    }

    /// No more than this, in few digits: so long ago it was at least.
    pub fn at_most(duration: Duration) -> Self {
        let unit = coarse(duration);
        Self::exact(Duration::from_secs(duration.as_secs() / unit * unit))
    }
}

/// The unit in which nobody misses what is below it, in seconds.
fn coarse(duration: Duration) -> u64 {
    match duration.as_secs() {
        0..=90 => 1,
        91..=5400 => 60,
        5401..=172_799 => 3600,
        _ => 86_400,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(length: Length) -> String {
        format!("{} {}", length.count, length.unit)
    }

    #[test]
    fn a_wait_is_rounded_up_and_an_age_down() {
        for (seconds, at_least, at_most) in [
            (0, "1 second", "1 second"),
            (1, "1 second", "1 second"),
            (60, "1 minute", "1 minute"),
            (61, "61 second", "61 second"),
            (91, "2 minute", "1 minute"),
            (599, "10 minute", "9 minute"),
            (600, "10 minute", "10 minute"),
            (3601, "61 minute", "1 hour"),
            (5401, "2 hour", "1 hour"),
            (86_400, "24 hour", "24 hour"),
            (172_799, "2 day", "47 hour"),
            (172_801, "3 day", "2 day"),
        ] {
            let duration = Duration::from_secs(seconds);
            assert_eq!(
                (said(Length::at_least(duration)), said(Length::at_most(duration))),
                (at_least.into(), at_most.into())
            );
        }
    }
}
