//! The hash of a new password.

use std::fmt;

use crate::error::{Error, Result};
use crate::sealing;

/// A hash of ours, where nothing is to be taken from another one.
const PARAMETERS: &str = "$argon2id$v=19$m=19456,t=2,p=1";
/// The letters of 256 bits.
const TAG_LETTERS: usize = 43;

/// A hash in the PHC string format, `$argon2id$v=19$m=…,t=…,p=…$salt$hash`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    pub(super) fn new(text: String) -> Self {
        PasswordHash(text)
    }

    /// A hash that no password has, and that takes as long to verify as this one.
    ///
    /// # Errors
    /// [`Error::Authentication`] when the system gives no random numbers.
    pub fn of_nobody(like: &str) -> Result<Self> {
        let tag = random_letters()?;
        match like.rsplit_once('$') {
            Some((before, was)) if was.len() == TAG_LETTERS => Ok(PasswordHash(format!("{before}${tag}"))),
            _ => Ok(PasswordHash(format!("{PARAMETERS}${}${tag}", random_letters()?))),
        }
    }

    /// The PHC string, for the database.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// 256 random bits in the alphabet of PHC strings.
fn random_letters() -> Result<String> {
    let token = sealing::random_token().map_err(Error::Authentication)?;
    Ok(token.replace('-', "+").replace('_', "/"))
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::StoredHash;

    #[test]
    fn a_hash_of_nobody_is_like_another_one_and_always_another() {
        let ours = "$argon2id$v=19$m=4096,t=3,p=1$c2FsdHNhbHRzYWx0c2FsdA$MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI";
        let imported = "$2b$12$abcdefghijklmnopqrstuuWfYkA0oWmAq8ysb6Z0tjXzWZbM2o2Sa";
        for like in [ours, imported, ""] {
            let [one, other] = [(); 2].map(|()| PasswordHash::of_nobody(like).unwrap());
            assert_ne!(one, other);
            assert!(StoredHash::of_database(one.expose()).is_ok(), "{}", one.expose());
        }
        let like = PasswordHash::of_nobody(ours).unwrap();
        assert_eq!(like.expose()[..ours.len() - TAG_LETTERS], ours[..ours.len() - TAG_LETTERS]);
        assert_ne!(like.expose(), ours);
    }
}
