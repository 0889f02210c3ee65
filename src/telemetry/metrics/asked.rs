//! What was asked of something that the service depends on, in sum.

/// How often something was asked, and how often that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Answers and failures.
    pub times: u64,
    /// Failures, no answer among them.
    pub failed: u64,
}
