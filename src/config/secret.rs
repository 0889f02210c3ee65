//! A text that must not be shown.

use secrecy::{ExposeSecret, SecretString};

/// A secret: `Debug` is redacted, the memory is wiped on drop.
#[derive(Clone, Debug)]
pub struct Secret(SecretString);

impl Secret {
    /// Keeps the text from now on to itself.
    pub fn new(text: &str) -> Self {
        Self(SecretString::from(text))
    }

    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_does_not_show_the_secret() {
        let secret = Secret::new("canary-4711");
        assert!(!format!("{secret:?}").contains("canary"));
        assert_eq!(secret.expose(), "canary-4711");
    }
}
