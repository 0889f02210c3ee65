//! A text as it reads once its escapes are undone, with the way back to where each byte came from.

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

pub(super) struct View {
    pub bytes: Vec<u8>,
    /// Where in the text each byte is from.
    origins: Vec<Range<usize>>,
}

impl View {
    /// The text as it is, percent-decoded (also with `+` for a space, as in forms), and with the escapes of JSON undone (also
    /// where a backslash before one is none, so that it escapes nothing); not those that would show nothing else.
    pub fn all_of(text: &str) -> Vec<View> {
        let mut views = vec![View::decode(text, |_| None)];
        let percent = |rest: &[u8]| (*rest.first()? == b'%').then(|| hexadecimal(rest, 1..3)).flatten();
        let form = |rest: &[u8]| if *rest.first()? == b'+' { Some((vec![b' '], 1)) } else { percent(rest) };
        if text.contains(['%', '+']) {
            views.extend([View::decode(text, percent), View::decode(text, form)]);
        }
        if text.contains('\\') {
            views.extend([View::decode(text, json), View::decode(text, numbered)]);
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

/// The byte with these digits, and the length of its escape.
fn hexadecimal(escape: &[u8], digits: Range<usize>) -> Option<(Vec<u8>, usize)> {
    let length = digits.end;
    Some((decode_hexadecimal(escape.get(digits)?)?, length))
}

/// An escape of JSON, or of a string in some programming language.
fn json(rest: &[u8]) -> Option<(Vec<u8>, usize)> {
    match rest {
        [b'\\', escaped @ (b'"' | b'\\' | b'/' | b'\''), ..] => Some((vec![*escaped], 2)),
        _ => numbered(rest),
    }
}

/// An escape that gives the number of a character.
fn numbered(rest: &[u8]) -> Option<(Vec<u8>, usize)> {
    match rest {
        [b'\\', b'u', ..] => {
            let unit = |at: usize| u16::from_str_radix(std::str::from_utf8(rest.get(at..at + 4)?).ok()?, 16).ok();
            let units = [Some(unit(2)?), rest.get(6..8).filter(|next| next == b"\\u").and_then(|_| unit(8))];
            let (character, length) = match char::decode_utf16(units.into_iter().flatten()).next()?.ok()? {
                character if character.len_utf16() == 2 => (character, 12),
                character => (character, 6),
            };
            Some((character.to_string().into_bytes(), length))
        }
        [b'\\', b'x', ..] => hexadecimal(rest, 2..4),
        _ => None,
    }
}
