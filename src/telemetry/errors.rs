//! The one place where an error is recorded: its counter, when it was last seen, whom it hit, and the last samples.
//!
//! Memory is bounded whatever happens: [`SAMPLES`] samples of each error type, each at most [`MAX_SAMPLE_BYTES`], so
//! [`MEMORY_BOUND`] in all, which is below 1 MiB. Samples hold no address and no secret: see `crate::redaction`.

mod recorder;
mod sample;

use lazy_static::lazy_static;

pub use self::recorder::{History, MEMORY_BOUND, Recorder, SAMPLES};
pub use self::sample::{MAX_REQUEST_ID_BYTES, MAX_SAMPLE_BYTES, Occurrence, Sample};
use crate::telemetry::metrics;

lazy_static! {
    static ref RECORDER: Recorder = Recorder::default();
}

/// The recorder of this process, which begins with the first call: made at start.
pub fn recorder() -> &'static Recorder {
    &RECORDER
}

/// Records an error, at the boundary where it ends.
pub fn record(occurrence: &Occurrence<'_>) {
    metrics::error(occurrence.code, occurrence.class(), occurrence.subject);
    RECORDER.add(occurrence);
}
