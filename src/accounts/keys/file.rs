//! Keys that are given in a file.

use std::path::Path;

use anyhow::{Context, ensure};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use time::OffsetDateTime;

use crate::tokens::{RingKey, SigningKey};

/// Reads the keys of a file (PEM, PKCS #8). The first one signs.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<RingKey>> {
    let shown = path.display();
    let keys = PrivatePkcs8KeyDer::pem_file_iter(path).with_context(|| format!("read signing_key_file {shown}"))?;
    let keys: Vec<SigningKey> = keys
        .map(|der| SigningKey::from_pkcs8(der?.secret_pkcs8_der()).map_err(anyhow::Error::from_boxed))
        .collect::<anyhow::Result<_>>()
        .with_context(|| format!("read the keys in signing_key_file {shown}"))?;
    ensure!(
        !keys.is_empty(),
        "signing_key_file {shown} has no key; `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` makes one"
    );
    let signs_from = OffsetDateTime::UNIX_EPOCH;
    let ring_key = |signing: SigningKey| RingKey { public: signing.public.clone(), signing: Some(signing), signs_from };
    // The keyring has the last one sign.
    Ok(keys.into_iter().rev().map(ring_key).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Made with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`; signs nothing.
    const ONE: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgRPboAb8fexbPoLu6
f/u/zVSX0O+u40LYgv4fdGdZihihRANCAAQFvzh5vcVGXO4eHP3qJ3k8KwB1LuLX
xu/72LJ5C8oY4pV+0rSDzCrd9azWqZsx1I6XqA9F1WuT+GIyW1XwCxj5
-----END PRIVATE KEY-----
";
    const OTHER: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgnei7pxD5Rib/CTIz
MT1E5VPWGEAUuya+q/GIfquZpUahRANCAARx4B0OkuhMEedWCh7EwLdqrs6Wzani
2ffGSEllRWRPsAf7ykAFUgIJGHUwCKapg3MNUt+71dsVPCDxzfVT1sHs
-----END PRIVATE KEY-----
";

    fn read_text(text: &str) -> anyhow::Result<Vec<RingKey>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.pem");
        fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn the_first_key_of_a_file_signs() {
        let keys = read_text(&format!("{ONE}{OTHER}")).unwrap();
        assert_eq!(keys.len(), 2);
        assert_eq!(keys[1].public.kid, read_text(ONE).unwrap()[0].public.kid);
    }

    #[test]
    fn a_file_without_keys_is_refused() {
        for (text, says) in [("", "has no key"), ("canary", "has no key"), (&ONE.replace('M', "A"), "read the keys")] {
            let error = format!("{:#}", read_text(text).err().unwrap());
            assert!(error.contains(says) && !error.contains("canary"), "{error}");
        }
        assert!(read(Path::new("/nonexistent/keys.pem")).is_err());
    }
}
