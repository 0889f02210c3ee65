//! When something happened, for templates.

use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;

use crate::templates::{Length, Minute};

/// A minute, and how long ago that is.
#[derive(Serialize)]
pub(super) struct Moment {
    #[serde(flatten)]
    at: Minute,
    /// Nothing where it is less than a minute.
    ago: Option<Length>,
}

impl Moment {
    pub(super) fn new(time: OffsetDateTime, now: OffsetDateTime) -> Self {
        let since: Duration = (now - time).try_into().unwrap_or_default();
        let ago = (since >= Duration::from_secs(60)).then(|| Length::at_most(since));
        Moment { at: Minute::of(time), ago }
    }
}
