//! Which language somebody who registers is written to in.

use schemars::json_schema;

use super::form::Registration;
use super::repeat::IdempotencyKey;
use crate::error::Result;
use crate::http::{FromHead, Parameter, Request, Takes, accept_language};
use crate::language::Language;
use crate::values::accept;

/// What the head of a registration says.
pub struct RegistrationHead {
    /// Whether it may be sent again.
    pub key: IdempotencyKey,
    /// What whoever registers reads.
    pub accept_language: String,
}

impl FromHead for RegistrationHead {
    fn takes() -> Takes {
        let about = "What whoever registers reads. Emails to a user without a `locale` are in the best of these that there are \
                     emails in.";
        let mut takes = IdempotencyKey::takes();
        takes.headers.push(Parameter::new("Accept-Language", about, json_schema!({ "type": "string" })));
        takes
    }

    fn from_head(request: &Request) -> Result<Self> {
        let accept_language = accept_language(&request.head.headers);
        Ok(RegistrationHead { key: IdempotencyKey::from_head(request)?, accept_language })
    }
}

impl Registration {
    /// Without a language that was asked for in so many words, it is the best of what is read.
    #[must_use]
    pub fn in_best_language(mut self, accept_language: &str, available: &[Language]) -> Self {
        self.locale = self.locale.or_else(|| accept::language(accept_language, available).cloned());
        self
    }
}
