//! The id of a request.

use std::fmt;

use http::HeaderValue;
use uuid::Uuid;

const LENGTH: usize = uuid::fmt::Hyphenated::LENGTH;

/// A UUID in its hyphenated form (RFC 9562): the client's own where `X-Request-ID` holds one, letter by letter, so that
/// both sides can search for the same text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId([u8; LENGTH]);

impl RequestId {
    /// Takes what the client sent if it is a UUID, and makes a new one otherwise.
    pub fn from_header(header: Option<&HeaderValue>, random: [u8; 16]) -> Self {
        header.and_then(|value| Self::parse(value.as_bytes())).unwrap_or_else(|| Self::new(random))
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let text: [u8; LENGTH] = text.try_into().ok()?;
        Uuid::try_parse_ascii(&text).ok().map(|_| RequestId(text))
    }

    fn new(random: [u8; 16]) -> Self {
        let mut text = [0; LENGTH];
        uuid::Builder::from_random_bytes(random).into_uuid().hyphenated().encode_lower(&mut text);
        RequestId(text)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl slog::Value for RequestId {
    fn serialize(&self, _: &slog::Record<'_>, key: slog::Key, serializer: &mut dyn slog::Serializer) -> slog::Result {
        serializer.emit_str(key, self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(text: &str) -> String {
        RequestId::from_header(HeaderValue::from_str(text).ok().as_ref(), [7; 16]).to_string()
    }

    #[test]
    fn a_uuid_is_kept_letter_by_letter() {
        for text in ["01234567-89ab-cdef-0123-456789abcdef", "01234567-89AB-CDEF-0123-456789ABCDEF"] {
            assert_eq!(id(text), text);
        }
    }

    #[test]
    fn anything_else_is_replaced() {
        for text in [
            "",
            "1",
            "0123456789abcdef0123456789abcdef",
            "{01234567-89ab-cdef-0123-456789abcdef}",
            "x1234567-89ab-cdef-0123-456789abcdef",
        ] {
            assert_eq!(id(text), "07070707-0707-4707-8707-070707070707", "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_the_id_is_a_uuid(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let header = HeaderValue::from_bytes(&bytes).ok();
            prop_assert!(Uuid::try_parse(RequestId::from_header(header.as_ref(), [7; 16]).as_str()).is_ok());
        }
    }
}
