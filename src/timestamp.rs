//! Time as clients and logs read it: points in RFC 3339, UTC, with microseconds; durations in milliseconds.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

const FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// For `#[serde(with = "timestamp")]`.
///
/// # Errors
/// Only where a year has more than four digits.
pub fn serialize<S: Serializer>(time: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    let text = time.to_offset(time::UtcOffset::UTC).format(FORMAT).map_err(serde::ser::Error::custom)?;
    serializer.serialize_str(&text)
}

/// For `#[serde(with = "timestamp")]`.
///
/// # Errors
/// When it is not a time in RFC 3339.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OffsetDateTime, D::Error> {
    let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
    OffsetDateTime::parse(&text, &Rfc3339).map_err(serde::de::Error::custom)
}

/// The same as text.
pub fn rfc3339(time: OffsetDateTime) -> String {
    let utc = time.to_offset(time::UtcOffset::UTC);
    utc.format(FORMAT).unwrap_or_else(|_| utc.to_string())
}

/// For `#[serde(serialize_with = "timestamp::option::serialize")]`: a point in time that may not be known.
pub mod option {
    use serde::Serializer;
    use time::OffsetDateTime;

    /// See [`super::serialize`].
    ///
    /// # Errors
    /// Only where a year has more than four digits.
    pub fn serialize<S: Serializer>(time: &Option<OffsetDateTime>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::serialize(time, serializer),
            None => serializer.serialize_none(),
        }
    }
}

/// A duration in milliseconds, exact to a microsecond.
pub fn millis(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    #[derive(serde::Serialize)]
    struct At(#[serde(with = "super")] time::OffsetDateTime);

    #[test]
    fn it_is_utc_with_microseconds() {
        let at = At(datetime!(2026-11-22 08:31:02.000120999 +01:00));
        assert_eq!(serde_json::to_string(&at).unwrap(), "\"2026-11-22T07:31:02.000120Z\"");
    }
}
