//! The form for human eyes: `08:31:02.123 INFO  Request completed  /users/ 201 18ms  request=…80b1c2d3`. It is made of the
//! line of JSON, so that it says nothing else; what it leaves out is there.

mod fields;
mod short;
mod value;

use std::fmt::Write;
use std::io;

use self::fields::Fields;
use self::short::{Short, short};
use self::value::write_value;
use crate::text::escape;

/// Where the time of day lies in `2026-01-31T08:31:02.123456Z`.
const TIME_OF_DAY: std::ops::Range<usize> = 11..23;
const DIM: &str = "\u{1b}[2m";
const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

/// Renders lines for a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Whether it obeys colours.
    pub colour: bool,
    /// Whether every field is shown, and ids as they are.
    pub full: bool,
}

impl Terminal {
    /// A line for people from a line of JSON; neither has its newline.
    ///
    /// # Errors
    /// Where it is no JSON object.
    pub fn render(&self, json: &str) -> io::Result<String> {
        let mut fields = serde_json::from_str::<Fields>(json)?;
        let mut text = |key| fields.take_text(key);
        let (timestamp, level, logger, message) = (text("timestamp"), text("level"), text("logger"), text("message"));
        let time = escape(timestamp.get(TIME_OF_DAY).unwrap_or(&timestamp));
        let (colour, words) = (colour_of(&level), escape(&message));
        if self.full {
            let word = self.paint(colour, &escape(&format!("{:<8}", level.to_uppercase())));
            let place = self.paint(DIM, &escape(logger.trim_start_matches("neodyme.")));
            return Ok(format!("{time} {word} {place}  {words}{}", self.all(fields)));
        }
        let word = self.paint(colour, &escape(&format!("{:<5}", short_level(&level))));
        Ok(format!("{time} {word} {}{}", self.paint(BOLD, &words), self.few(short(fields, &message), colour)))
    }

    /// Every field, under its name.
    fn all(&self, fields: Fields) -> String {
        let mut line = String::new();
        for (key, value) in fields.flatten() {
            let separator = if line.is_empty() { "  " } else { " " };
            let _ = write!(line, "{separator}{}", self.paint(DIM, &format!("{}=", escape(&key))));
            write_value(&mut line, &value);
        }
        line
    }

    /// What a person looks for. The error comes last: it is the longest, and nothing that it says can pass for a field.
    fn few(&self, short: Short, colour: &str) -> String {
        let mut line = String::new();
        if !short.words.is_empty() {
            let _ = write!(line, "  {}", short.words.join(" "));
        }
        if !short.ids.is_empty() {
            let _ = write!(line, "  {}", self.paint(DIM, &short.ids.join(" ")));
        }
        if let Some(error) = short.error {
            let _ = write!(line, "  {}{}", self.paint(colour, &escape(&error.name)), escape(&error.causes));
        }
        line
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

fn short_level(level: &str) -> String {
    match level {
        "critical" => "CRIT".to_owned(),
        "warning" => "WARN".to_owned(),
        level => level.to_uppercase(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::text::is_invisible;

    const PLAINLY: Terminal = Terminal { colour: false, full: false };
    const RECORD: &str = r#"{"timestamp":"2026-01-31T08:31:02.123456Z","level":"warning","logger":"neodyme.requests",
        "message":"Request failed","request_id":"0198a3f2-0000-4000-8000-00005c9e80b1","trace_id":"4bf92f35",
        "context":{"status_code":503,"agent":"a b","at":{"x":1.5}},
        "exception":{"type":"ODD","message":"it broke","chain":["a\nb","c"]},"module":"m","line":7}"#;

    #[test]
    fn a_line_reads_time_level_message_what_matters_and_the_error_last() {
        let wanted =
            "08:31:02.123 WARN  Request failed  503 agent=\"a b\" at.x=1.5  request=…5c9e80b1  ODD: it broke: a\\nb: c";
        assert_eq!(PLAINLY.render(RECORD).unwrap(), wanted);
    }

    #[test]
    fn a_full_line_has_the_logger_every_field_and_whole_ids() {
        let line = Terminal { full: true, ..PLAINLY }.render(RECORD).unwrap();
        let wanted = "08:31:02.123 WARNING  requests  Request failed  status_code=503 agent=\"a b\" at.x=1.5 \
            request_id=0198a3f2-0000-4000-8000-00005c9e80b1 trace_id=4bf92f35 exception.type=ODD \
            exception.message=\"it broke\" exception.chain=[\"a\\nb\",\"c\"]";
        assert_eq!(line, wanted);
    }

    #[test]
    fn nothing_in_a_value_is_obeyed_by_a_terminal_or_read_as_a_field() {
        let evil = "x\n\r\u{1b}[2J\u{9b}31m\u{202e}\" level=error";
        let context = serde_json::json!({"a": evil, "b": [evil], evil: evil, "route": evil, "job_id": evil});
        let exception = serde_json::json!({"type": evil, "message": evil, "chain": [evil]});
        let record = serde_json::json!({"timestamp": evil, "level": evil, "logger": evil, "message": evil,
            "context": context, "exception": exception});
        for full in [true, false] {
            let line = Terminal { full, ..PLAINLY }.render(&record.to_string()).unwrap();
            assert_eq!(line.chars().filter(|c| is_invisible(*c)).collect::<String>(), "", "{line}");
        }
        let record = serde_json::json!({"message": "m", "context": {"a": evil, "route": evil}});
        let quoted = r#""x\n\r\u{1b}[2J\u{9b}31m\u{202e}\" level=error""#;
        let line = PLAINLY.render(&record.to_string()).unwrap();
        assert!(line.ends_with(&format!("m  a={quoted} {quoted}")) || line.contains(&format!("a={quoted}")), "{line}");
    }

    #[test]
    fn colour_is_added_when_asked_for() {
        let json = serde_json::json!({"level": "error", "message": "m"}).to_string();
        let coloured = Terminal { colour: true, full: false }.render(&json).unwrap();
        assert_eq!(coloured, " \u{1b}[31mERROR\u{1b}[0m \u{1b}[1mm\u{1b}[0m");
        assert!(!PLAINLY.render(&json).unwrap().contains('\u{1b}'));
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for other in ["", "plain text", "[1]", "7", "{\"a\":"] {
            assert!(PLAINLY.render(other).is_err(), "{other}");
        }
    }
}
