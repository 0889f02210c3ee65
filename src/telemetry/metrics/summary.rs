//! A few figures for those who look at one page.

use std::collections::BTreeMap;

use serde::Serialize;

use super::http::Requests;
use super::{errors, http, registration, sign_in};

/// What the service has done since it was started.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Summary {
    /// Requests on both listeners.
    pub requests: Requests,
    /// Registrations that ended, by outcome.
    pub registrations: BTreeMap<&'static str, u64>,
    /// Sign-ins that ended, by outcome.
    pub sign_ins: BTreeMap<&'static str, u64>,
    /// Errors, by kind.
    pub errors: BTreeMap<&'static str, u64>,
}

/// The figures, as of now. Costs microseconds.
pub fn summary() -> Summary {
    Summary {
        requests: http::requests(),
        registrations: registration::by_outcome(),
        sign_ins: sign_in::by_outcome(),
        errors: errors::by_kind(),
    }
}
