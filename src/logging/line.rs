//! What a line holds, in which order; and its form as JSON.

use std::fmt::Write;
use std::io;

use slog::{BytesKind, Drain, KV, Key, OwnedKVList, Record, SerdeValue, Serializer};

use super::name::level_name;

/// The keys of values that have a place of their own.
const ORDER: [Key; 7] = ["logger", "request_id", "trace_id", "span_id", "user_id", "context", "exception"];
/// The message stands behind the logger: so many of [`ORDER`] come before it.
const BEFORE_MESSAGE: usize = 1;
/// The keys that a line has by itself: a value under one of them is left out.
const RESERVED: [Key; 5] = ["timestamp", "level", "message", "module", "line"];

/// A record as the key-value pairs of its line: ordered, and each key once. A record's value goes before its logger's,
/// a logger's before its parent's; a `None` is as good as absent.
struct Line<'a> {
    timestamp: &'a str,
    record: &'a Record<'a>,
    values: &'a OwnedKVList,
}

/// Appends a record as one JSON object and a newline.
pub(super) fn write_json(
    buffer: &mut Vec<u8>,
    timestamp: &str,
    record: &Record<'_>,
    values: &OwnedKVList,
    none: &OwnedKVList,
) -> io::Result<()> {
    let start = buffer.len();
    let line = Line { timestamp, record, values };
    let fixed = slog::RecordStatic { location: record.location(), level: record.level(), tag: "" };
    let ordered = slog::Record::new(&fixed, record.msg(), slog::BorrowedKV(&line));
    slog_json::Json::new(&mut *buffer).build().log(&ordered, none)?;
    escape_controls(buffer, start);
    Ok(())
}

impl KV for Line<'_> {
    fn serialize(&self, _: &Record<'_>, out: &mut dyn Serializer) -> slog::Result {
        let (present, others) = self.survey(out)?;
        out.emit_str("timestamp", self.timestamp)?;
        out.emit_str("level", level_name(self.record.level()))?;
        self.emit_ordered(&ORDER[..BEFORE_MESSAGE], present, out)?;
        out.emit_arguments("message", self.record.msg())?;
        self.emit_ordered(&ORDER[BEFORE_MESSAGE..], present >> BEFORE_MESSAGE, out)?;
        if others {
            self.emit_others(out)?;
        }
        if !self.record.module().is_empty() {
            out.emit_str("module", self.record.module())?;
            out.emit_u32("line", self.record.line())?;
        }
        Ok(())
    }
}

impl Line<'_> {
    /// Which keys of [`ORDER`] there are, as bits, and whether there are others.
    fn survey(&self, out: &mut dyn Serializer) -> slog::Result<(u32, bool)> {
        let (mut present, mut others) = (0, false);
        self.sift(out, &mut |key| {
            match ORDER.iter().position(|known| *known == key) {
                Some(index) => present |= 1 << index,
                None => others = true,
            }
            false
        })?;
        Ok((present, others))
    }

    fn emit_ordered(&self, keys: &[Key], present: u32, out: &mut dyn Serializer) -> slog::Result {
        for wanted in (0..).zip(keys).filter_map(|(bit, key)| (present >> bit & 1 == 1).then_some(*key)) {
            let mut first = true;
            self.sift(out, &mut |key| key == wanted && std::mem::take(&mut first))?;
        }
        Ok(())
    }

    fn emit_others(&self, out: &mut dyn Serializer) -> slog::Result {
        let mut seen: Vec<Key> = Vec::new();
        self.sift(out, &mut |key| {
            let wanted = !ORDER.contains(&key) && !RESERVED.contains(&key) && !seen.contains(&key);
            if wanted {
                seen.push(key);
            }
            wanted
        })
    }

    /// Passes on the values whose key is wanted, the most specific first.
    fn sift(&self, out: &mut dyn Serializer, wanted: &mut dyn FnMut(Key) -> bool) -> slog::Result {
        let mut sieve = Sieve { out, wanted };
        self.record.kv().serialize(self.record, &mut sieve)?;
        self.values.serialize(self.record, &mut sieve)
    }
}

/// A serializer that passes on only what is wanted.
struct Sieve<'a> {
    out: &'a mut dyn Serializer,
    wanted: &'a mut dyn FnMut(Key) -> bool,
}

macro_rules! pass_on {
    ($($emit:ident($value:ty);)*) => {
        $(fn $emit(&mut self, key: Key, value: $value) -> slog::Result {
            if (self.wanted)(key) { self.out.$emit(key, value) } else { Ok(()) }
        })*
    };
}

impl Serializer for Sieve<'_> {
    pass_on! {
        emit_usize(usize); emit_isize(isize); emit_bool(bool); emit_char(char); emit_u8(u8); emit_i8(i8); emit_u16(u16);
        emit_i16(i16); emit_u32(u32); emit_i32(i32); emit_f32(f32); emit_u64(u64); emit_i64(i64); emit_f64(f64);
        emit_u128(u128); emit_i128(i128); emit_str(&str); emit_serde(&dyn SerdeValue);
    }

    fn emit_unit(&mut self, key: Key) -> slog::Result {
        if (self.wanted)(key) { self.out.emit_unit(key) } else { Ok(()) }
    }

    fn emit_none(&mut self, _: Key) -> slog::Result {
        Ok(())
    }

    fn emit_bytes(&mut self, key: Key, bytes: &[u8], kind: BytesKind) -> slog::Result {
        if (self.wanted)(key) { self.out.emit_bytes(key, bytes, kind) } else { Ok(()) }
    }

    // slog-json panics when a `Display` fails: what it gave until then is written instead.
    fn emit_arguments(&mut self, key: Key, value: &std::fmt::Arguments<'_>) -> slog::Result {
        if !(self.wanted)(key) {
            return Ok(());
        }
        let mut text = String::new();
        let _ = text.write_fmt(*value);
        self.out.emit_str(key, &text)
    }
}

/// Whether a character could move a terminal's cursor, break a line for some reader, or reorder what is shown.
pub(super) fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Escapes the control characters that JSON allows in strings: serde_json escapes only those below U+0020.
fn escape_controls(buffer: &mut Vec<u8>, start: usize) {
    let end = buffer.len() - usize::from(buffer.ends_with(b"\n"));
    // Nearly every line ends here; looking at all bytes, without leaving early, lets the compiler take many at once.
    if buffer[start..end].iter().fold(0, |highest, byte| *byte.max(&highest)) < 0x7f {
        return;
    }
    let Ok(text) = std::str::from_utf8(&buffer[start..end]) else { return };
    if !text.contains(is_control) {
        return;
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_control(character) {
            let _ = write!(escaped, "\\u{:04x}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    buffer.splice(start..end, escaped.into_bytes());
}
