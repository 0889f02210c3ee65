//! A command line that cannot be followed.

/// Arguments that are right by themselves and wrong together.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Misuse(pub(super) String);
