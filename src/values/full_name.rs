//! A person's name.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use super::fields::text_field;
use super::{Fault, FaultCode};
use crate::text::{is_control, is_visible, visible_pattern};

const MAX_CHARACTERS: usize = 255;
/// NFC makes at most four characters one: what is longer stays too long, and is not looked at.
const MAX_BEFORE_NFC: usize = 4 * MAX_CHARACTERS;

/// A name as its owner writes it: 1 to 255 characters of which one can be seen, trimmed, in NFC, without what would forge a
/// line or turn the direction of the text around it. Printing does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct FullName(String);

impl FullName {
    /// Reads a name.
    ///
    /// # Errors
    /// A [`Fault`] that says what is wrong, without the name.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let text = text.trim();
        if text.chars().nth(MAX_BEFORE_NFC).is_some() {
            return Err(too_long());
        }
        let name: String = text.nfc().take(MAX_CHARACTERS + 1).collect();
        if name.chars().count() > MAX_CHARACTERS {
            return Err(too_long());
        }
        if name.contains(is_control) {
            return Err(Fault::new(FaultCode::ControlCharacters, "must not have control characters"));
        }
        if !is_visible(&name) {
            return Err(Fault::new(FaultCode::TooShort, "must have at least 1 character that can be seen").against(1));
        }
        Ok(FullName(name))
    }

    /// The name itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

fn too_long() -> Fault {
    Fault::new(FaultCode::TooLong, format!("must have at most {MAX_CHARACTERS} characters")).against(MAX_CHARACTERS)
}

impl fmt::Debug for FullName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FullName(…)")
    }
}

text_field!(FullName, "FullName", { "type": "string", "minLength": 1, "maxLength": 255, "pattern": visible_pattern() });

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(text: &str) -> &'static str {
        FullName::parse(text).map_or_else(|fault| fault.code, |_| "ok")
    }

    #[test]
    fn a_name_is_trimmed_and_otherwise_kept() {
        assert_eq!(FullName::parse(" Zoë O'Brien-Ñandú 王 ").unwrap().expose(), "Zoë O'Brien-Ñandú 王");
    }

    #[test]
    fn length_counts_characters() {
        assert_eq!(code(" \t "), "too_short");
        assert_eq!(code("王"), "ok");
        assert_eq!(code(&"王".repeat(255)), "ok");
        assert_eq!(code(&"王".repeat(256)), "too_long");
        let four_in_one = "\u{3b1}\u{313}\u{300}\u{345}";
        assert_eq!(code(&four_in_one.repeat(255)), "ok");
        assert_eq!(code(&four_in_one.repeat(256)), "too_long");
    }

    #[test]
    fn nothing_may_forge_a_line_or_its_direction() {
        for c in "\n\0\u{1b}\u{7f}\u{85}\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}\u{206a}\u{fff9}\u{e0041}".chars() {
            assert_eq!(code(&format!("a{c}b")), "control_characters", "{c:?}");
        }
    }

    #[test]
    fn something_of_a_name_can_be_seen() {
        for text in [
            "\u{200b}",
            "\u{feff}",
            "\u{2800}",
            "\u{3164}",
            "\u{ad}",
            "\u{200d}\u{200c}",
            "\u{2060} \u{a0}\u{fe0f}",
            "\u{34f}",
        ] {
            assert_eq!(code(text), "too_short", "{text:?}");
        }
        for text in ["علی\u{200c}رضا", "ක්\u{200d}ෂේම", "葛\u{e0100}", "O\u{ad}Brien", "नमिता", "."]
        {
            assert_eq!(code(text), "ok", "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            if let Ok(name) = FullName::parse(&text) {
                prop_assert_eq!(FullName::parse(name.expose()).unwrap(), name);
            }
        }
    }
}
