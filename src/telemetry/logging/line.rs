//! What a line holds, in which order; and its form as JSON.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt::Write;
use std::io;
use std::ops::Range;

use slog::{BytesKind, Drain, KV, Key, OwnedKVList, Record, SerdeValue, Serializer};

use super::name::level_name;
use crate::text::escape_json;
use crate::values::timestamp;

/// The place of the keys that have none of their own, in the order they come.
const OTHERS: u8 = 11;

/// Where in its line a key stands.
fn place(key: Key) -> u8 {
    match key {
        "timestamp" => 0,
        "level" => 1,
        "logger" => 2,
        "message" => 3,
        "request_id" => 4,
        "trace_id" => 5,
        "span_id" => 6,
        "caller" => 7,
        "user_id" => 8,
        "context" => 9,
        "exception" => 10,
        "module" => OTHERS + 1,
        "function" => OTHERS + 2,
        "line" => OTHERS + 3,
        _ => OTHERS,
    }
}

/// Puts records into words, one after the other, in memory that it keeps.
#[derive(Default)]
pub(super) struct LineWriter {
    timestamp: String,
    /// The fields in the order in which they were found, as slog-json wrote them.
    json: RefCell<Vec<u8>>,
    fields: RefCell<Vec<Field>>,
    line: String,
}

/// A key and where its value was written.
struct Field {
    place: u8,
    key: Key,
    written: Range<usize>,
}

impl LineWriter {
    /// The record as one JSON object, without a newline, stamped with the time of this call. Each key comes once: a record's
    /// value goes before its logger's, a logger's before its parent's; a `None` is as good as absent.
    pub(super) fn write(
        &mut self,
        record: &Record<'_>,
        values: &OwnedKVList,
        none: &OwnedKVList,
    ) -> io::Result<&mut String> {
        self.timestamp.clear();
        self.json.get_mut().clear();
        self.fields.get_mut().clear();
        // Writing to memory cannot fail.
        let _ = write!(self.timestamp, "{}", timestamp::now());
        let found = Found { timestamp: &self.timestamp, record, values, json: &self.json, fields: &self.fields };
        let fixed = slog::RecordStatic { location: record.location(), level: record.level(), tag: "" };
        slog_json::Json::new(Shared(&self.json))
            .build()
            .log(&slog::Record::new(&fixed, record.msg(), slog::BorrowedKV(&found)), none)?;
        self.arrange()?;
        if let Cow::Owned(escaped) = escape_json(&self.line) {
            self.line = escaped;
        }
        Ok(&mut self.line)
    }

    /// Copies the fields to their places.
    fn arrange(&mut self) -> io::Result<()> {
        let json = std::str::from_utf8(self.json.get_mut()).map_err(io::Error::other)?;
        let fields = self.fields.get_mut();
        fields.sort_by_key(|field| field.place);
        self.line.clear();
        for field in fields.iter().filter(|field| !field.written.is_empty()) {
            self.line.push(if self.line.is_empty() { '{' } else { ',' });
            self.line.push_str(json[field.written.clone()].trim_start_matches(','));
        }
        self.line.push('}');
        Ok(())
    }
}

/// A writer whose text others see as it grows.
struct Shared<'a>(&'a RefCell<Vec<u8>>);

impl io::Write for Shared<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    // serde_json calls this for every piece, and the default is a loop around `write`.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All key-value pairs of a line, the most specific of each key first; and where they are written.
struct Found<'a> {
    timestamp: &'a str,
    record: &'a Record<'a>,
    values: &'a OwnedKVList,
    json: &'a RefCell<Vec<u8>>,
    fields: &'a RefCell<Vec<Field>>,
}

impl KV for Found<'_> {
    fn serialize(&self, _: &Record<'_>, out: &mut dyn Serializer) -> slog::Result {
        let mut first = FirstOfEachKey { out, found: self };
        first.emit_str("timestamp", self.timestamp)?;
        first.emit_str("level", level_name(self.record.level()))?;
        first.emit_arguments("message", self.record.msg())?;
        if self.record.module().is_empty() {
            first.leave_out("module");
            first.leave_out("function");
            first.leave_out("line");
        } else {
            first.emit_str("module", self.record.module())?;
            match self.record.function() {
                "" => first.leave_out("function"),
                function => first.emit_str("function", function)?,
            }
            first.emit_u32("line", self.record.line())?;
        }
        self.record.kv().serialize(self.record, &mut first)?;
        self.values.serialize(self.record, &mut first)
    }
}

/// A serializer that passes on the first value of each key, and notes where it was written.
struct FirstOfEachKey<'a> {
    out: &'a mut dyn Serializer,
    found: &'a Found<'a>,
}

impl FirstOfEachKey<'_> {
    fn once(&mut self, key: Key, emit: impl FnOnce(&mut dyn Serializer) -> slog::Result) -> slog::Result {
        let place = place(key);
        let is_same = |field: &Field| field.place == place && (place != OTHERS || field.key == key);
        if self.found.fields.borrow().iter().any(is_same) {
            return Ok(());
        }
        let start = self.length();
        emit(self.out)?;
        self.found.fields.borrow_mut().push(Field { place, key, written: start..self.length() });
        Ok(())
    }

    /// No value may have this key.
    fn leave_out(&mut self, key: Key) {
        let nothing = 0..0;
        self.found.fields.borrow_mut().push(Field { place: place(key), key, written: nothing });
    }

    fn length(&self) -> usize {
        self.found.json.borrow().len()
    }
}

macro_rules! pass_on {
    ($($emit:ident($value:ty);)*) => {
        $(fn $emit(&mut self, key: Key, value: $value) -> slog::Result {
            self.once(key, |out| out.$emit(key, value))
        })*
    };
}

impl Serializer for FirstOfEachKey<'_> {
    pass_on! {
        emit_usize(usize); emit_isize(isize); emit_bool(bool); emit_char(char); emit_u8(u8); emit_i8(i8); emit_u16(u16);
        emit_i16(i16); emit_u32(u32); emit_i32(i32); emit_f32(f32); emit_u64(u64); emit_i64(i64); emit_f64(f64);
        emit_u128(u128); emit_i128(i128); emit_str(&str); emit_serde(&dyn SerdeValue);
    }

    fn emit_unit(&mut self, key: Key) -> slog::Result {
        self.once(key, |out| out.emit_unit(key))
    }

    fn emit_none(&mut self, _: Key) -> slog::Result {
        Ok(())
    }

    fn emit_bytes(&mut self, key: Key, bytes: &[u8], kind: BytesKind) -> slog::Result {
        self.once(key, |out| out.emit_bytes(key, bytes, kind))
    }

    // slog-json panics when a `Display` fails: what it gave until then is written instead.
    fn emit_arguments(&mut self, key: Key, value: &std::fmt::Arguments<'_>) -> slog::Result {
        if let Some(text) = value.as_str() {
            return self.emit_str(key, text);
        }
        let mut text = String::new();
        let _ = text.write_fmt(*value);
        self.emit_str(key, &text)
    }
}
