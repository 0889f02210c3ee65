use super::*;
use crate::telemetry::metrics::RegistrationOutcome::{self, Error, Success};

fn history() -> Kept {
    Kept { minutes: VecDeque::from([Span::default()]), number: 0, totals: Totals::default(), at: Duration::ZERO }
}

/// What the counters say after so many successes and failures.
fn totals(successes: u64, failures: u64) -> Totals {
    Totals::of_registrations(&[(Success, successes), (Error, failures)])
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn of(span: &Span, outcome: RegistrationOutcome) -> u32 {
    span.counts.registrations(outcome)
}

#[test]
fn a_minute_has_what_happened_in_it() {
    let mut history = history();
    history.note(at(30), totals(5, 0), 1);
    history.note(at(58), totals(7, 1), 2);
    history.note(at(62), totals(10, 1), 3);
    let minutes: Vec<Span> = history.minutes.into_iter().collect();
    let successes: Vec<u32> = minutes.iter().map(|minute| of(minute, Success)).collect();
    assert_eq!(successes, [7, 3]);
    assert_eq!((of(&minutes[0], Error), minutes[0].waiting, minutes[1].waiting), (1, 2, 3));
    assert_eq!(minutes[1].per_minute(3), 3.0, "of four seconds nothing is extrapolated");
    let both = sum(&minutes);
    assert_eq!((of(&both, Success), both.waiting, both.seconds), (10, 3, 62.0));
}

#[test]
fn an_hour_is_kept_and_what_was_not_seen_is_not_known() {
    let mut history = history();
    for minute in 0..200 {
        history.note(at(minute * 60 + 30), totals(minute, 0), 0);
    }
    assert_eq!((history.minutes.len(), history.minutes.capacity()), (MINUTES, MINUTES.next_power_of_two()));
    // Nothing ran for three minutes.
    history.note(at(202 * 60 + 30), totals(500, 0), 0);
    let last: Vec<Span> = history.minutes.iter().rev().take(4).rev().copied().collect();
    assert_eq!(last.iter().map(|minute| minute.seconds).collect::<Vec<_>>(), [60.0, 0.0, 0.0, 180.0]);
    assert_eq!(of(&last[3], Success), 301);
    assert_eq!(last[1].per_minute(0), 0.0);
    // Nor for three hours: all is new.
    history.note(at(400 * 60), totals(501, 0), 0);
    assert_eq!(history.minutes.len(), MINUTES);
    assert_eq!(sum(&history.minutes.make_contiguous()[..MINUTES - 1]), Span::default());
}
