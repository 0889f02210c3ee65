//! Events: what happens is a value, and all that is said of it is said in one place.

use slog::Logger;

/// Something that has happened.
pub trait Event {
    /// Writes the log line, moves the counters, records the error: whatever there is to say of it, once.
    fn emit(self, log: &Logger);
}
