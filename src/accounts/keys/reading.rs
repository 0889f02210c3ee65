//! Whether the keys that sign, now or later, can be read with the `key_encryption_key` that is set here.

use super::stored::{KeyState, StoredKey};
use crate::clock;
use crate::config::Secret;
use crate::error::Cause;

/// A key that signs, or is to, and cannot be read.
pub(super) struct Unreadable<'a> {
    pub(super) key: &'a StoredKey,
    pub(super) cause: Cause,
}

/// The first of those that sign now or later that cannot be read. What only verifies need not be.
pub(super) fn unreadable<'a>(keys: &'a [StoredKey], secret: Option<&Secret>) -> Option<Unreadable<'a>> {
    let now = clock::now();
    let mut signing = keys.iter().filter(|key| !key.is_superseded(keys, now));
    signing.find_map(|key| key.signing(secret).err().map(|cause| Unreadable { key, cause }))
}

/// Fails where one of them cannot be read: that is a mistake to be told at once, and not at each sign-in.
pub(super) fn check(keys: &[StoredKey], secret: Option<&Secret>) -> anyhow::Result<()> {
    match unreadable(keys, secret) {
        None => Ok(()),
        Some(Unreadable { key, cause }) => {
            Err(anyhow::Error::from_boxed(cause).context(format!("read the signing key {}", key.kid)))
        }
    }
}

/// Whether the one that signs lies open, although there is something to encrypt it under.
pub(super) fn lies_open(keys: &[StoredKey], secret: Option<&Secret>) -> bool {
    let now = clock::now();
    let signer = keys.iter().rfind(|key| key.state(keys, now) == KeyState::Signs);
    secret.is_some() && signer.is_some_and(|signer| !signer.is_sealed)
}

#[cfg(test)]
mod tests {
    use time::{Duration, OffsetDateTime};

    use super::*;
    use crate::tokens::SigningKey;

    fn key(number: i32, secret: Option<&Secret>, age: Duration) -> StoredKey {
        let now = OffsetDateTime::now_utc();
        StoredKey::new(number, &SigningKey::generate().unwrap(), secret, now - age, now).unwrap()
    }

    #[test]
    fn what_signs_now_or_later_is_read_and_what_did_need_not_be() {
        let [ours, other] =
            ["canary canary canary canary canary", "other other other other other other"].map(Secret::new);
        let (ours, other) = (Some(&ours), Some(&other));
        let (old, now, next) = (Duration::hours(2), Duration::hours(1), Duration::hours(-1));
        let is_read = |keys: &[StoredKey], secret| check(keys, secret).is_ok();
        assert!(is_read(&[], ours) && is_read(&[], None));
        assert!(is_read(&[key(1, ours, now)], ours));
        for wrong in [other, None] {
            assert!(!is_read(&[key(1, ours, now)], wrong));
            assert!(!is_read(&[key(1, None, now), key(2, ours, next)], wrong), "it will sign");
        }
        assert!(is_read(&[key(1, other, old), key(2, ours, now), key(3, ours, next)], ours), "it signs no more");
        assert!(is_read(&[key(1, other, next), key(2, ours, now)], ours), "it never will");
        assert!(lies_open(&[key(1, None, now)], ours));
        assert!(!lies_open(&[key(1, None, now)], None) && !lies_open(&[key(1, None, old), key(2, ours, now)], ours));
    }
}
