//! Access tokens.

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use neodyme::tokens::{Keyring, RingKey, SigningKey};
use time::OffsetDateTime;

/// Signs nothing but the seeds.
const KEY: &str = "\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg+3ISzr7pFr5N+XF1bfd7hcenqINIcDiN4GvoLZqMtfqh\
    RANCAAQXsE7kv4WsFhPPsl4EjEU1nB/AmL3uaHWWq31nFP3MPLKLEFEH6NIQuqKR/9S/Hj1egbr3E7/tWEgkBWmo7Otl";
/// Whose the seed `right` is.
const USER: &str = "01a21c30-e402-72a5-91ba-f183e5df67c3";

/// No token is believed but one that the key signed.
pub fn check(input: &[u8]) {
    static KEYRING: LazyLock<Keyring> = LazyLock::new(|| {
        let keyring = Keyring::new("neodyme", "api", Duration::from_secs(900));
        let signing = SigningKey::from_pkcs8(&STANDARD.decode(KEY).unwrap()).unwrap();
        let (public, signs_from) = (signing.public.clone(), OffsetDateTime::UNIX_EPOCH);
        keyring.replace(vec![RingKey { public, signing: Some(signing), signs_from }]);
        keyring
    });
    let right = include_bytes!("../corpus/access_token/right");
    match KEYRING.verify(input) {
        Ok(caller) => assert_eq!((input, caller.user_id.to_string()), (&right[..], USER.to_owned())),
        Err(fault) => assert!(input != right, "the right one is {fault:?}"),
    }
}
