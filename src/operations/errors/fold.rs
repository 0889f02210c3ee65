//! Samples that say the same as one, with how often and when.

use serde::Serialize;
use time::OffsetDateTime;

use crate::config::Config;
use crate::operations::in_force;
use crate::telemetry::errors::Sample;
use crate::values::timestamp;

/// Samples with the same place, cause and words.
#[derive(Debug, Serialize)]
pub(super) struct Fold<'a> {
    /// The newest.
    newest: &'a Sample,
    /// Its causes, with the limits that were met.
    words: Vec<String>,
    /// How many there are.
    times: usize,
    /// When the oldest was.
    #[serde(with = "timestamp")]
    since: OffsetDateTime,
    /// The others, the newest first.
    others: Vec<&'a Sample>,
}

/// Folds samples, the newest first; the folds are in the order of their newest.
pub(super) fn folded<'a>(samples: &'a [Sample], config: &Config) -> Vec<Fold<'a>> {
    let mut folds: Vec<Fold<'_>> = Vec::new();
    for sample in samples {
        match folds.iter_mut().find(|fold| says_the_same(fold.newest, sample)) {
            Some(fold) => {
                fold.times += 1;
                fold.since = sample.time;
                fold.others.push(sample);
            }
            None => {
                let words = sample.chain.iter().map(|words| in_force::words(words, config)).collect();
                folds.push(Fold { newest: sample, words, times: 1, since: sample.time, others: Vec::new() });
            }
        }
    }
    folds
}

fn says_the_same(one: &Sample, other: &Sample) -> bool {
    let said = |sample: &Sample| (sample.route, sample.step, sample.cause);
    said(one) == said(other) && one.chain == other.chain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(second: i64, route: &'static str, words: &str) -> Sample {
        Sample {
            time: OffsetDateTime::from_unix_timestamp(second).unwrap(),
            request_id: None,
            trace_id: None,
            user_id: None,
            route,
            step: None,
            cause: Some("timeout"),
            chain: [words.into()].into(),
        }
    }

    #[test]
    fn what_says_the_same_is_one_and_counted() {
        let config = Config::load(&crate::config::Sources::default()).unwrap();
        let samples = [
            sample(9, "/users/", "no answer"),
            sample(8, "/users/", "refused"),
            sample(7, "/users/", "no answer"),
            sample(6, "outbox", "no answer"),
            sample(5, "/users/", "no answer"),
        ];
        let folds = folded(&samples, &config);
        let told: Vec<_> =
            folds.iter().map(|fold| (fold.newest.time.second(), fold.times, fold.since.second())).collect();
        assert_eq!(told, [(9, 3, 5), (8, 1, 8), (6, 1, 6)]);
        assert_eq!(folds[0].others.len(), 2);
    }
}
