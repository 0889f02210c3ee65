//! A password.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

use super::Fault;

const MIN_CHARACTERS: usize = 8;
const MAX_CHARACTERS: usize = 128;

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
        let text: String = text.nfkc().collect();
        match text.chars().count() {
            0..MIN_CHARACTERS => {
                Err(Fault::new("too_short", format!("must have at least {MIN_CHARACTERS} characters")))
            }
            MIN_CHARACTERS..=MAX_CHARACTERS => Ok(Password(text.into())),
            _ => Err(Fault::new("too_long", format!("must have at most {MAX_CHARACTERS} characters"))),
        }
    }

    /// The password itself, for the hash.
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }

    #[test]
    fn it_is_never_printed() {
        assert_eq!(format!("{:?}", Password::parse("correct horse").unwrap()), "Password(…)");
    }

    #[test]
    fn every_keyboard_gives_the_same_bytes() {
        let composed = Password::parse("pässword").unwrap();
        assert_eq!(composed.expose(), Password::parse("pa\u{308}ssword").unwrap().expose());
    }
}
