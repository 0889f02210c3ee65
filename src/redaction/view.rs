//! A text as it reads once some of it is undone, with the way back to where each byte came from.

use std::ops::Range;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Bits that belong to no whole byte are left over where a piece is cut out of something longer.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

const BASE64_ESCAPES: &[(&[u8], u8)] = &[
    (b"%2b", b'+'),
    (b"%2f", b'/'),
    (b"%3d", b'='),
    (b"\\u002b", b'+'),
    (b"\\u002f", b'/'),
    (b"\\u003d", b'='),
    (b"\\/", b'/'),
];

pub(super) struct View {
    pub bytes: Vec<u8>,
    /// Where in the text each byte is from.
    origins: Vec<Range<usize>>,
}

impl View {
    /// The text as it is, and with the characters of base64 that are often escaped as themselves. (Any other escape in front
    /// of base64 would take some of it.)
    pub fn all_of(text: &str) -> Vec<View> {
        let mut views = vec![View::decode(text, |_| None)];
        if text.contains(['%', '\\']) {
            views.push(View::decode(text, |rest| {
                let escape = BASE64_ESCAPES.iter().find(|(escape, _)| starts_with_ignoring_case(rest, escape))?;
                Some((vec![escape.1], escape.0.len()))
            }));
        }
        views
    }

    /// The text without its white space, where what was long is folded.
    pub fn unfolded(text: &str) -> View {
        View::decode(text, |rest| rest.first()?.is_ascii_whitespace().then(|| (Vec::new(), 1)))
    }

    /// `unescape` gives the bytes that an escape at the start of a text stands for, and its length.
    fn decode(text: &str, unescape: impl Fn(&[u8]) -> Option<(Vec<u8>, usize)>) -> View {
        let mut view = View { bytes: Vec::with_capacity(text.len()), origins: Vec::with_capacity(text.len()) };
        let mut rest = text.as_bytes();
        while let Some(first) = rest.first() {
            let (bytes, length) = unescape(rest).unwrap_or_else(|| (vec![*first], 1));
            let start = text.len() - rest.len();
            view.origins.extend(bytes.iter().map(|_| start..start + length));
            view.bytes.extend(bytes);
            rest = &rest[length..];
        }
        view
    }

    /// The place of these bytes in the text.
    pub fn in_source(&self, place: Range<usize>) -> Option<Range<usize>> {
        let origins = self.origins.get(place)?;
        Some(origins.first()?.start..origins.last()?.end)
    }

    /// Whatever may be base64 or hexadecimal, read as such from each place at which it may begin, if it is long enough to hold
    /// so many bytes.
    pub fn decoded_runs(&self, bytes: usize) -> Vec<(Range<usize>, Vec<u8>)> {
        let mut decoded = Vec::new();
        let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
        for mut run in self.runs(is_digit).into_iter().filter(|run| 3 * run.len() >= 4 * bytes) {
            let digits: Vec<u8> = self.bytes[run.clone()].iter().map(|byte| standard(*byte)).collect();
            run.end += self.bytes[run.end..].iter().take_while(|byte| **byte == b'=').count();
            let from = |start| decode_base64(digits.get(start..)?);
            decoded.extend((0..4).filter_map(from).map(|bytes| (run.clone(), bytes)));
        }
        for run in self.runs(u8::is_ascii_hexdigit).into_iter().filter(|run| run.len() >= 2 * bytes) {
            let from = |start| decode_hexadecimal(self.bytes[run.clone()].get(start..)?);
            decoded.extend((0..2).filter_map(from).map(|bytes| (run.clone(), bytes)));
        }
        decoded
    }

    /// Digits in a row, as many as there are.
    fn runs(&self, is_digit: impl Fn(&u8) -> bool) -> Vec<Range<usize>> {
        let (mut runs, mut start) = (Vec::new(), 0);
        for run in self.bytes.chunk_by(|a, b| is_digit(a) == is_digit(b)) {
            if run.first().is_some_and(&is_digit) {
                runs.push(start..start + run.len());
            }
            start += run.len();
        }
        runs
    }
}

/// The digit of the usual alphabet for one of the alphabet for URLs.
fn standard(digit: u8) -> u8 {
    match digit {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    }
}

fn decode_base64(digits: &[u8]) -> Option<Vec<u8>> {
    let whole = if digits.len() % 4 == 1 { digits.len() - 1 } else { digits.len() };
    BASE64.decode(&digits[..whole]).ok()
}

fn decode_hexadecimal(digits: &[u8]) -> Option<Vec<u8>> {
    digits.chunks_exact(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn starts_with_ignoring_case(text: &[u8], start: &[u8]) -> bool {
    text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start))
}
