//! When something happened, for templates: they write a day as their language does.

use std::time::Duration;

use serde::Serialize;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use crate::templates::Length;

/// A minute, in UTC.
#[derive(Serialize)]
pub(super) struct Moment {
    /// With all their digits.
    year: String,
    month: String,
    day: String,
    /// `08:31`
    time: String,
    /// How long ago that is; nothing where it is less than a minute.
    ago: Option<Length>,
}

impl Moment {
    pub(super) fn new(time: OffsetDateTime, now: OffsetDateTime) -> Self {
        let at = time.to_offset(UtcOffset::UTC);
        let since: Duration = (now - time).try_into().unwrap_or_default();
        Moment {
            year: format!("{:04}", at.year()),
            month: format!("{:02}", u8::from(at.month())),
            day: format!("{:02}", at.day()),
            time: at.format(format_description!("[hour]:[minute]")).unwrap_or_default(),
            ago: (since >= Duration::from_secs(60)).then(|| Length::at_most(since)),
        }
    }
}
