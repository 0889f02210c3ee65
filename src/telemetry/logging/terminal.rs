//! The form for human eyes: `08:31:02.123 INFO     requests  Request completed  status_code=201 duration_ms=18.2`.

use std::fmt::{self, Write};
use std::io;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::text::{escape, is_invisible};

/// Where the time of day lies in `2026-01-31T08:31:02.123456Z`.
const TIME_OF_DAY: std::ops::Range<usize> = 11..23;
const DIM: &str = "\u{1b}[2m";
const PLAIN: &str = "\u{1b}[0m";

/// Renders lines for a terminal.
pub(super) struct Terminal {
    colour: bool,
}

impl Terminal {
    pub(super) fn new(colour: bool) -> Terminal {
        Terminal { colour }
    }

    /// A line for people from a line of JSON, so both hold the same values; neither has its newline.
    pub(super) fn render(&self, json: &str) -> io::Result<String> {
        let mut fields = serde_json::from_str::<Fields>(json)?;
        let mut text = |key| fields.take_text(key);
        let (timestamp, level, logger, message) = (text("timestamp"), text("level"), text("logger"), text("message"));
        let time = timestamp.get(TIME_OF_DAY).unwrap_or(&timestamp);
        let word = format!("{:<8}", level.to_uppercase());
        let (word, place) =
            (self.paint(colour_of(&level), &word), self.paint(DIM, logger.trim_start_matches("neodyme.")));
        let mut line = format!("{time} {word} {place}  {}", escape(&message));
        let mut separator = "  ";
        for (key, value) in fields.flatten() {
            let _ = write!(line, "{separator}{}", self.paint(DIM, &format!("{}=", escape(&key))));
            write_value(&mut line, &value);
            separator = " ";
        }
        Ok(line)
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colour { format!("{colour}{text}{PLAIN}") } else { text.to_owned() }
    }
}

fn colour_of(level: &str) -> &'static str {
    match level {
        "critical" | "error" => "\u{1b}[31m",
        "warning" => "\u{1b}[33m",
        "info" => "\u{1b}[32m",
        _ => "\u{1b}[36m",
    }
}

/// A JSON object with its keys in the order written.
struct Fields(Vec<(String, Node)>);

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Node {
    Fields(Fields),
    Leaf(Value),
}

impl Fields {
    fn take_text(&mut self, key: &str) -> String {
        let Some(index) = self.0.iter().position(|(name, _)| name == key) else { return String::new() };
        match self.0.remove(index).1 {
            Node::Leaf(Value::String(text)) => text,
            Node::Leaf(value) => value.to_string(),
            Node::Fields(_) => String::new(),
        }
    }

    /// The context's fields, then the others, those of objects under `object.field`; not the place in the code.
    fn flatten(self) -> Vec<(String, Value)> {
        let (mut first, mut rest) = (Vec::new(), Vec::new());
        for (key, node) in self.0 {
            match (key.as_str(), node) {
                ("module" | "function" | "line", _) => {}
                ("context", Node::Fields(context)) => context.flatten_into("", &mut first),
                (_, node) => node.flatten_into(key, &mut rest),
            }
        }
        first.append(&mut rest);
        first
    }

    fn flatten_into(self, prefix: &str, out: &mut Vec<(String, Value)>) {
        for (key, node) in self.0 {
            node.flatten_into(format!("{prefix}{key}"), out);
        }
    }
}

impl Node {
    fn flatten_into(self, key: String, out: &mut Vec<(String, Value)>) {
        match self {
            Node::Fields(fields) => fields.flatten_into(&format!("{key}."), out),
            Node::Leaf(value) => out.push((key, value)),
        }
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Fields;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Fields(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// Text as it is, quoted where it would otherwise read like something else.
fn write_value(line: &mut String, value: &Value) {
    let _ = match value {
        Value::String(text) if is_word(text) => line.write_str(text),
        Value::String(text) => write!(line, "\"{}\"", escape(&text.replace('\\', "\\\\").replace('"', "\\\""))),
        other => write!(line, "{}", escape(&other.to_string())),
    };
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || is_invisible(c) || matches!(c, '"' | '=' | '\\'))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn render(colour: bool, value: Value) -> String {
        Terminal::new(colour).render(&value.to_string()).unwrap()
    }

    #[test]
    fn a_line_reads_time_level_logger_message_and_fields_with_the_context_first() {
        let json = r#"{"timestamp":"2026-01-31T08:31:02.123456Z","level":"info","logger":"neodyme.requests",
            "message":"Request completed","request_id":"r1","context":{"status_code":201,"agent":"a b","at":{"x":1.5}},
            "exception":{"type":"Odd","chain":["a\nb"]},"module":"m","line":7}"#;
        let line = Terminal::new(false).render(json).unwrap();
        let wanted = "08:31:02.123 INFO     requests  Request completed  status_code=201 agent=\"a b\" at.x=1.5 \
            request_id=r1 exception.type=Odd exception.chain=[\"a\\nb\"]";
        assert_eq!(line, wanted);
    }

    #[test]
    fn nothing_in_a_value_is_obeyed_by_a_terminal_or_read_as_a_field() {
        let evil = "x\n\r\u{1b}[2J\u{9b}31m\u{202e}\" level=error";
        let context = serde_json::json!({"a": evil, "b": [evil], evil: evil});
        let line = render(false, serde_json::json!({"message": evil, "context": context}));
        assert_eq!(line.chars().filter(|c| is_invisible(*c)).collect::<String>(), "", "{line}");
        assert!(line.contains(r#"a="x\n\r\u{1b}[2J\u{9b}31m\u{202e}\" level=error""#), "{line}");
    }

    #[test]
    fn colour_is_added_when_asked_for() {
        let json = serde_json::json!({"level": "error", "message": "m"});
        assert!(render(true, json.clone()).contains("\u{1b}[31mERROR   \u{1b}[0m"));
        assert!(!render(false, json).contains('\u{1b}'));
    }
}
