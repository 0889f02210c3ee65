//! What webhooks are signed with, as the Standard Webhooks specification writes it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Secret;
use super::value::Value;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// How many bytes a secret has.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// A second one is there while the first takes its place.
const MOST: usize = 2;

/// The secrets of an endpoint: one, or two while one is replaced.
#[derive(Clone, Debug, Default)]
pub struct WebhookSecrets(Vec<Secret>);

impl WebhookSecrets {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The bytes of each, for the one place that signs with them.
    pub fn keys(&self) -> Vec<Vec<u8>> {
        self.0.iter().filter_map(|secret| bytes(secret.expose())).collect()
    }
}

fn bytes(secret: &str) -> Option<Vec<u8>> {
    STANDARD.decode(secret.strip_prefix(PREFIX)?).ok().filter(|bytes| BYTES.contains(&bytes.len()))
}

impl Value for WebhookSecrets {
    type Limits = ();
    const PLACEHOLDER: &'static str = "SECRETS";
    const SECRET: bool = true;

    fn accepted((): &()) -> String {
        format!(
            "{PREFIX} and 24 to 64 random bytes in base64, as `echo {PREFIX}$(openssl rand -base64 32)` makes it; or two of \
             them with a space between"
        )
    }

    fn parse(text: &str, (): &()) -> Result<Self, &'static str> {
        let secrets: Vec<&str> = text.split([' ', ',']).filter(|secret| !secret.is_empty()).collect();
        if secrets.len() > MOST {
            return Err("has more than two secrets");
        }
        if !secrets.iter().all(|secret| secret.starts_with(PREFIX)) {
            return Err("does not begin with whsec_");
        }
        if !secrets.iter().all(|secret| bytes(secret).is_some()) {
            return Err("has not 24 to 64 bytes in base64 after whsec_");
        }
        Ok(WebhookSecrets(secrets.into_iter().map(Secret::new).collect()))
    }

    fn show(&self) -> String {
        vec!["***"; self.0.len()].join(" ")
    }

    /// Each as it is written, and without what all begin with.
    fn secrets(&self) -> Vec<Secret> {
        let bare = self.0.iter().filter_map(|secret| secret.expose().strip_prefix(PREFIX)).map(Secret::new);
        self.0.iter().cloned().chain(bare).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn one_secret_or_two_are_read() {
        let read = |text: &str| WebhookSecrets::parse(text, &()).map(|secrets| secrets.keys().len());
        assert_eq!([read(""), read(GOOD)], [Ok(0), Ok(1)]);
        assert_eq!([read(&format!("{GOOD} {GOOD}")), read(&format!("{GOOD},{GOOD}"))], [Ok(2), Ok(2)]);
        for wrong in [
            "secret",
            "whsec_",
            "whsec_c2hvcnQ=",
            &GOOD[6..],
            &GOOD[..GOOD.len() - 1],
            &format!("{GOOD} x"),
            &format!("{GOOD} {GOOD} {GOOD}"),
            &format!("whsec_{}", STANDARD.encode([7; 65])),
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn they_are_not_shown() {
        let secrets = WebhookSecrets::parse(&format!("{GOOD} {GOOD}"), &()).unwrap();
        assert_eq!(secrets.show(), "*** ***");
        assert!(!format!("{secrets:?}").contains("MfKQ"));
        assert!(secrets.secrets().iter().any(|secret| secret.expose() == &GOOD[6..]));
    }
}
