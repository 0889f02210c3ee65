//! Figures as people read them.

use std::time::Duration;

use time::OffsetDateTime;

/// Nothing to say.
pub(super) const NONE: &str = "–";

/// A count, with commas between thousands.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with what is counted: `1 job`, `2 jobs`.
pub(super) fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A rate for a minute: `0`, `0.2`, `12`.
pub(super) fn rate(per_minute: f64) -> String {
    match per_minute {
        none if none < 0.05 => (if none > 0.0 { "< 0.1" } else { "0" }).into(),
        few if few < 9.95 => format!("{few:.1}").trim_end_matches(".0").into(),
        many => count(many.round() as u64),
    }
}

/// A part of a whole: never `100 %` of what lacks something, never `0 %` of what has something.
pub(super) fn share(part: f64) -> String {
    let percent = part * 100.0;
    match percent {
        little if little > 0.0 && little < 0.1 => "< 0.1 %".into(),
        nearly if nearly < 100.0 && nearly > 99.9 => "> 99.9 %".into(),
        some => format!("{} %", format!("{some:.1}").trim_end_matches(".0")),
    }
}

/// A duration that somebody waits: `8 ms`, `1.2 s`.
pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        short if short < 0.9995 => format!("{:.0} ms", short * 1000.0),
        short if short < 9.95 => format!("{short:.1} s"),
        long => age(Duration::from_secs_f64(long)),
    }
}

/// How long ago this was.
pub(super) fn since(time: OffsetDateTime) -> Duration {
    (OffsetDateTime::now_utc() - time).try_into().unwrap_or_default()
}

/// How long something has gone on, in its two largest units: `42 s`, `12 min`, `3 h 10 min`, `2 days 5 h`.
pub(super) fn age(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let with_rest =
        |whole: String, rest: u64, unit: &str| if rest == 0 { whole } else { format!("{whole} {rest} {unit}") };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => with_rest(format!("{hours} h"), minutes % 60, "min"),
        (days, hours, _) => with_rest(counted(days, "day"), hours % 24, "h"),
    }
}

/// A size: `300 bytes`, `16 KiB`, `1 MiB`.
pub(super) fn size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let fits = units.into_iter().find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit));
    fits.map_or_else(|| counted(bytes, "byte"), |(unit, name)| format!("{} {name}", bytes / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_rates_are_as_people_write_them() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([counted(1, "job"), counted(1200, "job")], ["1 job", "1,200 jobs"]);
        assert_eq!(
            [0.0, 0.01, 0.2, 3.0, 9.94, 9.96, 1234.4].map(rate),
            ["0", "< 0.1", "0.2", "3", "9.9", "10", "1,234"]
        );
    }

    #[test]
    fn a_share_does_not_round_away_what_matters() {
        let shares = [0.0, 0.0004, 0.015, 0.5, 0.9994, 0.99999, 1.0].map(share);
        assert_eq!(shares, ["0 %", "< 0.1 %", "1.5 %", "50 %", "> 99.9 %", "> 99.9 %", "100 %"]);
    }

    #[test]
    fn durations_and_sizes_have_units_that_fit() {
        assert_eq!([0.0004, 0.25, 0.9996, 1.24, 75.0].map(seconds), ["0 ms", "250 ms", "1.0 s", "1.2 s", "1 min"]);
        let ages = [0, 59, 60, 3600, 11_400, 86_400, 190_800].map(|seconds| age(Duration::from_secs(seconds)));
        assert_eq!(ages, ["0 s", "59 s", "1 min", "1 h", "3 h 10 min", "1 day", "2 days 5 h"]);
        assert_eq!([1, 300, 16_384, 1 << 20].map(size), ["1 byte", "300 bytes", "16 KiB", "1 MiB"]);
    }
}
