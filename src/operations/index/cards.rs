//! The figures that say whether people can register and sign in, each with its last hour.

use serde::Serialize;

use super::limits::{FAILING_REGISTRATIONS, FAILING_SIGN_INS, SLOW_REGISTRATION, SLOW_SIGN_IN};
use super::recent::{self, now};
use super::sign_ins;
use super::spark::{Spark, spark};
use crate::error::ErrorKind;
use crate::operations::words::{NONE, count, rate, seconds, share};
use crate::telemetry::history::Span;
use crate::telemetry::metrics::RegistrationOutcome::{Error, Success};
use crate::telemetry::metrics::SignInOutcome;

/// A minute that has only begun says little.
const LEAST_SECONDS: f32 = 15.0;
const P99: f64 = 0.99;

/// One figure.
#[derive(Debug, Serialize)]
pub(super) struct Card {
    title: &'static str,
    /// The figure, of now.
    now: String,
    unit: &'static str,
    class: &'static str,
    /// What the line shows at its extreme.
    extreme: String,
    spark: Spark,
}

/// How a figure is read from a time, and written.
struct Figure {
    title: &'static str,
    unit: &'static str,
    of: fn(&Span) -> Option<f64>,
    words: fn(f64) -> String,
    /// Where the scale ends at least.
    top: f64,
    limit: Option<f64>,
    class: fn(f64) -> &'static str,
    /// Whether the lowest value is the one that matters.
    is_low_bad: bool,
}

const FIGURES: [Figure; 9] = [
    Figure {
        title: "New users",
        unit: "a minute",
        of: |span| is_known(span).then(|| span.per_minute(span.counts.registrations(Success))),
        words: rate,
        top: 1.0,
        limit: None,
        class: |_| "",
        is_low_bad: false,
    },
    Figure {
        title: "Registrations that succeed",
        unit: "of the valid ones",
        of: success,
        words: share,
        top: 1.0,
        limit: None,
        class: |success| class_of(success, FAILING_REGISTRATIONS),
        is_low_bad: true,
    },
    Figure {
        title: "99 of 100 register within",
        unit: "",
        of: |span| span.counts.registrations_took().quantile(P99),
        words: seconds,
        top: SLOW_REGISTRATION,
        limit: Some(SLOW_REGISTRATION),
        class: |took| if took > SLOW_REGISTRATION { "warn" } else { "" },
        is_low_bad: false,
    },
    Figure {
        title: "Sign-ins",
        unit: "a minute",
        of: |span| is_known(span).then(|| span.per_minute(span.counts.sign_ins(SignInOutcome::Success))),
        words: rate,
        top: 1.0,
        limit: None,
        class: |_| "",
        is_low_bad: false,
    },
    Figure {
        title: "Sign-ins that succeed",
        unit: "of right passwords",
        of: sign_ins::success,
        words: share,
        top: 1.0,
        limit: None,
        class: |success| class_of(success, FAILING_SIGN_INS),
        is_low_bad: true,
    },
    Figure {
        title: "99 of 100 sign in within",
        unit: "",
        of: |span| span.counts.sign_ins_took().quantile(P99),
        words: seconds,
        top: SLOW_SIGN_IN,
        limit: Some(SLOW_SIGN_IN),
        class: |took| if took > SLOW_SIGN_IN { "warn" } else { "" },
        is_low_bad: false,
    },
    Figure {
        title: "Sign-ins that fail",
        unit: "a minute, by our fault",
        of: |span| is_known(span).then(|| span.per_minute(sign_ins::failures(span))),
        words: rate,
        top: 1.0,
        limit: None,
        class: |failures| if failures > 0.0 { "warn" } else { "" },
        is_low_bad: false,
    },
    Figure {
        title: "Errors",
        unit: "a minute",
        of: |span| is_known(span).then(|| span.per_minute(errors(span))),
        words: rate,
        top: 1.0,
        limit: None,
        class: |errors| if errors > 0.0 { "warn" } else { "" },
        is_low_bad: false,
    },
    Figure {
        title: "Jobs that wait",
        unit: "",
        of: |span| is_known(span).then(|| f64::from(span.waiting)),
        words: |jobs| count(jobs as u64),
        top: 10.0,
        limit: None,
        class: |_| "",
        is_low_bad: false,
    },
];

/// All figures, of these minutes.
pub(super) fn cards(minutes: &[Span]) -> Vec<Card> {
    FIGURES.iter().map(|figure| card(figure, minutes)).collect()
}

fn card(figure: &Figure, minutes: &[Span]) -> Card {
    let is_over = |(index, span): &(usize, &Span)| *index + 1 < minutes.len() || span.seconds >= LEAST_SECONDS;
    let drawn = minutes.iter().enumerate().filter(is_over);
    let values: Vec<Option<f64>> = drawn.map(|(_, span)| (figure.of)(span)).collect();
    let value = (figure.of)(&now(minutes));
    let words = |value: Option<f64>| value.map_or_else(|| NONE.into(), figure.words);
    let known = values.iter().flatten().copied();
    let (word, extreme) =
        if figure.is_low_bad { ("lowest", known.reduce(f64::min)) } else { ("highest", known.reduce(f64::max)) };
    let extreme = extreme.map_or_else(|| "nothing yet".into(), |extreme| format!("{word} {}", (figure.words)(extreme)));
    let unit = if value.is_some() { figure.unit } else { "" };
    let label = format!(
        "{}, minute by minute in the last hour: {extreme}; over the last {} minutes {} {unit}",
        figure.title,
        recent::MINUTES,
        words(value)
    );
    Card {
        title: figure.title,
        now: words(value),
        unit,
        class: value.map_or("", figure.class),
        extreme,
        spark: spark(&values, figure.top, figure.limit, label.trim_end().into()),
    }
}

/// The colour of a part that succeeds, where more than `failing` may not fail.
fn class_of(success: f64, failing: f64) -> &'static str {
    match success {
        all if all >= 1.0 => "",
        most if most >= 1.0 - failing => "warn",
        _ => "bad",
    }
}

fn is_known(span: &Span) -> bool {
    span.seconds > 0.0
}

/// Of the registrations that were valid and new, the part that succeeded.
fn success(span: &Span) -> Option<f64> {
    let [successes, failures] = [Success, Error].map(|outcome| f64::from(span.counts.registrations(outcome)));
    let all = successes + failures;
    (all > 0.0).then(|| successes / all)
}

/// Errors that are no everyday business.
fn errors(span: &Span) -> u32 {
    span.counts.errors(ErrorKind::Critical).saturating_add(span.counts.errors(ErrorKind::Unexpected))
}
