//! Refresh tokens: 256 random bits that a client keeps, and the service does not.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::accounts::opaque_token::OpaqueToken;
use crate::error::{Error, Result};
use crate::sealing::{self, HASH_BYTES};
use crate::tokens::AccessToken;
use crate::values::{Fault, text_field};

/// For what a successor is sealed.
const PURPOSE: &str = "successor of a refresh token";

/// A refresh token. Printing does not show it.
#[derive(Clone, Debug)]
pub struct RefreshToken(OpaqueToken);

impl RefreshToken {
    /// Makes a new one.
    ///
    /// # Errors
    /// [`Error::Authentication`] when the system gives no random numbers.
    pub fn generate() -> Result<Self> {
        OpaqueToken::generate().map(RefreshToken)
    }

    /// Reads what a client sends. Whether it is a token of ours, the database knows.
    ///
    /// # Errors
    /// A [`Fault`] where it cannot be one, without it.
    pub fn parse(text: &str) -> std::result::Result<Self, Fault> {
        OpaqueToken::parse(text).map(RefreshToken)
    }

    /// What the database knows it by.
    pub fn hash(&self) -> [u8; HASH_BYTES] {
        self.0.hash()
    }

    /// The token, for the client.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Seals what follows this token, for nobody but those who have it.
    pub(super) fn seal(&self, successor: &Pair) -> Result<Vec<u8>> {
        let plain = serde_json::to_vec(successor).map_err(|error| Error::Internal(error.to_string()))?;
        sealing::seal(self.expose().as_bytes(), PURPOSE, &plain).map_err(Error::Authentication)
    }

    /// Opens what was sealed with this token.
    pub(super) fn open(&self, sealed: &[u8]) -> Result<Pair> {
        let plain = sealing::open(self.expose().as_bytes(), PURPOSE, sealed).map_err(Error::Authentication)?;
        serde_json::from_slice(&plain).map_err(|error| Error::Authentication(error.into()))
    }
}

text_field!(RefreshToken, "RefreshToken", { "type": "string", "format": "password", "minLength": 1, "maxLength": 128 });

/// An access token, and the refresh token for the next one.
#[derive(Serialize, Deserialize)]
pub struct Pair {
    access_token: String,
    /// Seconds since the epoch.
    expires_at: i64,
    refresh_token: String,
}

impl Pair {
    /// These two.
    pub fn new(access: AccessToken, refresh: &RefreshToken) -> Self {
        let (access_token, expires_at) = (access.text, access.expires_at.unix_timestamp());
        Pair { access_token, expires_at, refresh_token: refresh.expose().to_owned() }
    }
}

/// What a client is given (RFC 6749, 5.1).
#[derive(Serialize, schemars::JsonSchema)]
pub struct Tokens {
    /// Goes into the header `Authorization: Bearer`.
    access_token: String,
    #[schemars(extend("const" = "Bearer"))]
    token_type: &'static str,
    /// Seconds for which the access token is valid.
    expires_in: u64,
    /// For `POST /auth/refresh`, once.
    refresh_token: String,
}

impl From<Pair> for Tokens {
    fn from(pair: Pair) -> Self {
        let left = pair.expires_at - OffsetDateTime::now_utc().unix_timestamp();
        let expires_in = left.max(0).unsigned_abs();
        let Pair { access_token, refresh_token, .. } = pair;
        Tokens { access_token, token_type: "Bearer", expires_in, refresh_token }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_a_token_reads_what_follows_it() {
        let [old, new, other] = [(); 3].map(|()| RefreshToken::generate().unwrap());
        let access = AccessToken { text: "access".into(), expires_at: OffsetDateTime::now_utc() };
        let sealed = old.seal(&Pair::new(access, &new)).unwrap();
        assert_eq!(old.open(&sealed).unwrap().refresh_token, new.expose());
        assert!(other.open(&sealed).is_err());
        let text = String::from_utf8_lossy(&sealed).into_owned();
        assert!(!text.contains(new.expose()) && !text.contains("access"));
    }
}
