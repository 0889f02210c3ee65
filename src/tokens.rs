//! Access tokens: JSON Web Tokens (RFC 7519) that say who calls, signed with ES256. Whoever has the public keys
//! (`/.well-known/jwks.json`) can verify them without asking.
//!
//! A token is for minutes: it cannot be taken back, but the session behind it can, and what is sensitive asks for that.

mod claims;
mod key;
mod keyring;
mod provider;
mod ring_key;

pub use self::claims::Caller;
pub use self::key::{PublicKey, SigningKey};
pub use self::keyring::{AccessToken, Jwks, Keyring};
pub use self::ring_key::{KeyStanding, RingKey, Standing};
