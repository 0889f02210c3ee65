//! Signatures of the Standard Webhooks specification: HMAC-SHA256 over id, time and body, one for each secret.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

use crate::config::WebhookSecrets;

/// What signs for one endpoint. Printing does not show its keys.
#[derive(Clone)]
pub(super) struct Signer(Arc<[hmac::Key]>);

impl Signer {
    pub(super) fn new(secrets: &WebhookSecrets) -> Self {
        Signer(secrets.keys().iter().map(|key| hmac::Key::new(hmac::HMAC_SHA256, key)).collect())
    }

    /// The signatures of a request, with a space between: a receiver needs one that it can verify.
    pub(super) fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> String {
        self.0.iter().map(|key| signature(key, id, timestamp, body)).collect::<Vec<_>>().join(" ")
    }
}

fn signature(key: &hmac::Key, id: &str, timestamp: &str, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(key);
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        context.update(part);
    }
    format!("v1,{}", STANDARD.encode(context.sign()))
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.0.len())
    }
}
