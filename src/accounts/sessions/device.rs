//! What a user signs in with, as it says itself.

use http::header::USER_AGENT;

use crate::error::Result;
use crate::http::{FromHead, Request, Takes};
use crate::text::is_control;
use crate::values::Personal;

/// What is kept of the header, in characters.
const LONGEST: usize = 256;

/// The `User-Agent` of a request, for the user to tell sessions apart.
#[derive(Clone, Debug, Default)]
pub struct Device(pub Option<Personal>);

impl FromHead for Device {
    fn takes() -> Takes {
        Takes::default()
    }

    fn from_head(request: &Request) -> Result<Self> {
        let text = request.head.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        Ok(Device(text.and_then(shown)))
    }
}

fn shown(text: &str) -> Option<Personal> {
    let text: String = text.chars().filter(|character| !is_control(*character)).take(LONGEST).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_says_of_itself_is_kept_short_and_printable() {
        assert_eq!(shown(" Firefox/140\t ").unwrap().expose(), "Firefox/140");
        assert_eq!(shown(&"x".repeat(999)).unwrap().expose().len(), LONGEST);
        assert_eq!(shown("\u{7}  "), None);
    }
}
