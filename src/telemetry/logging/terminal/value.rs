//! Values in words.

use std::fmt::Write;

use serde_json::Value;

use crate::text::{escape, is_invisible};

/// Text as it is, quoted where it would otherwise read like something else.
pub(super) fn write_value(line: &mut String, value: &Value) {
    let _ = match value {
        Value::String(text) if is_word(text) => line.write_str(text),
        Value::String(text) => write!(line, "\"{}\"", escape(&text.replace('\\', "\\\\").replace('"', "\\\""))),
        other => write!(line, "{}", escape(&other.to_string())),
    };
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || is_invisible(c) || matches!(c, '"' | '=' | '\\'))
}
