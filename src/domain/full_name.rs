//! A person's name.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use super::Fault;

const MAX_CHARACTERS: usize = 255;

/// A name as its owner writes it: 1 to 255 characters, trimmed, in NFC, without what would forge a line or turn the
/// direction of the text around it. Printing does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct FullName(String);

impl FullName {
    /// Reads a name.
    ///
    /// # Errors
    /// A [`Fault`] that says what is wrong, without the name.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let name: String = text.trim().nfc().collect();
        if name.is_empty() {
            return Err(Fault::new("too_short", "must have at least 1 character"));
        }
        if name.chars().count() > MAX_CHARACTERS {
            return Err(Fault::new("too_long", format!("must have at most {MAX_CHARACTERS} characters")));
        }
        if name.chars().any(is_control) {
            return Err(Fault::new("control_characters", "must not have control characters"));
        }
        Ok(FullName(name))
    }

    /// The name itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Control characters, line and paragraph separators, and the overrides and isolates of bidirectional text.
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Debug for FullName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FullName(…)")
    }
}

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
    }

    #[test]
    fn nothing_may_forge_a_line_or_its_direction() {
        for text in ["a\nb", "a\0b", "a\u{7f}b", "a\u{85}b", "a\u{202e}b", "a\u{2028}b"] {
            assert_eq!(code(text), "control_characters", "{text:?}");
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
