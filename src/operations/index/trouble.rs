//! Something that is wrong, as the page shows it.

use std::time::Duration;

use serde::Serialize;

use super::failure::{self, Failure};
use crate::config::Config;
use crate::error::ErrorCode;

/// What has not happened for so long may be over.
const OVER: Duration = Duration::from_secs(60);

/// Something that is wrong.
#[derive(Debug, Serialize)]
pub(super) struct Trouble {
    /// `bad` where people are paged for it, else `warn`.
    pub(super) class: &'static str,
    text: String,
    failure: Option<Failure>,
    runbook: &'static str,
    /// Errors of this type have been told with it.
    #[serde(skip)]
    pub(super) tells: Option<ErrorCode>,
}

impl Trouble {
    pub(super) fn new(class: &'static str, runbook: &'static str, text: String) -> Self {
        Trouble { class, text, failure: None, runbook, tells: None }
    }

    pub(super) fn because_of(self, failure: Option<Failure>) -> Self {
        Trouble { failure, ..self }
    }

    /// It tells of what happened within minutes: urgent only while it happens still.
    pub(super) fn while_it_happens(self) -> Self {
        match &self.failure {
            Some(failure) if failure.age() > OVER => Trouble { class: "warn", ..self },
            _ => self,
        }
    }

    pub(super) fn telling(self, code: ErrorCode, config: &Config) -> Self {
        Trouble { tells: Some(code), ..self }.because_of(failure::last(code, config))
    }
}
