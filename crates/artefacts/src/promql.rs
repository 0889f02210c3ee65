//! Expressions of PromQL as far as they must be understood: which metrics they select, and over which range.

use std::borrow::Cow;
use std::sync::LazyLock;

use anyhow::{Result, ensure};
use regex::{Captures, Regex};
use serde::Deserialize;

use crate::pattern::regex;

/// A text in quotes, which comes first so that nothing in it is found, or a metric and the brace behind it.
static METRIC: LazyLock<Regex> =
    LazyLock::new(|| regex(r#""[^"]*"|\b(neodyme_\w+|process_\w+|up|ALERTS\w*|[a-z_]\w*:[\w:]+)\b(\{?)"#));
/// The range of a rate.
static RATE: LazyLock<Regex> = LazyLock::new(|| regex(r"\bi?rate\([^\[]*\[([^\]]*)\]"));
static COUNTER: LazyLock<Regex> = LazyLock::new(|| regex(r"\w+_total\b"));

/// What belongs into every selector.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selectors {
    exported: String,
    recorded: String,
}

impl Selectors {
    /// The expression with job and instance in each of its selectors.
    pub fn complete<'a>(&self, expression: &'a str) -> Cow<'a, str> {
        METRIC.replace_all(expression, |found: &Captures<'_>| match (found.get(1), &found[0]) {
            (None, quoted) => quoted.to_owned(),
            (Some(metric), whole) => match (self.of(metric.as_str()), whole.strip_suffix('{')) {
                ("", _) => whole.to_owned(),
                (own, None) => format!("{whole}{{{own}}}"),
                (own, Some(metric)) => format!("{metric}{{{own}, "),
            },
        })
    }

    fn of(&self, metric: &str) -> &str {
        match metric {
            objective if objective.starts_with("slo:") => "",
            recorded if recorded.starts_with("ALERTS") => &self.recorded,
            recorded if recorded.split_once(':').is_some_and(|(of, _)| !of.contains("instance")) => &self.recorded,
            _ => &self.exported,
        }
    }
}

/// The metrics that an expression selects, in the order in which they are written.
pub fn metrics(expression: &str) -> Vec<&str> {
    METRIC.captures_iter(expression).filter_map(|found| Some(found.get(1)?.as_str())).collect()
}

/// Where an expression first selects a metric.
pub fn place(expression: &str, metric: &str) -> Option<usize> {
    let mut found = METRIC.captures_iter(expression).filter_map(|found| found.get(1));
    found.find(|found| found.as_str() == metric).map(|found| found.start())
}

/// Rates are over Grafana's interval, which follows the zoom, and counters are never looked at but through a rate.
pub fn check(expression: &str) -> Result<()> {
    for rate in RATE.captures_iter(expression) {
        ensure!(&rate[1] == "$__rate_interval", "a rate over [{}]: {expression}", &rate[1]);
    }
    for counter in COUNTER.find_iter(expression) {
        let before = &expression[..counter.start()];
        ensure!(before.ends_with("rate(") || before.ends_with("increase("), "{} without a rate", counter.as_str());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(expression: &str) -> String {
        let selectors = Selectors { exported: "i=\"$i\"".into(), recorded: "j=\"$j\"".into() };
        selectors.complete(expression).into_owned()
    }

    #[test]
    fn each_selector_is_completed_by_what_is_known_of_its_metric() {
        assert_eq!(
            complete("rate(neodyme_a_total{b=\"up\"}[5m:5s])"),
            "rate(neodyme_a_total{i=\"$i\", b=\"up\"}[5m:5s])"
        );
        assert_eq!(complete("job:neodyme_a:max > 0"), "job:neodyme_a:max{j=\"$j\"} > 0");
        assert_eq!(complete("instance:neodyme_a:max"), "instance:neodyme_a:max{i=\"$i\"}");
        assert_eq!(complete("1 - slo:neodyme_a:ratio{slo=\"a\"}"), "1 - slo:neodyme_a:ratio{slo=\"a\"}");
        assert_eq!(complete("label_replace(x, \"up\", \"neodyme_a\")"), "label_replace(x, \"up\", \"neodyme_a\")");
    }

    #[test]
    fn a_rate_over_a_fixed_range_and_a_bare_counter_are_refused() {
        assert!(check("rate(a_total[$__rate_interval]) + increase(b_total{c=\"d\"}[$__range])").is_ok());
        assert!(check("rate(a_total{b=\"c\"}[5m])").is_err());
        assert!(check("a_total > 0").is_err());
    }
}
