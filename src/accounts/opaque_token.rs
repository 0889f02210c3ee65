//! Secrets that somebody is given and the database knows the hash of: refresh tokens, and the codes that emails carry.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, Result};
use crate::sealing::{self, HASH_BYTES};
use crate::values::{Fault, FaultCode};

/// No token of ours is longer.
const LONGEST: usize = 128;

/// 256 random bits, as text. Printing does not show them.
#[derive(Clone)]
pub struct OpaqueToken(SecretString);

impl OpaqueToken {
    /// Makes a new one.
    ///
    /// # Errors
    /// [`Error::Authentication`] when the system gives no random numbers.
    pub fn generate() -> Result<Self> {
        Ok(OpaqueToken(sealing::random_token().map_err(Error::Authentication)?.into()))
    }

    /// Reads what somebody sends. Whether it is a token of ours, the database knows.
    ///
    /// # Errors
    /// A [`Fault`] where it cannot be one, without it.
    pub fn parse(text: &str) -> std::result::Result<Self, Fault> {
        match text.len() {
            0 => Err(Fault::new(FaultCode::TooShort, "must not be empty")),
            1..=LONGEST => Ok(OpaqueToken(text.into())),
            _ => {
                Err(Fault::new(FaultCode::TooLong, format!("must have at most {LONGEST} characters")).against(LONGEST))
            }
        }
    }

    /// What the database knows it by.
    pub fn hash(&self) -> [u8; HASH_BYTES] {
        sealing::hash(self.0.expose_secret().as_bytes())
    }

    /// The token itself.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpaqueToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_printed_and_always_another() {
        let [one, other] = [(); 2].map(|()| OpaqueToken::generate().unwrap());
        assert_ne!(one.hash(), other.hash());
        assert_eq!(OpaqueToken::parse(one.expose()).unwrap().hash(), one.hash());
        assert_eq!(format!("{one:?}"), "OpaqueToken(…)");
        assert!(OpaqueToken::parse("").is_err() && OpaqueToken::parse(&"x".repeat(129)).is_err());
    }
}
