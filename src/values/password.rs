//! A password.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

use super::Fault;
use super::fields::text_field;

const MIN_CHARACTERS: usize = 8;
const MAX_CHARACTERS: usize = 128;
/// Normalising makes at most four characters one, and one up to eighteen: what is longer stays too long, and is not looked at.
const MAX_BEFORE_NFKC: usize = 4 * MAX_CHARACTERS;

/// A password of 8 to 128 characters, in NFKC so that every keyboard gives the same bytes (NIST SP 800-63B, 5.1.1.2).
/// Its memory is wiped when it is dropped; printing does not show it.
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    /// Reads a password. Any character counts, spaces too.
    ///
    /// # Errors
    /// A [`Fault`] that says what is wrong, without the password.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.chars().nth(MAX_BEFORE_NFKC).is_some() {
            return Err(too_long());
        }
        let text: String = text.nfkc().take(MAX_CHARACTERS + 1).collect();
        match text.chars().count() {
            0..MIN_CHARACTERS => {
                Err(Fault::new("too_short", format!("must have at least {MIN_CHARACTERS} characters")))
            }
            MIN_CHARACTERS..=MAX_CHARACTERS => Ok(Password(text.into())),
            _ => Err(too_long()),
        }
    }

    /// The password itself, for the hash.
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

fn too_long() -> Fault {
    Fault::new("too_long", format!("must have at most {MAX_CHARACTERS} characters"))
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A password as it is presented at a sign-in. What is asked of a new one is not asked of it: it may have been chosen when, or
/// where, less was.
#[derive(Clone)]
pub struct PresentedPassword(Vec<Password>);

impl PresentedPassword {
    /// Reads what was presented.
    ///
    /// # Errors
    /// A [`Fault`] where it can be nobody's, without the password.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.is_empty() {
            return Err(Fault::new("too_short", "must not be empty"));
        }
        if text.chars().nth(MAX_BEFORE_NFKC).is_some() {
            return Err(Fault::new("too_long", format!("must have at most {MAX_BEFORE_NFKC} characters")));
        }
        let mut forms: Vec<String> = Vec::new();
        for form in [text.nfkc().collect(), text.nfc().collect(), text.to_owned()] {
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
        Ok(PresentedPassword(forms.into_iter().map(|form| Password(form.into())).collect()))
    }

    /// The forms in which it may have been hashed: as it is here, and elsewhere, by whoever users were imported from.
    pub fn forms(&self) -> &[Password] {
        &self.0
    }
}

impl fmt::Debug for PresentedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresentedPassword(…)")
    }
}

text_field!(PresentedPassword, "PresentedPassword", {
    "type": "string", "format": "password", "minLength": 1, "maxLength": 512,
});

text_field!(Password, "Password", { "type": "string", "format": "password", "minLength": 8, "maxLength": 128 });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::testing::cost;

    fn code(text: &str) -> &'static str {
        Password::parse(text).map_or_else(|fault| fault.code, |_| "ok")
    }

    #[test]
    fn length_counts_characters() {
        assert_eq!(code("1234567"), "too_short");
        assert_eq!(code("12345678"), "ok");
        assert_eq!(code("        "), "ok");
        assert_eq!(code(&"é".repeat(128)), "ok");
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
    fn a_presented_password_is_tried_as_it_may_have_been_hashed() {
        let forms = |text: &str| -> Vec<String> {
            let presented = PresentedPassword::parse(text).unwrap();
            presented.forms().iter().map(|form| String::from_utf8(form.expose().to_vec()).unwrap()).collect()
        };
        assert_eq!(forms("short"), ["short"]);
        assert_eq!(forms("a\u{308}"), ["\u{e4}", "a\u{308}"]);
        assert_eq!(forms("\u{fb01}"), ["fi", "\u{fb01}"]);
        assert_eq!(forms("\u{fb01}a\u{308}").len(), 3);
        for (text, code) in [(String::new(), "too_short"), ("x".repeat(513), "too_long")] {
            assert_eq!(PresentedPassword::parse(&text).unwrap_err().code, code);
        }
    }

    #[test]
    fn every_keyboard_gives_the_same_bytes() {
        let composed = Password::parse("pässword").unwrap();
        assert_eq!(composed.expose(), Password::parse("pa\u{308}ssword").unwrap().expose());
    }
}
