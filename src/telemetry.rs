//! What the service says of itself: log lines, metrics, and the errors that it remembers.

pub mod errors;
pub mod logging;
pub mod metrics;
