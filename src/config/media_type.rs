//! What a body is, as `Content-Type` says it (RFC 9110, 8.3).

use std::fmt;

/// A type and its subtype, without parameters, in small letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType(String);

impl MediaType {
    /// Reads one; parameters (`; charset=utf-8`) do not count.
    pub fn parse(text: &str) -> Option<Self> {
        let essence = text.split(';').next()?.trim().to_ascii_lowercase();
        let is_token = |part: &str| {
            let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
            !part.is_empty() && part.bytes().all(is_allowed)
        };
        essence.split_once('/').is_some_and(|(kind, of)| is_token(kind) && is_token(of)).then_some(MediaType(essence))
    }

    /// Whether this is the other, or, with JSON, one that is written in it (`application/problem+json`).
    pub fn includes(&self, other: &MediaType) -> bool {
        self == other || (self.0 == "application/json" && other.0.ends_with("+json"))
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_case_do_not_count() {
        let json = MediaType::parse("application/json").unwrap();
        for text in ["Application/JSON; charset=utf-8", "application/json", "application/problem+json;x"] {
            assert!(json.includes(&MediaType::parse(text).unwrap()), "{text}");
        }
        for text in ["text/html", "application/jsonp"] {
            assert!(!json.includes(&MediaType::parse(text).unwrap()), "{text}");
        }
    }

    #[test]
    fn what_is_no_media_type_is_none() {
        for text in ["", "json", "/json", "text/", "a b/c", "text/html, text/plain", "é/x"] {
            assert_eq!(MediaType::parse(text), None, "{text}");
        }
    }
}
