//! When something happened, in digits: each language writes a day in its own order.

use serde::Serialize;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

/// A minute, in UTC. All have their leading zeros.
#[derive(Debug, Serialize)]
pub struct Minute {
    /// `2026`
    pub year: String,
    /// `03`
    pub month: String,
    /// `07`
    pub day: String,
    /// `08:31`
    pub time: String,
}

impl Minute {
    /// The one in which this is.
    pub fn of(time: OffsetDateTime) -> Self {
        let at = time.to_offset(UtcOffset::UTC);
        Minute {
            year: format!("{:04}", at.year()),
            month: format!("{:02}", u8::from(at.month())),
            day: format!("{:02}", at.day()),
            time: at.format(format_description!("[hour]:[minute]")).unwrap_or_default(),
        }
    }
}
