//! Time stamps: taken by the caller as a number, written out by the log thread.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const NANOS_PER_SECOND: u64 = 1_000_000_000;
/// The length of `2026-01-31T08:31:02`.
const SECONDS_LENGTH: usize = 19;

/// Nanoseconds since the epoch.
pub(super) fn now() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
}

/// A moment as decimal text, without allocation.
pub(super) struct Stamp {
    digits: [u8; 20],
    length: usize,
}

impl Stamp {
    pub(super) fn new(nanos: u64) -> Stamp {
        let mut digits = [0; 20];
        let mut rest = nanos;
        let mut start = digits.len();
        while rest > 0 || start == digits.len() {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        digits.copy_within(start.., 0);
        Stamp { digits, length: 20 - start }
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.digits[..self.length]).unwrap_or_default()
    }
}

/// Writes stamps as RFC 3339 in UTC with microseconds; the calendar is asked once a second.
#[derive(Default)]
pub(super) struct Clock {
    second: Option<u64>,
    text: Vec<u8>,
}

impl Clock {
    /// `2026-01-31T08:31:02.123456Z` for a stamp; for anything else, now.
    pub(super) fn write(&mut self, stamp: &str) -> &str {
        let nanos = stamp.parse().unwrap_or_else(|_| now());
        let second = nanos / NANOS_PER_SECOND;
        if self.second != Some(second) {
            self.text = calendar(second);
            self.second = Some(second);
        }
        self.text.truncate(SECONDS_LENGTH);
        let micros = nanos % NANOS_PER_SECOND / 1000;
        // Writing to memory cannot fail.
        let _ = write!(self.text, ".{micros:06}Z");
        std::str::from_utf8(&self.text).unwrap_or_default()
    }
}

/// Date and time of a second, in the form of RFC 3339.
fn calendar(second: u64) -> Vec<u8> {
    let moment = i64::try_from(second).ok().and_then(|second| OffsetDateTime::from_unix_timestamp(second).ok());
    moment.and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_default().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_the_number_in_decimal() {
        for nanos in [0, 7, 10, 1_769_848_262_123_456_789, u64::MAX] {
            assert_eq!(Stamp::new(nanos).as_str(), nanos.to_string());
        }
    }

    #[test]
    fn stamps_are_written_in_utc_with_microseconds() {
        let mut clock = Clock::default();
        assert_eq!(clock.write("1769848262123456789"), "2026-01-31T08:31:02.123456Z");
        assert_eq!(clock.write("1769848262000001000"), "2026-01-31T08:31:02.000001Z");
        assert_eq!(clock.write("1769848263000000000"), "2026-01-31T08:31:03.000000Z");
        assert_eq!(clock.write("0"), "1970-01-01T00:00:00.000000Z");
    }
}
