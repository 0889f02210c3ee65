//! What every answer about health begins with.

use serde::Serialize;
use time::OffsetDateTime;

use crate::build;
use crate::values::timestamp;

#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct Head {
    pub(super) status: &'static str,
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    pub(super) timestamp: OffsetDateTime,
    pub(super) version: &'static str,
}

impl Head {
    pub(super) fn new(status: &'static str) -> Self {
        Head { status, timestamp: OffsetDateTime::now_utc(), version: build::INFO.version }
    }
}
