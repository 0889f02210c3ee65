//! Which language somebody who registers is written to in.

use http::header::{ACCEPT_LANGUAGE, HeaderMap};
use schemars::json_schema;

use super::form::Registration;
use super::repeat::IdempotencyKey;
use crate::error::Result;
use crate::http::{FromHead, Parameter, Request, Takes};
use crate::language::Language;
use crate::values::accept;

/// What the head of a registration says.
pub struct RegistrationHead {
    /// Whether it may be sent again.
    pub key: IdempotencyKey,
    /// What whoever registers reads, as browsers say it (RFC 9110, 12.5.4).
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
        let key = IdempotencyKey::from_head(request)?;
        Ok(RegistrationHead { key, accept_language: accept_language(&request.head.headers) })
    }
}

fn accept_language(headers: &HeaderMap) -> String {
    let lines = headers.get_all(ACCEPT_LANGUAGE).iter().filter_map(|line| line.to_str().ok());
    lines.collect::<Vec<_>>().join(",")
}

impl Registration {
    /// Without a language that was asked for in so many words, it is the best of what is read.
    #[must_use]
    pub fn in_best_language(mut self, accept_language: &str, available: &[Language]) -> Self {
        self.locale = self.locale.or_else(|| accept::language(accept_language, available).cloned());
        self
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn all_lines_of_the_header_count() {
        let mut headers = HeaderMap::new();
        assert_eq!(accept_language(&headers), "");
        for line in [&b"fr;q=0.9"[..], b"\xff", b"de"] {
            headers.append(ACCEPT_LANGUAGE, HeaderValue::from_bytes(line).unwrap());
        }
        assert_eq!(accept_language(&headers), "fr;q=0.9,de");
    }
}
