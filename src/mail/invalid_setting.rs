//! A setting of the mail that was read, and does not work.

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: {text}")]
pub struct InvalidSetting {
    /// Which one.
    pub setting: &'static str,
    text: String,
}

impl InvalidSetting {
    pub(super) fn new(setting: &'static str, text: impl Into<String>) -> Self {
        Self { setting, text: text.into() }
    }
}
