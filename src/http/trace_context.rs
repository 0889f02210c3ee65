//! W3C Trace Context: <https://www.w3.org/TR/trace-context/>.

use http::HeaderValue;

/// The trace that a request belongs to, and the span that stands for it here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: Hex<16>,
    span_id: Hex<8>,
    sampled: bool,
}

/// Bytes that are shown in lower-case hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hex<const N: usize>([u8; N]);

impl TraceContext {
    /// Continues the trace of a valid `traceparent` with a span of its own, or begins a new trace.
    pub fn from_header(header: Option<&HeaderValue>, new_trace: [u8; 16], new_span: [u8; 8]) -> Self {
        let incoming = header.and_then(|value| value.to_str().ok()).and_then(parse);
        let (trace_id, sampled) = incoming.unwrap_or((new_trace, false));
        TraceContext { trace_id: Hex(trace_id), span_id: Hex(new_span), sampled }
    }

    /// The trace's id.
    pub fn trace_id(&self) -> Hex<16> {
        self.trace_id
    }

    /// The id of the span that stands for this request.
    pub fn span_id(&self) -> Hex<8> {
        self.span_id
    }

    /// The `traceparent` that a call made for this request carries.
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

/// `version "-" trace-id "-" parent-id "-" flags`: a later version may have more fields, ours may not.
fn parse(text: &str) -> Option<([u8; 16], bool)> {
    let mut fields = text.split('-');
    let version: [u8; 1] = decode(fields.next()?)?;
    let trace_id: [u8; 16] = decode(fields.next()?)?;
    let parent_id: [u8; 8] = decode(fields.next()?)?;
    let flags: [u8; 1] = decode(fields.next()?)?;
    let valid = version != [0xff] && trace_id != [0; 16] && parent_id != [0; 8];
    let known_length = version != [0] || fields.next().is_none();
    (valid && known_length).then_some((trace_id, flags[0] & 1 == 1))
}

/// Exactly `N` bytes of lower-case hexadecimal.
fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

impl<const N: usize> Hex<N> {
    /// The digits. Ids stand in every line: formatting byte by byte costs more than anything else in it.
    fn digits(&self) -> [[u8; 2]; N] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.0.map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0xf)]])
    }
}

impl<const N: usize> std::fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::str::from_utf8(self.digits().as_flattened()).unwrap_or_default())
    }
}

impl<const N: usize> slog::Value for Hex<N> {
    fn serialize(&self, _: &slog::Record<'_>, key: slog::Key, serializer: &mut dyn slog::Serializer) -> slog::Result {
        serializer.emit_str(key, std::str::from_utf8(self.digits().as_flattened()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn traceparent(text: &str) -> String {
        TraceContext::from_header(HeaderValue::from_str(text).ok().as_ref(), [1; 16], [2; 8]).traceparent()
    }

    #[test]
    fn a_trace_is_continued_with_a_span_of_our_own() {
        assert_eq!(traceparent(GIVEN), "00-0af7651916cd43dd8448eb211c80319c-0202020202020202-01");
    }

    #[test]
    fn a_later_version_may_have_more_fields() {
        let later = GIVEN.replacen("00", "cc", 1) + "-what-comes";
        assert_eq!(traceparent(&later), "00-0af7651916cd43dd8448eb211c80319c-0202020202020202-01");
    }

    #[test]
    fn anything_else_begins_a_new_trace() {
        let bad = [
            String::new(),
            GIVEN.to_uppercase(),
            format!("{GIVEN}-more"),
            GIVEN.replacen("00", "ff", 1),
            GIVEN.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            GIVEN.replace("b7ad6b7169203331", &"0".repeat(16)),
            GIVEN.replace('b', "é"),
        ];
        for text in bad {
            assert_eq!(traceparent(&text), "00-01010101010101010101010101010101-0202020202020202-00", "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_the_trace_is_valid(text in "[0-9a-f-]{0,70}") {
            prop_assert!(parse(&traceparent(&text)).is_some());
        }
    }
}
