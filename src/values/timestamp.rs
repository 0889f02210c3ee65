//! Time as clients and logs read it: points in RFC 3339, UTC, with microseconds; durations in milliseconds.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serializer};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

const FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// The year 10000, in seconds since the epoch: RFC 3339 has no form for it.
const END: i64 = 253_402_300_800;

/// The present.
pub fn now() -> impl Display {
    humantime::format_rfc3339_micros(SystemTime::now().max(UNIX_EPOCH))
}

/// A point in time.
struct Point(OffsetDateTime);

impl Display for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // humantime takes a fifth of the time of time's own formats, but knows these years only.
        if (0..END).contains(&self.0.unix_timestamp()) {
            return humantime::format_rfc3339_micros(self.0.into()).fmt(formatter);
        }
        let utc = self.0.to_offset(time::UtcOffset::UTC);
        utc.format(FORMAT).unwrap_or_else(|_| utc.to_string()).fmt(formatter)
    }
}

/// The form of a point in time, for `#[schemars(with = "timestamp::Moment")]`.
pub struct Moment;

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// For `#[serde(with = "timestamp")]`.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(time: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Point(*time))
}

/// For `#[serde(with = "timestamp")]`.
///
/// # Errors
/// When it is not a time in RFC 3339.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OffsetDateTime, D::Error> {
    let text = Cow::<'_, str>::deserialize(deserializer)?;
    OffsetDateTime::parse(&text, &Rfc3339).map_err(serde::de::Error::custom)
}

/// The same as text.
pub fn rfc3339(time: OffsetDateTime) -> String {
    Point(time).to_string()
}

/// For `#[serde(serialize_with = "timestamp::option::serialize")]`: a point in time that may not be known.
pub mod option {
    use serde::Serializer;
    use time::OffsetDateTime;

    /// See [`super::serialize`].
    ///
    /// # Errors
    /// Those of the serializer.
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

    #[test]
    fn years_that_are_seldom_seen_have_their_form_too() {
        assert_eq!(super::rfc3339(datetime!(1969-12-31 23:59:59.5 UTC)), "1969-12-31T23:59:59.500000Z");
        assert_eq!(super::rfc3339(datetime!(9999-12-31 23:59:59.999999 UTC)), "9999-12-31T23:59:59.999999Z");
    }
}
