//! A key of a ring, and how all of them stand.

use time::OffsetDateTime;

use super::key::{PublicKey, SigningKey};

/// A key, and from when on it signs.
#[derive(Clone)]
pub struct RingKey {
    /// What verifies.
    pub public: PublicKey,
    /// What signs; none where it cannot be read here.
    pub signing: Option<SigningKey>,
    /// From when on.
    pub signs_from: OffsetDateTime,
}

/// How the keys stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How many tokens are believed of.
    pub keys: usize,
    /// The one that signs.
    pub signer: Option<KeyStanding>,
    /// The first one that will sign, and cannot be read here.
    pub unreadable_next: Option<KeyStanding>,
}

/// How a key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStanding {
    /// Its name in tokens.
    pub kid: String,
    /// From when on it signs; the beginning of 1970, where that is not known.
    pub signs_from: OffsetDateTime,
    /// Whether it can be read here, so that this instance can sign with it.
    pub is_usable: bool,
}

/// The key that signs at this time.
pub(super) fn signer(keys: &[RingKey], now: OffsetDateTime) -> Option<&RingKey> {
    keys.iter().rfind(|key| key.signs_from <= now).or(keys.first())
}

impl Standing {
    pub(super) fn of(keys: &[RingKey], now: OffsetDateTime) -> Self {
        let standing = |key: &RingKey| KeyStanding {
            kid: key.public.kid.clone(),
            signs_from: key.signs_from,
            is_usable: key.signing.is_some(),
        };
        let next = keys.iter().find(|key| key.signs_from > now && key.signing.is_none());
        Standing { keys: keys.len(), signer: signer(keys, now).map(standing), unreadable_next: next.map(standing) }
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    #[test]
    fn it_is_told_which_key_signs_and_which_will_not() {
        let now = OffsetDateTime::now_utc();
        let key = |hours: i64, is_readable: bool| {
            let signing = SigningKey::generate().unwrap();
            RingKey {
                public: signing.public.clone(),
                signing: is_readable.then_some(signing),
                signs_from: now + Duration::hours(hours),
            }
        };
        let signs = |standing: &Standing| standing.signer.as_ref().map(|signer| signer.is_usable);
        let none = Standing::of(&[], now);
        assert_eq!((none.keys, signs(&none), none.unreadable_next), (0, None, None));
        let good = Standing::of(&[key(-2, false), key(-1, true), key(1, true)], now);
        assert_eq!((good.keys, signs(&good), good.unreadable_next), (3, Some(true), None));
        let keys = [key(-2, true), key(-1, false), key(1, false)];
        let bad = Standing::of(&keys, now);
        assert_eq!(signs(&bad), Some(false));
        assert_eq!(bad.unreadable_next.map(|next| next.kid).as_ref(), Some(&keys[2].public.kid));
    }
}
