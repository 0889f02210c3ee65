//! What a mail server says, without the person it says it about.

use super::{MORE, is_address, redact_words};

const MAX_BYTES: usize = 240;
/// Shorter parts of an address or a name are dropped as words of their own, not inside others.
const LONG_ENOUGH_TO_RECOGNISE: usize = 4;

/// Whom a text is not to name: the words of an address and a name, in lower case.
pub(crate) struct Person(Vec<String>);

impl Person {
    /// Whoever has an address with this local part, and this name.
    pub fn new(local_part: &str, name: &str) -> Self {
        let local = local_part.split(|c: char| c.is_whitespace() || c == '"').filter(|part| !part.is_empty());
        Self(local.chain(name.split_whitespace()).map(str::to_lowercase).collect())
    }

    /// The same, and a secret that only this person is told.
    pub fn with_secret(mut self, secret: &str) -> Self {
        self.0.extend((!secret.is_empty()).then(|| secret.to_lowercase()));
        self
    }

    /// Nobody in particular: what looks like an address is left out all the same.
    pub fn nobody() -> Self {
        Self(Vec::new())
    }

    /// The text on one line, not endless, redacted as any other, and with `…` for each word that may be an address or a
    /// name.
    pub fn hide(&self, text: &str) -> String {
        redact_words(text, MAX_BYTES, MORE, |word| self.is_private(word))
    }

    fn is_private(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let is_named = |private: &String| {
            bare == private || (private.chars().count() >= LONG_ENOUGH_TO_RECOGNISE && word.contains(private))
        };
        is_address(&word) || word.contains(['<', '>']) || self.0.iter().any(is_named)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn jane() -> Person {
        Person::new("jane.doe", "Jane Ng")
    }

    #[test]
    fn addresses_and_names_are_left_out() {
        for (said, shown) in [
            ("5.1.1 <jane.doe@example.com>: unknown", "5.1.1 … unknown"),
            ("User JANE.DOE unknown", "User … unknown"),
            ("jane.doe%40example.com=other", "…"),
            ("no Jane, no Ng! among all", "no … no … among all"),
            ("a\r\n\tb\u{7}c\u{202e}d\u{ad}e", "a b c\\u{202e}d\\u{ad}e"),
            ("rejected: token=canary of Jane", "rejected: token=***"),
        ] {
            assert_eq!(jane().hide(said), shown);
        }
        assert_eq!(jane().hide(&"long ".repeat(100)).len(), MAX_BYTES);
    }

    #[test]
    fn an_address_in_quotes_is_left_out_whole() {
        let person = Person::new("\"jane doe\"", "J");
        assert_eq!(person.hide("no \"Jane Doe\"@example.com here, nor doe"), "no … … here, nor …");
    }

    proptest! {
        #[test]
        fn an_address_never_comes_through(before in "\\PC{0,300}", after in "\\PC{0,20}", upper: bool) {
            let address = if upper { "JANE.DOE@EXAMPLE.COM" } else { "jane.doe@example.com" };
            let shown = jane().hide(&format!("{before}{address}{after}")).to_lowercase();
            prop_assert!(!shown.contains('@') && !shown.contains("jane.doe"), "{}", shown);
        }
    }
}
