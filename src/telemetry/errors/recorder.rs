//! What is remembered of each error type since the start.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;

use super::sample::{MAX_SAMPLE_BYTES, Occurrence, Sample};
use crate::error::ErrorCode;

/// Samples kept of each error type.
pub const SAMPLES: usize = 20;
/// The most memory that all samples take, in bytes.
pub const MEMORY_BOUND: usize = ErrorCode::ALL.len() * SAMPLES * MAX_SAMPLE_BYTES;

const _: () = assert!(MEMORY_BOUND < 2 * 1024 * 1024, "the documentation says: below 2 MiB");

/// What happened of one error type since the start.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// How often it happened.
    pub count: u64,
    /// When first.
    pub first_seen: Option<OffsetDateTime>,
    /// When last.
    pub last_seen: Option<OffsetDateTime>,
    /// The last [`SAMPLES`], oldest first.
    pub samples: VecDeque<Sample>,
}

/// The history of each error type.
pub struct Recorder {
    since: OffsetDateTime,
    histories: Vec<Mutex<History>>,
}

impl Default for Recorder {
    fn default() -> Self {
        let empty = || Mutex::new(History { samples: VecDeque::with_capacity(SAMPLES), ..History::default() });
        Recorder { since: OffsetDateTime::now_utc(), histories: ErrorCode::ALL.iter().map(|_| empty()).collect() }
    }
}

impl Recorder {
    /// Remembers an error, and forgets the oldest sample of its type when there are enough.
    pub fn add(&self, occurrence: &Occurrence<'_>) {
        let now = OffsetDateTime::now_utc();
        let sample = Sample::of(occurrence, now);
        let mut history = self.lock(occurrence.code);
        history.count += 1;
        history.first_seen.get_or_insert(now);
        history.last_seen = Some(now);
        if history.samples.len() == SAMPLES {
            history.samples.pop_front();
        }
        history.samples.push_back(sample);
    }

    /// Since when it remembers.
    pub fn since(&self) -> OffsetDateTime {
        self.since
    }

    /// The history of a type.
    pub fn history(&self, code: ErrorCode) -> History {
        self.lock(code).clone()
    }

    /// The last one of a type.
    pub fn last(&self, code: ErrorCode) -> Option<Sample> {
        self.lock(code).samples.back().cloned()
    }

    /// The last one of a type at this step, if it is among those that are kept.
    pub fn last_at(&self, code: ErrorCode, step: &str) -> Option<Sample> {
        self.lock(code).samples.iter().rev().find(|sample| sample.step == Some(step)).cloned()
    }

    /// How often a type happened.
    pub fn count(&self, code: ErrorCode) -> u64 {
        self.lock(code).count
    }

    fn lock(&self, code: ErrorCode) -> MutexGuard<'_, History> {
        self.histories[code as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    fn occurrence<'a>(code: ErrorCode, error: &'a (dyn Error + 'static), id: &'a str) -> Occurrence<'a> {
        Occurrence { request_id: Some(id), trace_id: Some(id), ..Occurrence::of(code, error, "/users/") }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Chain {
        text: String,
        source: Option<Box<Chain>>,
    }

    /// An error with causes without end, and much to say about each.
    fn endless() -> Chain {
        let link = |source: Option<Chain>| Chain { text: "é ".repeat(500), source: source.map(Box::new) };
        (0..20).fold(link(None), |chain, _| link(Some(chain)))
    }

    #[test]
    fn the_last_samples_are_kept_and_all_errors_counted() {
        let (recorder, error) = (Recorder::default(), std::io::Error::other("odd"));
        for number in 0..50 {
            recorder.add(&occurrence(ErrorCode::Timeout, &error, &number.to_string()));
        }
        let history = recorder.history(ErrorCode::Timeout);
        assert_eq!((history.count, history.samples.len()), (50, SAMPLES));
        assert_eq!(history.samples[0].request_id.as_deref(), Some("30"));
        assert_eq!(history.samples[SAMPLES - 1].request_id.as_deref(), Some("49"));
        assert!(recorder.since() <= history.first_seen.unwrap() && history.first_seen < history.last_seen);
        assert_eq!(recorder.count(ErrorCode::NotFound), 0);
    }

    #[test]
    fn the_last_one_of_a_step_is_found_among_those_of_others() {
        let (recorder, error) = (Recorder::default(), std::io::Error::other("odd"));
        for (id, step) in [("1", Some("here")), ("2", Some("here")), ("3", Some("there")), ("4", None)] {
            recorder.add(&Occurrence { step, ..occurrence(ErrorCode::Timeout, &error, id) });
        }
        let last_at = |step| recorder.last_at(ErrorCode::Timeout, step).and_then(|sample| sample.request_id);
        assert_eq!(last_at("here").as_deref(), Some("2"));
        assert_eq!(last_at("nowhere"), None);
    }

    #[test]
    fn the_largest_errors_stay_within_the_bound() {
        let (recorder, error, id) = (Recorder::default(), endless(), "x".repeat(1000));
        for code in ErrorCode::ALL {
            for _ in 0..2 * SAMPLES {
                recorder.add(&occurrence(*code, &error, &id));
            }
        }
        let taken: usize = recorder
            .histories
            .iter()
            .map(|history| {
                let history = history.lock().unwrap();
                assert_eq!(history.samples.capacity(), SAMPLES);
                history.samples.iter().map(Sample::bytes).sum::<usize>()
            })
            .sum();
        assert!(taken <= MEMORY_BOUND, "{taken} of {MEMORY_BOUND}");
        assert!(taken > MEMORY_BOUND * 9 / 10, "the bound is honest: {taken} of {MEMORY_BOUND}");
    }
}
