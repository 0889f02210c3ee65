//! The keys that access tokens are signed with.

use prometheus::Gauge;
use time::OffsetDateTime;

use super::declare::metrics;

metrics! { init;
    KEYS: Gauge = "signing_keys", "Keys whose access tokens are believed: the one that signs, those before it, and the next one.";
    USABLE: Gauge = "signing_key_usable", "1 while this instance can sign access tokens; 0 while it has no key, or cannot read it.";
    SIGNS_FROM: Gauge = "signing_key_start_timestamp_seconds", "When the key that signs began to, in seconds since the epoch; 0 = not known, for keys from a file.";
}

/// There are so many keys; the one that signs, if there is one, does so since then, and can or cannot be read.
pub fn signing_keys(keys: usize, signer: Option<(OffsetDateTime, bool)>) {
    let (since, usable) = signer.unwrap_or((OffsetDateTime::UNIX_EPOCH, false));
    KEYS.set(keys as f64);
    USABLE.set(f64::from(usable));
    SIGNS_FROM.set(since.unix_timestamp() as f64);
}
