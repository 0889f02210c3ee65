//! The id of a request.

use std::fmt;

use http::HeaderValue;

use crate::telemetry::errors::MAX_REQUEST_ID_BYTES;

/// Bytes of the longest id that is kept: twice what proxies make (a UUID, 32 hexadecimal digits, addresses with ports).
const MAX_LENGTH: usize = 128;
/// What an id may have besides letters and digits. All of it can stand in a log, a header and a shell as it is: no quote, no
/// bracket, no white space, nothing that ends a command.
const PUNCTUATION: &[u8] = b"-._~:/#@+=,";

const _: () = assert!(MAX_LENGTH <= MAX_REQUEST_ID_BYTES, "the samples of an error are found by the id");

/// The client's own id where `X-Request-ID` holds one, letter by letter, so that both sides, and every proxy between, can
/// search for the same text; else a random UUID (RFC 9562).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId {
    text: [u8; MAX_LENGTH],
    length: u8,
}

impl RequestId {
    /// Takes what the client sent if it can be an id, and makes a new one otherwise.
    pub fn from_header(header: Option<&HeaderValue>, random: [u8; 16]) -> Self {
        let given = header.map(HeaderValue::as_bytes).filter(|text| is_id(text));
        given.and_then(Self::of).unwrap_or_else(|| Self::new(random))
    }

    /// A UUID made of these bytes.
    pub fn new(random: [u8; 16]) -> Self {
        let mut text = [0; MAX_LENGTH];
        let uuid = uuid::Builder::from_random_bytes(random).into_uuid();
        let length = uuid.hyphenated().encode_lower(&mut text).len() as u8;
        RequestId { text, length }
    }

    fn of(id: &[u8]) -> Option<Self> {
        let (mut text, length) = ([0; MAX_LENGTH], u8::try_from(id.len()).ok()?);
        text.get_mut(..id.len())?.copy_from_slice(id);
        Some(RequestId { text, length })
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..usize::from(self.length)]).unwrap_or_default()
    }
}

/// An `@` may be a digit, as in the ids of Apache's mod_unique_id. Before a full stop it makes an email address, which no log
/// shall hold.
fn is_id(text: &[u8]) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || PUNCTUATION.contains(byte);
    let after_at = text.iter().skip_while(|byte| **byte != b'@');
    (1..=MAX_LENGTH).contains(&text.len()) && text.iter().all(is_allowed) && !after_at.into_iter().any(|b| *b == b'.')
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

    const NEW: &str = "07070707-0707-4707-8707-070707070707";

    fn id(text: &str) -> String {
        RequestId::from_header(HeaderValue::from_bytes(text.as_bytes()).ok().as_ref(), [7; 16]).to_string()
    }

    #[test]
    fn what_proxies_make_is_kept_letter_by_letter() {
        for text in [
            // Envoy, Traefik; nginx; AWS; Kong; HAProxy; Apache; Heroku, and whoever counts.
            "01234567-89ab-cdef-0123-456789abcdef",
            "01234567-89AB-CDEF-0123-456789ABCDEF",
            "a84dca1eb3ba9ab6b4a4b0f11d9e2a7c",
            "Root=1-67891233-abcdef012345678912345678",
            "e44ea8bc-4c20-4b8e-9b4e-1c6a1a0d9f0e#17",
            "7F000001:8296_7F00001E:1F90_4F7B0A69_0003:790E",
            "Z@kxeH8AAQEAAAGkB8sAA@AA",
            "dGhpcyBpcyBhbiBpZA+/Ew==",
            "1",
        ] {
            assert_eq!(id(text), text);
        }
        assert_eq!(id(&"x".repeat(128)), "x".repeat(128));
    }

    #[test]
    fn anything_else_is_replaced() {
        let long = "x".repeat(129);
        for text in [
            "",
            " ",
            "a b",
            "{evil}",
            "a\"b",
            "a'b",
            "a\\b",
            "a;b",
            "$(a)",
            "<b>",
            "a\tb",
            "ä",
            "ada@example.com",
            &long,
        ] {
            assert_eq!(id(text), NEW, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_the_id_is_short_and_plain(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let header = HeaderValue::from_bytes(&bytes).ok();
            let id = RequestId::from_header(header.as_ref(), [7; 16]);
            prop_assert!((1..=MAX_LENGTH).contains(&id.as_str().len()));
            let risky = |byte: u8| !byte.is_ascii_graphic() || b"\"'`\\;&|<>(){}[]$*?!".contains(&byte);
            let is_risky = id.as_str().bytes().any(risky);
            prop_assert!(!is_risky, "{}", id);
            prop_assert!(id.as_str() == NEW || id.as_str().as_bytes() == bytes);
        }
    }
}
