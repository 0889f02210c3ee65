//! JSON as clients send it: what is JSON is told from what is not, whatever its values are.
//!
//! A number too large for any type, half of a surrogate pair and a value nested a thousand times are JSON (RFC 8259): the
//! field is at fault then, not the document. So a value is only looked at once its field wants it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::{Error, Result};

/// The mark that some systems put before UTF-8, which a reader may ignore (RFC 8259, 8.1).
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Why a value is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotText {
    /// It is no string.
    OtherType,
    /// It has half of a surrogate pair, which is no character.
    Surrogate,
}

/// Reads a body as an object: `each` is given the name and the value of every member, in their order. `false`: the body is
/// JSON, but no object.
///
/// # Errors
/// [`Error::MalformedJson`] with the position, which is counted in bytes and without a byte order mark.
pub fn read_object<'a>(body: &'a [u8], each: impl FnMut(&str, &'a RawValue)) -> Result<bool> {
    let text = text_of(body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body))?;
    let is_object = text.trim_ascii_start().starts_with('{');
    let read = if is_object {
        let mut document = serde_json::Deserializer::from_str(text);
        document.deserialize_map(Members(each)).and_then(|()| document.end())
    } else {
        serde_json::from_str::<IgnoredAny>(text).map(|_| ())
    };
    read.map_err(|error| Error::MalformedJson { line: error.line(), column: error.column() })?;
    Ok(is_object)
}

/// The text of a JSON string.
///
/// # Errors
/// See [`NotText`].
pub fn text(value: &RawValue) -> std::result::Result<Cow<'_, str>, NotText> {
    match value.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        None => Err(NotText::OtherType),
        Some(plain) if !plain.contains('\\') => Ok(Cow::Borrowed(plain)),
        Some(_) => serde_json::from_str(value.get()).map(Cow::Owned).map_err(|_| NotText::Surrogate),
    }
}

/// JSON is UTF-8 (RFC 8259, 8.1), also where nobody reads it.
fn text_of(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Error::MalformedJson { line, column: before.len() - line_start + 1 }
    })
}

struct Members<F>(F);

impl<'de, F: FnMut(&str, &'de RawValue)> Visitor<'de> for Members<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> std::result::Result<(), A::Error> {
        while let Some((name, value)) = members.next_entry::<&RawValue, &RawValue>()? {
            // A name that is no text is none that anybody looks for.
            self.0(&text(name).unwrap_or(Cow::Borrowed("\u{fffd}")), value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Text = std::result::Result<String, NotText>;

    /// The members as name and text.
    fn members(body: &[u8]) -> Result<Option<Vec<(String, Text)>>> {
        let mut members = Vec::new();
        let is_object = read_object(body, |name, value| {
            members.push((name.to_owned(), text(value).map(Cow::into_owned)));
        })?;
        Ok(is_object.then_some(members))
    }

    fn value(json: &str) -> Text {
        let body = format!("{{\"x\": {json} }}");
        let mut members = members(body.as_bytes()).unwrap().unwrap();
        assert_eq!((members.len(), members[0].0.as_str()), (1, "x"), "{json}");
        members.remove(0).1
    }

    fn position(body: &[u8]) -> (usize, usize) {
        match members(body) {
            Err(Error::MalformedJson { line, column }) => (line, column),
            other => panic!("{:?}: {other:?}", String::from_utf8_lossy(body)),
        }
    }

    #[test]
    fn a_text_is_read_with_its_escapes() {
        for (json, text) in
            [(r#""""#, ""), (r#""a b""#, "a b"), (r#""\u0061\"\ud83d\ude00""#, "a\"😀"), ("\"é\u{7f}\"", "é\u{7f}")]
        {
            assert_eq!(value(json).unwrap(), text);
        }
    }

    #[test]
    fn any_value_is_json_whatever_it_holds() {
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        let other = ["1e400", "-1e400", "1E-999", "123456789012345678901234567890", "-0", "0.5", "true", "null", "[]"];
        for json in other.into_iter().chain([r#"{"a": 1e400}"#, "[1e400]", &deep]) {
            assert_eq!(value(json), Err(NotText::OtherType), "{json}");
            assert_eq!(members(json.as_bytes()).unwrap().is_some(), json.starts_with('{'), "{json}");
        }
        for half in [r#""\ud800""#, r#""\udfff""#, r#""\ud800x""#, r#""\ud83d\ud83d""#] {
            assert_eq!(value(half), Err(NotText::Surrogate), "{half}");
        }
    }

    #[test]
    fn names_are_read_with_their_escapes_and_given_as_often_as_they_come() {
        let body = br#"{"email": 1, "em\u0061il": 2, "\ud800": 3}"#;
        let names: Vec<String> = members(body).unwrap().unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["email", "email", "\u{fffd}"]);
    }

    #[test]
    fn a_byte_order_mark_is_ignored_once() {
        assert_eq!(members(b"\xef\xbb\xbf {}").unwrap(), Some(Vec::new()));
        assert_eq!(position(b"\xef\xbb\xbf\xef\xbb\xbf{}"), (1, 1));
        assert_eq!(position(b"\xef\xbb\xbf{x}"), (1, 2));
        for utf_16 in [&b"\xff\xfe{\0}\0"[..], b"\xfe\xff\0{\0}", b"{\0}\0"] {
            position(utf_16);
        }
    }

    #[test]
    fn what_is_no_json_has_a_position() {
        for (body, at) in [("", (1, 0)), ("{\n  \"email\": x}", (2, 12)), ("{} x", (1, 4)), ("[1,", (1, 3))] {
            assert_eq!(position(body.as_bytes()), at, "{body}");
        }
        assert_eq!(position(b"{\"a\": 1,\n \"b\": \"\xff\"}"), (2, 8));
        for number in ["01", "1.", ".5", "+1", "-", "1e", "0x1", "NaN", "Infinity", "1e400x"] {
            position(number.as_bytes());
            position(format!("{{\"x\":{number}}}").as_bytes());
        }
        for body in
            [r#"{"x":"\x"}"#, r#"{"x":"\ud8"}"#, "{\"x\":\"\n\"}", "{\"\n\":1}", "{'x':1}", "{x:1}", "{\"x\":1,}"]
        {
            position(body.as_bytes());
        }
    }
}
