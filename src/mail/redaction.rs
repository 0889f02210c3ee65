//! What a mail server says, without the person it says it about.

use crate::domain::{Email, FullName};

const LONGEST: usize = 200;
/// Shorter parts of an address or a name are dropped as words of their own, not inside others.
const LONG_ENOUGH_TO_RECOGNISE: usize = 4;

/// Knows whom not to name.
pub(super) struct Redaction(Vec<String>);

impl Redaction {
    /// Whoever has this address and name.
    pub fn new(email: &Email, name: &FullName) -> Self {
        let local = email.expose().rsplit_once('@').map_or("", |(local, _)| local);
        let names = name.expose().split_whitespace();
        Self(std::iter::once(local).chain(names).map(str::to_lowercase).collect())
    }

    /// Nobody in particular: what looks like an address is left out all the same.
    pub fn nobody() -> Self {
        Self(Vec::new())
    }

    /// The server's text on one line, not endless, with `…` for each word that may be an address or a name.
    pub fn apply(&self, text: &str) -> String {
        let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
        let shown: Vec<_> = words.map(|word| if self.is_private(word) { "…" } else { word }).collect();
        let mut shown = shown.join(" ");
        if let Some((end, _)) = shown.char_indices().nth(LONGEST) {
            shown.truncate(end);
            shown.push('…');
        }
        shown
    }

    fn is_private(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let is_named = |private: &String| {
            bare == private || (private.chars().count() >= LONG_ENOUGH_TO_RECOGNISE && word.contains(private))
        };
        word.contains(['@', '<', '>']) || word.contains("%40") || self.0.iter().any(is_named)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redaction() -> Redaction {
        let email = Email::parse("jane.doe@example.com").unwrap();
        Redaction::new(&email, &FullName::parse("Jane Ng").unwrap())
    }

    #[test]
    fn addresses_and_names_are_left_out() {
        for (said, shown) in [
            ("5.1.1 <jane.doe@example.com>: unknown", "5.1.1 … unknown"),
            ("User JANE.DOE unknown", "User … unknown"),
            ("jane.doe%40example.com=other", "…"),
            ("no Jane, no Ng! among all", "no … no … among all"),
            ("a\r\n\tb\u{7}c", "a b c"),
        ] {
            assert_eq!(redaction().apply(said), shown);
        }
        assert_eq!(redaction().apply(&"long ".repeat(100)).chars().count(), LONGEST + 1);
    }

    proptest! {
        #[test]
        fn an_address_never_comes_through(before in "\\PC{0,300}", after in "\\PC{0,20}", upper: bool) {
            let address = if upper { "JANE.DOE@EXAMPLE.COM" } else { "jane.doe@example.com" };
            let shown = redaction().apply(&format!("{before}{address}{after}")).to_lowercase();
            prop_assert!(!shown.contains('@') && !shown.contains("jane.doe"), "{}", shown);
        }
    }
}
