//! A key that signs, and the one that verifies what it signed.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey};
use ring::digest;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::Cause;

/// A point of P-256 that is not compressed: 4, and two coordinates (SEC 1, 2.3.3).
const POINT_BYTES: usize = 65;
const UNCOMPRESSED: u8 = 4;

/// A private key for ES256 (P-256). Printing does not show it.
#[derive(Clone)]
pub struct SigningKey {
    /// Its public half.
    pub public: PublicKey,
    pub(super) encoding: EncodingKey,
}

/// The public half of a key.
#[derive(Clone)]
pub struct PublicKey {
    /// The thumbprint of the key (RFC 7638): nobody has to agree on a name for it.
    pub kid: String,
    x: String,
    y: String,
    point: Vec<u8>,
    pub(super) decoding: DecodingKey,
}

/// A public key as others read it (RFC 7517).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Jwk {
    kty: &'static str,
    crv: &'static str,
    x: String,
    y: String,
    kid: String,
    alg: &'static str,
    r#use: &'static str,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.kid)
    }
}

impl SigningKey {
    /// Makes a new one.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn generate() -> Result<Self, Cause> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        Self::from_pkcs8(document.map_err(|_unspecified| "no key could be made")?.as_ref())
    }

    /// Reads a key in PKCS #8 (DER, RFC 5958) that has its public half with it.
    ///
    /// # Errors
    /// When it is no such key.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, Cause> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &SystemRandom::new());
        let pair = pair.map_err(|rejected| format!("not a PKCS #8 key for P-256 ({rejected})"))?;
        let public = PublicKey::from_point(pair.public_key().as_ref()).ok_or("not a point of P-256")?;
        Ok(SigningKey { public, encoding: EncodingKey::from_ec_der(der) })
    }

    /// The key itself, as [`SigningKey::from_pkcs8`] reads it.
    pub fn expose(&self) -> &[u8] {
        self.encoding.as_bytes()
    }
}

impl PublicKey {
    /// The key that is this point.
    pub fn from_point(point: &[u8]) -> Option<Self> {
        let (x, y) = point.strip_prefix(&[UNCOMPRESSED]).filter(|_| point.len() == POINT_BYTES)?.split_at(32);
        let [x, y] = [x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
        // RFC 7638, 3.2: these members, in this order, without spaces.
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, members.as_bytes()));
        Some(PublicKey { kid, x, y, point: point.to_vec(), decoding: DecodingKey::from_ec_der(point) })
    }

    /// The point, as [`PublicKey::from_point`] reads it.
    pub fn point(&self) -> &[u8] {
        &self.point
    }

    pub(super) fn jwk(&self) -> Jwk {
        let PublicKey { kid, x, y, .. } = self.clone();
        Jwk { kty: "EC", crv: "P-256", x, y, kid, alg: "ES256", r#use: "sig" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_as_it_was_made() {
        let key = SigningKey::generate().unwrap();
        let same = SigningKey::from_pkcs8(key.expose()).unwrap();
        assert_eq!(key.public.kid, same.public.kid);
        assert_eq!(PublicKey::from_point(key.public.point()).unwrap().kid, key.public.kid);
        assert_ne!(SigningKey::generate().unwrap().public.kid, key.public.kid);
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", key.public.kid));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let key = SigningKey::generate().unwrap();
        assert!(SigningKey::from_pkcs8(b"").is_err());
        assert!(SigningKey::from_pkcs8(&key.expose()[1..]).is_err());
        for point in [&[][..], &[4; 64], &[2; 65]] {
            assert!(PublicKey::from_point(point).is_none());
        }
    }
}
