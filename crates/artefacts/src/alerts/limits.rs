//! From which value on alerts fire.

use std::sync::LazyLock;

use anyhow::{Context, Result, bail};
use regex::Regex;
use serde_json::Number;

use super::{Alerts, Rule};
use crate::pattern::regex;
use crate::promql;

/// A number that something is compared with.
static COMPARED: LazyLock<Regex> = LazyLock::new(|| regex(r"(>=?)\s*(\d+(?:\.\d+)?)(?:\s|\)|$)"));
static NUMBER: LazyLock<Regex> = LazyLock::new(|| regex(r"(?:^|[^\w.:\[])(\d+(?:\.\d+)?)(?:$|[^\w.:])"));
static BOUND: LazyLock<Regex> = LazyLock::new(|| regex(r#"le="(\d+(?:\.\d+)?)""#));

impl Alerts {
    /// From which value on an alert fires for what a panel shows, and with which severity: the number that the first of its
    /// metrics is compared with. A whole number that must be exceeded is so by the next.
    pub fn limit(&self, name: &str, shown: &[&str], is_whole: bool) -> Result<(Number, &str)> {
        let mut limits = Vec::new();
        for rule in self.of(name) {
            let Some(place) = shown.iter().find_map(|metric| promql::place(&rule.expr, metric)) else { continue };
            let compared = COMPARED
                .captures(&rule.expr[place..])
                .with_context(|| format!("{name} compares {shown:?} with no number"))?;
            let number: Number = serde_json::from_str(&compared[2])?;
            let limit = match number.as_u64() {
                Some(whole) if is_whole && &compared[1] == ">" => (whole + 1).into(),
                _ => number,
            };
            limits.push((limit, rule.labels.get("severity").map_or("", String::as_str)));
        }
        limits.dedup();
        match limits.as_slice() {
            [limit] => Ok(limit.clone()),
            _ => bail!("{name} has {} limits for {shown:?}: write the one that is meant", limits.len()),
        }
    }

    /// The numbers that an alert could mean by a limit: those of its rules and of what is recorded for them. Of an objective
    /// the rest is the limit; whole numbers are exceeded by the next.
    pub fn numbers(&self, name: &str) -> Vec<f64> {
        self.recorded_for(vec![name]).into_iter().flat_map(|name| self.of(name)).flat_map(Rule::numbers).collect()
    }
}

impl Rule {
    fn numbers(&self) -> Vec<f64> {
        let plain = self.expr.split('"').step_by(2).collect::<Vec<_>>().join("\"\"");
        let written = NUMBER.captures_iter(&plain).chain(BOUND.captures_iter(&self.expr));
        let numbers = written.filter_map(|found| found[1].parse::<f64>().ok());
        numbers.flat_map(|number| [number, if number.fract() == 0.0 { number + 1.0 } else { 1.0 - number }]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::parse;

    const RULES: &str = r#"
groups:
  - rules:
      - {record: "slo:neodyme_a:ratio", expr: vector(0.99)}
      - {alert: NeodymeA, expr: "max(neodyme_a{b=\"1\"}[5m]) > 10 and neodyme_c >= 3", labels: {severity: warning}}
      - {alert: NeodymeA, expr: "neodyme_d > 0.5 * slo:neodyme_a:ratio", labels: {severity: critical}}
"#;

    fn alerts() -> Alerts {
        Alerts { rules: parse(RULES, "").unwrap() }
    }

    #[test]
    fn a_limit_is_what_the_shown_metric_is_compared_with() {
        let limit = |metric: &str, is_whole| {
            let limit = alerts().limit("NeodymeA", &[metric], is_whole).ok()?.0.as_f64()?;
            Some(limit)
        };
        assert_eq!(limit("neodyme_a", true), Some(11.0));
        assert_eq!(limit("neodyme_a", false), Some(10.0));
        assert_eq!(limit("neodyme_c", true), Some(3.0));
        assert_eq!(limit("neodyme_d", true), Some(0.5));
        assert_eq!(limit("neodyme_e", true), None);
        assert!(alerts().limit("NeodymeA", &["neodyme_a", "neodyme_d"], true).is_err());
    }

    #[test]
    fn numbers_are_those_of_a_rule_and_of_what_is_recorded_for_it() {
        let numbers = alerts().numbers("NeodymeA");
        for number in [10.0, 11.0, 3.0, 0.5, 0.01] {
            assert!(numbers.iter().any(|known| (known - number).abs() < 1e-9), "{number}: {numbers:?}");
        }
        assert!(!numbers.contains(&5.0) && !numbers.contains(&1.0), "{numbers:?}");
    }
}
