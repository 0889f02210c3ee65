//! A place in the audit trail, as clients hold it between two pages.

use std::fmt;

use time::OffsetDateTime;
use uuid::Uuid;

/// The place of an entry: entries of the same microsecond are told apart by their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// When it happened.
    pub occurred_at: OffsetDateTime,
    /// The entry's id.
    pub id: Uuid,
}

/// Of the microseconds since 1970: so many are a time, whichever they are.
const MOST_DIGITS: usize = 17;
/// Between them and the id.
const BETWEEN: char = '.';

impl Position {
    /// What it looks like.
    pub const PATTERN: &str = r"^[0-9]{1,17}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";

    /// Reads what it shows itself as.
    pub fn parse(text: &str) -> Option<Self> {
        let (micros, id) = text.split_once(BETWEEN)?;
        let is_number = (1..=MOST_DIGITS).contains(&micros.len()) && micros.bytes().all(|digit| digit.is_ascii_digit());
        let nanos = micros.parse::<i128>().ok().filter(|_| is_number)?.checked_mul(1_000)?;
        let occurred_at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
        Some(Position { occurred_at, id: Uuid::parse_str(id).ok()? })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{BETWEEN}{}", self.occurred_at.unix_timestamp_nanos() / 1_000, self.id)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_place_is_read_back_as_it_was_shown() {
        let place = Position { occurred_at: datetime!(2026-11-27 08:43:53.983153 UTC), id: Uuid::nil() };
        let shown = place.to_string();
        assert_eq!(shown, "1795769033983153.00000000-0000-0000-0000-000000000000");
        assert_eq!(Position::parse(&shown), Some(place));
        for wrong in ["", ".", "1", "-1.", "+1.00000000-0000-0000-0000-000000000000", "1.x", &"9".repeat(40)] {
            assert_eq!(Position::parse(wrong), None, "{wrong}");
        }
        let last = |digits| Position::parse(&format!("{}.{}", "9".repeat(digits), Uuid::nil()));
        assert!(last(MOST_DIGITS).is_some() && last(MOST_DIGITS + 1).is_none(), "what fits the pattern is a place");
    }
}
