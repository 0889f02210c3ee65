//! The table `signing_keys`.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::{Duration, OffsetDateTime};

use crate::config::Secret;
use crate::error::{Cause, Result};
use crate::label::labels;
use crate::sealing;
use crate::store::Db;
use crate::store::moment::Moment;
use crate::store::query::{with_read, with_write};
use crate::store::schema::signing_keys;
use crate::store::types::UtcTime;
use crate::telemetry::metrics::DbOperation;
use crate::tokens::{PublicKey, RingKey, SigningKey};

/// For what keys are sealed.
const PURPOSE: &str = "signing key";
/// An access token is valid for an hour at most, whatever the settings of other instances.
const LONGEST_LIFETIME: Duration = Duration::hours(1);
/// Until nobody's clock takes the last token for valid.
const MARGIN: Duration = Duration::minutes(5);

/// A key as it is stored.
#[derive(Clone, Queryable)]
pub struct StoredKey {
    /// Later keys have greater ones.
    pub number: i32,
    /// Its name in tokens.
    pub kid: String,
    /// What verifies, as a point of the curve.
    public_key: Vec<u8>,
    /// What signs, in PKCS #8, perhaps sealed.
    private_key: Vec<u8>,
    /// Whether it is encrypted under `key_encryption_key`.
    pub is_sealed: bool,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// From when on it signs.
    pub signs_from: OffsetDateTime,
}

labels! {
    /// Where a key stands.
    pub enum KeyState("state") {
        /// It is published, and will sign.
        Next = "next",
        /// It signs.
        Signs = "signs",
        /// It signed, and its tokens are still believed.
        Leaving = "leaving",
    }
}

impl StoredKey {
    /// A new key, sealed where there is something to seal it under.
    pub(super) fn new(
        number: i32,
        key: &SigningKey,
        secret: Option<&Secret>,
        signs_from: OffsetDateTime,
        now: OffsetDateTime,
    ) -> std::result::Result<Self, Cause> {
        let private_key = match secret {
            Some(secret) => sealing::seal(secret.expose().as_bytes(), PURPOSE, key.expose())?,
            None => key.expose().to_vec(),
        };
        let (kid, public_key) = (key.public.kid.clone(), key.public.point().to_vec());
        let is_sealed = secret.is_some();
        Ok(StoredKey { number, kid, public_key, private_key, is_sealed, created_at: now, signs_from })
    }

    /// The key that signs.
    ///
    /// # Errors
    /// When it is sealed under another secret, or is no key.
    pub(super) fn signing(&self, secret: Option<&Secret>) -> std::result::Result<SigningKey, Cause> {
        match (self.is_sealed, secret) {
            (false, _) => SigningKey::from_pkcs8(&self.private_key),
            (true, None) => Err("it is encrypted, and key_encryption_key is not set".into()),
            (true, Some(secret)) => {
                let key = sealing::open(secret.expose().as_bytes(), PURPOSE, &self.private_key);
                SigningKey::from_pkcs8(&key.map_err(|error| format!("with this key_encryption_key, it {error}"))?)
            }
        }
    }

    /// Whether it can sign with this secret.
    pub fn is_readable(&self, secret: Option<&Secret>) -> bool {
        self.signing(secret).is_ok()
    }

    /// The key as the keyring has it; none where the database holds what is none.
    pub(super) fn for_ring(&self, secret: Option<&Secret>) -> Option<RingKey> {
        let public = PublicKey::from_point(&self.public_key)?;
        Some(RingKey { public, signing: self.signing(secret).ok(), signs_from: self.signs_from })
    }

    /// Where this key stands among all.
    pub fn state(&self, all: &[StoredKey], now: OffsetDateTime) -> KeyState {
        match self.signs_from > now {
            true => KeyState::Next,
            false if self.is_superseded(all, now) => KeyState::Leaving,
            false => KeyState::Signs,
        }
    }

    /// Whether a later key signs already, so that this one does not, or not any more.
    pub(super) fn is_superseded(&self, all: &[StoredKey], now: OffsetDateTime) -> bool {
        all.iter().any(|other| other.number > self.number && other.signs_from <= now)
    }

    /// Whether none of its tokens is valid any more.
    pub(super) fn is_over(&self, all: &[StoredKey], now: OffsetDateTime) -> bool {
        let gone_by = now - LONGEST_LIFETIME - MARGIN;
        all.iter().any(|other| other.number > self.number && other.signs_from <= gone_by)
    }
}

/// All keys, the first one first.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db) -> Result<Vec<StoredKey>> {
    with_read!(db, DbOperation::SigningKeys, |conn| signing_keys::table.order(signing_keys::number).load(conn))
}

/// Adds a key, unless another instance has added one of this number. Says whether it did.
pub(super) async fn add(db: &Db, key: StoredKey) -> Result<bool> {
    let added = with_write!(db, DbOperation::SigningKeys, |conn| {
        diesel::insert_into(signing_keys::table)
            .values((
                signing_keys::number.eq(key.number),
                signing_keys::kid.eq(&key.kid),
                signing_keys::public_key.eq(&key.public_key),
                signing_keys::private_key.eq(&key.private_key),
                signing_keys::is_sealed.eq(key.is_sealed),
                signing_keys::created_at.eq(UtcTime(key.created_at)),
                signing_keys::signs_from.eq(Moment::of(key.signs_from)),
            ))
            .on_conflict_do_nothing()
            .execute(conn)
    })?;
    Ok(added == 1)
}

/// Removes keys.
pub(super) async fn remove(db: &Db, numbers: &[i32]) -> Result<usize> {
    with_write!(db, DbOperation::SigningKeys, |conn| {
        diesel::delete(signing_keys::table.filter(signing_keys::number.eq_any(numbers))).execute(conn)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(ages: &[Duration], now: OffsetDateTime) -> Vec<StoredKey> {
        let key = SigningKey::generate().unwrap();
        let new = |(number, age): (i32, &Duration)| StoredKey::new(number, &key, None, now - *age, now).unwrap();
        (1..).zip(ages).map(new).collect()
    }

    #[test]
    fn a_key_leaves_when_the_last_token_of_its_time_has_expired() {
        let now = OffsetDateTime::now_utc();
        let all = keys(&[Duration::days(9), Duration::hours(2), Duration::hours(1), Duration::hours(-1)], now);
        let states: Vec<_> = all.iter().map(|key| (key.state(&all, now), key.is_over(&all, now))).collect();
        use KeyState::{Leaving, Next, Signs};
        assert_eq!(states, [(Leaving, true), (Leaving, false), (Signs, false), (Next, false)]);
    }

    #[test]
    fn a_sealed_key_is_read_with_its_secret_only() {
        let (key, now) = (SigningKey::generate().unwrap(), OffsetDateTime::now_utc());
        let [secret, other] =
            ["canary canary canary canary canary", "other other other other other other"].map(Secret::new);
        let sealed = StoredKey::new(1, &key, Some(&secret), now, now).unwrap();
        assert_ne!(sealed.private_key, key.expose());
        assert_eq!(sealed.signing(Some(&secret)).unwrap().expose(), key.expose());
        for wrong in [None, Some(&other)] {
            let error = sealed.signing(wrong).unwrap_err().to_string();
            assert!(error.contains("key_encryption_key") && !error.contains("canary"), "{error}");
            assert!(sealed.for_ring(wrong).unwrap().signing.is_none(), "it verifies all the same");
        }
    }
}
