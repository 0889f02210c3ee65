//! What the service says of itself: log lines, metrics, and the errors that it remembers.

pub mod errors;
mod event;
pub mod history;
pub mod logging;
pub mod metrics;

pub use self::event::Event;
