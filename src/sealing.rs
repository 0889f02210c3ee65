//! Secrets that lie in the database: sealed, so that the database alone does not give them away, and those that nobody sees
//! again, as their hash.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::{digest, hmac};

use crate::error::Cause;

/// The bytes of a SHA-256.
pub const HASH_BYTES: usize = 32;

/// Seals under a secret of any length: AES-256-GCM, with a key derived for this one purpose (HKDF, RFC 5869).
///
/// # Errors
/// When the system gives no random numbers.
pub fn seal(secret: &[u8], purpose: &str, plain: &[u8]) -> Result<Vec<u8>, Cause> {
    let mut nonce = [0; NONCE_LEN];
    getrandom::fill(&mut nonce).map_err(|error| error.to_string())?;
    let mut sealed = plain.to_vec();
    let tag = derived(secret, purpose)?
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)
        .map_err(|_unspecified| "cannot be sealed")?;
    Ok([nonce.as_slice(), &sealed, tag.as_ref()].concat())
}

/// What [`seal`] sealed.
///
/// # Errors
/// When it was sealed under another secret, for another purpose, or changed since.
pub fn open(secret: &[u8], purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, Cause> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or("is too short to be sealed")?;
    let mut plain = sealed.to_vec();
    let length = derived(secret, purpose)?
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut plain)
        .map_err(|_unspecified| "is sealed under another secret, or was changed")?
        .len();
    plain.truncate(length);
    Ok(plain)
}

fn derived(secret: &[u8], purpose: &str) -> Result<LessSafeKey, Cause> {
    let pseudorandom = Salt::new(HKDF_SHA256, b"neodyme").extract(secret);
    let info = [purpose.as_bytes()];
    let key = pseudorandom.expand(&info, &AES_256_GCM).map_err(|_unspecified| "no key can be derived")?;
    Ok(LessSafeKey::new(UnboundKey::from(key)))
}

/// A new secret of 256 bits that a person or a client keeps, as text (base64url).
///
/// # Errors
/// When the system gives no random numbers.
pub fn random_token() -> Result<String, Cause> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The SHA-256 of a secret that cannot be guessed: it needs no salt and no time.
pub fn hash(secret: &[u8]) -> [u8; HASH_BYTES] {
    let mut hash = [0; HASH_BYTES];
    hash.copy_from_slice(digest::digest(&digest::SHA256, secret).as_ref());
    hash
}

/// HMAC-SHA-256: the hash of what could be guessed, for those who know the key.
pub fn keyed_hash(key: &[u8], value: &[u8]) -> [u8; HASH_BYTES] {
    let mut hash = [0; HASH_BYTES];
    hash.copy_from_slice(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), value).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_secret_opens_for_the_same_purpose() {
        let sealed = seal(b"secret", "keys", b"plain").unwrap();
        assert_eq!(open(b"secret", "keys", &sealed).unwrap(), b"plain");
        assert!(!sealed.windows(5).any(|part| part == b"plain"));
        assert_ne!(seal(b"secret", "keys", b"plain").unwrap(), sealed);
        assert!(open(b"Secret", "keys", &sealed).is_err() && open(b"secret", "tokens", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(b"secret", "keys", &changed).is_err());
            assert!(open(b"secret", "keys", &sealed[..at]).is_err());
        }
    }

    #[test]
    fn tokens_are_long_and_hashes_known() {
        let token = random_token().unwrap();
        assert_eq!(token.len(), 43);
        assert_ne!(token, random_token().unwrap());
        // FIPS 180-4, and RFC 4231, 4.3.
        assert_eq!(hash(b"abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!(keyed_hash(b"Jefe", b"what do ya want for nothing?")[..4], [0x5b, 0xdc, 0xc1, 0x46]);
    }
}
