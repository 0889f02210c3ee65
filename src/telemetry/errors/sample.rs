//! One occurrence of an error, and what is kept of it.

use std::error::Error;

use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::{ErrorCode, chain_in_words};
use crate::redaction::{clipped, redact};
use crate::telemetry::metrics::CauseClass;
use crate::values::job::Failure;
use crate::values::timestamp;

/// Causes kept of one error, the outermost first.
const MAX_CAUSES: usize = 6;
/// Bytes kept of one cause.
const MAX_CAUSE_BYTES: usize = 240;
/// Bytes kept of a request's id.
pub const MAX_REQUEST_ID_BYTES: usize = 128;
/// Bytes kept of a trace's id: all of it.
const MAX_TRACE_ID_BYTES: usize = 32;
/// What an allocation costs beside its bytes.
const ALLOCATION: usize = 16;

/// The most memory that one sample takes, in bytes.
pub const MAX_SAMPLE_BYTES: usize = size_of::<Sample>()
    + MAX_REQUEST_ID_BYTES
    + MAX_TRACE_ID_BYTES
    + 3 * ALLOCATION
    + MAX_CAUSES * (size_of::<Box<str>>() + MAX_CAUSE_BYTES + ALLOCATION);

/// An error that happened, as the place that met it tells it.
pub struct Occurrence<'a> {
    /// Its type.
    pub code: ErrorCode,
    /// What happened, with its causes.
    pub error: &'a (dyn Error + 'static),
    /// Whom it hit: the user id, the normalised address where there is no user yet, or whoever asked where not even that is
    /// known. Only its hash is kept.
    pub subject: Option<&'a str>,
    /// The user, where there is one.
    pub user_id: Option<Uuid>,
    /// The request that it belongs to.
    pub request_id: Option<&'a str>,
    /// The trace that it belongs to.
    pub trace_id: Option<&'a str>,
    /// The route of the request, or the part of the service that worked by itself.
    pub route: &'static str,
    /// The step at which it happened.
    pub step: Option<&'static str>,
}

impl<'a> Occurrence<'a> {
    /// One that belongs to no request and hit nobody in particular.
    pub fn of(code: ErrorCode, error: &'a (dyn Error + 'static), route: &'static str) -> Self {
        Occurrence { code, error, subject: None, user_id: None, request_id: None, trace_id: None, route, step: None }
    }

    /// The class of its cause, where it is known.
    pub(super) fn class(&self) -> Option<CauseClass> {
        let of_database = self.error.downcast_ref().and_then(crate::error::Error::database_kind);
        let of_delivery = self.error.downcast_ref().map(|failure: &Failure| failure.reason);
        of_database.map(CauseClass::Database).or(of_delivery.map(CauseClass::Delivery))
    }
}

/// What is kept of an occurrence: clipped and redacted.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Sample {
    /// When it was recorded.
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    pub time: OffsetDateTime,
    /// The request that it belongs to.
    pub request_id: Option<Box<str>>,
    /// The trace that it belongs to.
    pub trace_id: Option<Box<str>>,
    /// The user, where there is one.
    pub user_id: Option<Uuid>,
    /// The route of the request, or the part of the service that worked by itself.
    pub route: &'static str,
    /// The step at which it happened.
    pub step: Option<&'static str>,
    /// The class of its cause, where it is known: what `neodyme_error_causes_total` counts it under.
    pub cause: Option<&'static str>,
    /// The error and its causes, outermost first.
    pub chain: Box<[Box<str>]>,
}

impl Sample {
    pub(super) fn of(occurrence: &Occurrence<'_>, time: OffsetDateTime) -> Self {
        let chain = chain_in_words(occurrence.error).take(MAX_CAUSES);
        Sample {
            time,
            // As it is, since it is searched for: what may be an id is decided where a request comes in.
            request_id: occurrence.request_id.map(|id| clipped(id, MAX_REQUEST_ID_BYTES)),
            trace_id: occurrence.trace_id.map(|id| clipped(id, MAX_TRACE_ID_BYTES)),
            user_id: occurrence.user_id,
            route: occurrence.route,
            step: occurrence.step,
            cause: occurrence.class().map(CauseClass::as_str),
            chain: chain.map(|words| redact(&words, MAX_CAUSE_BYTES)).collect(),
        }
    }

    /// The memory that it takes, in bytes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let ids = [&self.request_id, &self.trace_id].into_iter().flatten();
        let texts = ids.chain(&self.chain).map(|text| text.len() + ALLOCATION);
        size_of::<Self>() + ALLOCATION + self.chain.len() * size_of::<Box<str>>() + texts.sum::<usize>()
    }
}
