//! A secret as it stands in a text: letter by letter, each as it is, percent-encoded, or escaped as in JSON, a programming
//! language or HTML, in either case.

use std::collections::BTreeSet;
use std::ops::Range;

/// How HTML writes its own characters.
const HTML_ENTITIES: &[(char, &str)] =
    &[('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&#39;"), ('\'', "&#x27;")];

/// Where the secret is spelled out, one occurrence after the other.
pub(super) fn spelled(text: &str, secret: &str) -> Vec<Range<usize>> {
    let (text, mut places, mut start) = (text.as_bytes(), Vec::new(), 0);
    while start < text.len() && !secret.is_empty() {
        match end_of(text, start, secret) {
            Some(end) => {
                places.push(start..end);
                start = end;
            }
            None => start += 1,
        }
    }
    places
}

/// Where the secret ends that begins here. After a backslash it may go on in two places, since a backslash may be one or may
/// begin an escape: all of them are followed.
fn end_of(text: &[u8], start: usize, secret: &str) -> Option<usize> {
    let mut ends = BTreeSet::from([start]);
    for letter in secret.chars() {
        ends = ends.iter().flat_map(|at| ends_of_letter(text, *at, letter)).collect();
        if ends.is_empty() {
            return None;
        }
    }
    ends.last().copied()
}

fn ends_of_letter(text: &[u8], at: usize, letter: char) -> impl Iterator<Item = usize> {
    let mut buffer = [0; 4];
    let bytes = letter.encode_utf8(&mut buffer).as_bytes();
    let after = |length: usize, is_it: bool| is_it.then_some(at + length);
    let rest = text.get(at..).unwrap_or_default();
    let plain = rest.get(..bytes.len()).is_some_and(|found| found.eq_ignore_ascii_case(bytes));
    let plus = letter == ' ' && rest.first() == Some(&b'+');
    let entity = HTML_ENTITIES.iter().filter(|(character, _)| *character == letter);
    let entity = entity.map(|(_, entity)| *entity).find(|entity| rest.starts_with(entity.as_bytes()));
    let escaped = "\"'/\\".contains(letter) && rest.starts_with(b"\\") && rest.get(1..2) == Some(bytes);
    [
        after(bytes.len(), plain),
        after(1, plus),
        after(2, escaped),
        entity.map(|entity| at + entity.len()),
        each(rest, b"%", 2, bytes.iter().map(|byte| u16::from(*byte))).map(|length| at + length),
        each(rest, b"\\x", 2, bytes.iter().map(|byte| u16::from(*byte))).map(|length| at + length),
        each(rest, b"\\u", 4, letter.encode_utf16(&mut [0; 2]).iter().copied()).map(|length| at + length),
    ]
    .into_iter()
    .flatten()
}

/// How long it is if the text begins with these units, each as a mark and so many hexadecimal digits.
fn each(text: &[u8], mark: &[u8], digits: usize, units: impl Iterator<Item = u16>) -> Option<usize> {
    let mut length = 0;
    for unit in units {
        let escape = text.get(length..)?.strip_prefix(mark)?.get(..digits)?;
        let number = u16::from_str_radix(std::str::from_utf8(escape).ok()?, 16).ok()?;
        let is_it = number == unit || same_letter(number, unit);
        length = is_it.then_some(length + mark.len() + digits)?;
    }
    Some(length)
}

/// Whether both are the same letter of ASCII, in whatever case.
fn same_letter(one: u16, other: u16) -> bool {
    let lower =
        |unit: u16| u8::try_from(unit).ok().filter(u8::is_ascii_alphabetic).map(|byte| byte.to_ascii_lowercase());
    lower(one).is_some() && lower(one) == lower(other)
}
