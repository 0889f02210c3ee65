//! What the settings need and the system does not give.

/// There is too little of something.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TooLittle(pub(super) String);
