//! The key of the hashes by which users that errors hit are told apart: set, or shared by all instances through the table
//! `shared_keys`.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;
use slog::Logger;

use super::shared_keys::shared_or_own;
use crate::config::Config;
use crate::store::Db;

/// The key: made of the one set, or else the one that instances share.
pub(super) async fn user_hash_key(config: &Config, db: &Db, log: &Logger) -> anyhow::Result<[u8; 16]> {
    if let Some(secret) = &config.error_user_hash_key {
        return Ok(stretched(secret.expose().as_bytes()));
    }
    const WITHOUT: &str =
        "to count the users that errors hit: until the next start, one that two instances meet counts twice";
    Ok(stretched(&shared_or_own::<16>(db, "error_users", log, WITHOUT).await?))
}

/// A key of any length as one of 16 bytes.
fn stretched(secret: &[u8]) -> [u8; 16] {
    let mut key = [0; 16];
    for (half, number) in key.chunks_exact_mut(8).zip(0_u8..) {
        let mut hasher = SipHasher13::new_with_keys(u64::from(number), 0);
        hasher.write(secret);
        half.copy_from_slice(&hasher.finish().to_le_bytes());
    }
    key
}
