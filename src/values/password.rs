//! A password, as somebody types it.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

use super::fields::text_field;
use super::{Fault, FaultCode};

const MAX_CHARACTERS: usize = 128;
/// NFC makes at most four characters one: what is longer stays too long, and is not looked at.
const MAX_BEFORE_NFC: usize = 4 * MAX_CHARACTERS;

/// A password of up to 128 characters, in NFC, so that every keyboard gives the same bytes (NIST SP 800-63B-4, 3.1.1.2). How
/// short it may be is only asked of one that is chosen: see [`NewPassword`](super::NewPassword).
///
/// Its memory is wiped when it is dropped; printing does not show it.
#[derive(Clone)]
pub struct Password {
    text: SecretString,
    /// As it was typed, where that is not NFC.
    typed: Option<SecretString>,
}

impl Password {
    /// Reads a password. Any character counts, spaces too.
    ///
    /// # Errors
    /// A [`Fault`] that says what is wrong, without the password.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.is_empty() {
            return Err(Fault::new(FaultCode::TooShort, "must not be empty"));
        }
        Password::normalise(text)
    }

    /// The same for a text that may be empty, where how short it is will be said later.
    pub(super) fn normalise(typed: &str) -> Result<Self, Fault> {
        if typed.chars().nth(MAX_BEFORE_NFC).is_some() {
            return Err(too_long());
        }
        let text: SecretString = typed.nfc().take(MAX_CHARACTERS + 1).collect::<String>().into();
        if count(text.expose_secret()) > MAX_CHARACTERS {
            return Err(too_long());
        }
        let typed = (text.expose_secret() != typed).then(|| typed.into());
        Ok(Password { text, typed })
    }

    /// The password itself, for the hash.
    pub fn expose(&self) -> &[u8] {
        self.text().as_bytes()
    }

    /// The forms in which this password may have been stored, the one that is stored today first: NFC; NFKC, in which neodyme
    /// stored passwords until November 2026; and as it was typed, which other services may have hashed whose users were
    /// imported. One form for nearly every password, and three at most.
    ///
    /// Where one but the first fits, hash the first anew. How many there are depends on what was typed alone, so that trying
    /// all of them tells nobody whether there is such a user.
    pub fn stored_forms(&self) -> impl Iterator<Item = Password> {
        let older: SecretString = self.text().nfkc().take(MAX_CHARACTERS + 1).collect::<String>().into();
        let was_accepted = count(older.expose_secret()) <= MAX_CHARACTERS;
        let older = Some(older).filter(|older| was_accepted && older.expose_secret() != self.text());
        let typed = self
            .typed
            .clone()
            .filter(|typed| older.as_ref().is_none_or(|older| older.expose_secret() != typed.expose_secret()));
        [Some(self.text.clone()), older, typed].into_iter().flatten().map(|text| Password { text, typed: None })
    }

    /// The password as text, for whoever judges it.
    pub(crate) fn text(&self) -> &str {
        self.text.expose_secret()
    }
}

fn count(text: &str) -> usize {
    text.chars().count()
}

fn too_long() -> Fault {
    Fault::new(FaultCode::TooLong, format!("must have at most {MAX_CHARACTERS} characters")).against(MAX_CHARACTERS)
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

text_field!(Password, "Password", { "type": "string", "format": "password", "minLength": 1, "maxLength": 128 });

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::values::testing::cost;

    fn code(text: &str) -> &'static str {
        Password::parse(text).map_or_else(|fault| fault.code, |_| "ok")
    }

    fn forms(text: &str) -> Vec<String> {
        Password::parse(text).unwrap().stored_forms().map(|form| form.text().to_owned()).collect()
    }

    #[test]
    fn length_counts_characters() {
        assert_eq!(code(""), "too_short");
        assert_eq!(code(" "), "ok");
        assert_eq!(code(&"é".repeat(128)), "ok");
        assert_eq!(code(&"e\u{301}".repeat(128)), "ok");
        assert_eq!(code(&"é".repeat(129)), "too_long");
        let four_in_one = "\u{3b1}\u{313}\u{300}\u{345}";
        assert_eq!(code(&four_in_one.repeat(128)), "ok");
        assert_eq!(code(&four_in_one.repeat(129)), "too_long");
    }

    #[test]
    fn a_text_that_grows_or_is_too_long_costs_no_more_than_a_good_one() {
        let usual = "p\u{e4}\u{df}w".repeat(32);
        let usual = cost(|| Password::parse(&usual).unwrap());
        for text in ["\u{fdfa}".repeat(5461), "\u{fdfa}".repeat(512), "a\u{301}".repeat(8192), "x".repeat(16_384)] {
            let took = cost(|| Password::parse(&text));
            assert!(took < 20 * usual, "{took:?} instead of {usual:?}");
        }
    }

    #[test]
    fn it_is_never_printed() {
        assert_eq!(format!("{:?}", Password::parse("correct horse").unwrap()), "Password(…)");
    }

    #[test]
    fn every_keyboard_gives_the_same_bytes() {
        let composed = Password::parse("pässword").unwrap();
        assert_eq!(composed.expose(), Password::parse("pa\u{308}ssword").unwrap().expose());
        assert_ne!(composed.expose(), Password::parse("password").unwrap().expose());
        assert_ne!(Password::parse("①").unwrap().expose(), Password::parse("1").unwrap().expose());
    }

    #[test]
    fn a_password_is_tried_as_it_may_have_been_stored_the_newest_form_first() {
        assert_eq!(forms("correct horse"), ["correct horse"]);
        assert_eq!(forms("pässword"), ["pässword"]);
        assert_eq!(forms("pa\u{308}ssword"), ["pässword", "pa\u{308}ssword"]);
        assert_eq!(forms("ﬁsh ①"), ["ﬁsh ①", "fish 1"]);
        assert_eq!(forms("ﬁshe\u{301}"), ["ﬁshé", "fishé", "ﬁshe\u{301}"]);
        // It was too long for older versions.
        assert_eq!(forms(&"\u{fdfa}".repeat(20)).len(), 1);
    }

    proptest! {
        #[test]
        fn the_older_form_is_what_older_versions_stored(text in "\\PC{1,40}") {
            let old: String = text.nfkc().collect();
            prop_assert!(old.chars().count() > MAX_CHARACTERS || forms(&text).contains(&old));
            prop_assert!(forms(&text).contains(&text) && (1..=3).contains(&forms(&text).len()));
            prop_assert_eq!(forms(&text)[0].nfc().collect::<String>(), forms(&text)[0].clone());
        }
    }
}
