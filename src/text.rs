//! Characters that are not seen for what they are: which they are, and how a text is shown that may hold some.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character steers whoever shows it: moves a terminal's cursor, breaks a line for some reader, turns the
/// direction of what stands around it, or marks text as something else than text.
pub(crate) fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
                | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// What `is_control` finds, in a pattern (ECMA-262), as far as that has a name for it.
const CONTROL: &str = r"\u0000-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u206F\uFFF9-\uFFFB";

/// The pattern of a text without control characters.
pub(crate) fn pattern() -> String {
    format!("^[^{CONTROL}]*$")
}

/// The pattern of such a text with something to be seen.
pub(crate) fn visible_pattern() -> String {
    format!(r"^[^{CONTROL}]*[^\s{CONTROL}][^{CONTROL}]*$")
}

/// Whether a character joins, parts or varies the letters beside it, as some scripts cannot be written without.
pub(crate) fn is_shaper(character: char) -> bool {
    matches!(
        character,
        '\u{34f}' | '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{e0100}'..='\u{e01ef}'
    )
}

/// Whether a character leaves nothing to be seen, white space aside: those that steer or shape, and what Unicode calls
/// default ignorable or draws as a blank.
pub(crate) fn is_invisible(character: char) -> bool {
    is_control(character)
        || is_shaper(character)
        || matches!(
            character,
            '\u{ad}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2065}'
                | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0080}'..='\u{e0fff}'
        )
}

/// Whether there is anything to be seen.
pub(crate) fn is_visible(text: &str) -> bool {
    text.chars().any(|character| !character.is_whitespace() && !is_invisible(character))
}

/// The text on one line, for a terminal or a page: what is invisible is written out, as `\n` or `\u{202e}`.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    escape_with(text, |escaped, character| {
        let _ = write!(escaped, "{}", character.escape_default());
    })
}

/// JSON with the invisible characters of its strings written out: serde_json escapes only those below U+0020, and the line
/// ends between its values are not the strings'.
pub(crate) fn escape_json(json: &str) -> Cow<'_, str> {
    // Nearly every text ends here; looking at all bytes, without leaving early, lets the compiler take many at once.
    if json.bytes().fold(0, |highest, byte| byte.max(highest)) < 0x7f {
        return json.into();
    }
    escape_with(json, |escaped, character| match character {
        ..' ' => escaped.push(character),
        _ => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    })
}

fn escape_with(text: &str, write: impl Fn(&mut String, char)) -> Cow<'_, str> {
    if !text.contains(is_invisible) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_invisible(character) { write(&mut escaped, character) } else { escaped.push(character) }
    }
    escaped.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HIDDEN: &str = "\u{0}\u{7}\u{1b}\u{7f}\u{85}\u{9b}\u{ad}\u{34f}\u{61c}\u{3164}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\
        \u{2028}\u{2029}\u{202a}\u{202e}\u{2060}\u{2066}\u{2069}\u{206a}\u{2800}\u{fe0f}\u{feff}\u{ffa0}\u{fff9}\u{e0001}\u{e0041}\u{e0100}";

    #[test]
    fn what_is_hidden_is_written_out() {
        assert_eq!(escape("a\u{1b}[2J\u{202e}b\n"), "a\\u{1b}[2J\\u{202e}b\\n");
        assert_eq!(
            escape_json("{\n \"a\": \"\u{200f}\u{e0001}\u{7f}é\"}"),
            "{\n \"a\": \"\\u200f\\udb40\\udc01\\u007fé\"}"
        );
        assert!(HIDDEN.chars().all(is_invisible) && !is_visible(HIDDEN));
        assert!(!is_visible(" \u{a0}\u{3000}\t"));
    }

    #[test]
    fn what_is_seen_stays_as_it_is() {
        for text in ["", "Zoë O'Brien 王 नमस्ते", "🎉 e\u{301} \u{a0}\u{3000}"] {
            assert_eq!(escape(text), text);
            assert_eq!(escape_json(text), text);
        }
        assert!(is_visible("\u{200b}a"));
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_left_and_json_means_the_same(text in any::<String>(), hidden in 0..HIDDEN.chars().count()) {
            let text = text + &HIDDEN.chars().skip(hidden).collect::<String>();
            prop_assert!(!escape(&text).contains(is_invisible));
            let json = serde_json::to_string(&text).unwrap();
            let escaped = escape_json(&json);
            prop_assert!(!escaped.contains(is_invisible));
            prop_assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), text);
        }
    }
}
