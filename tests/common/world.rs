//! What a query can ask for: every metric and label that the service exports or a rule records.

use std::collections::{BTreeMap, BTreeSet};

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::VectorSelector;
use promql_parser::parser::token::{T_EQL, T_EQL_REGEX};

use super::rules::rules;
use super::scrape::Sample;

/// Everything that can be selected.
pub struct World<'a> {
    exported: BTreeMap<&'a str, Vec<&'a Sample>>,
    recorded: BTreeSet<String>,
    /// Of each label, the values it takes anywhere.
    values: BTreeMap<String, BTreeSet<String>>,
}

impl<'a> World<'a> {
    /// Of a scrape, and of the shipped rules.
    pub fn of(samples: &'a [Sample]) -> Self {
        let rules = rules();
        let mut exported: BTreeMap<&str, Vec<&Sample>> = BTreeMap::new();
        samples.iter().for_each(|sample| exported.entry(&sample.name).or_default().push(sample));
        let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let labels = samples.iter().map(|sample| &sample.labels).chain(rules.iter().map(|rule| &rule.labels));
        labels.flatten().for_each(|(label, value)| {
            values.entry(label.clone()).or_default().insert(value.clone());
        });
        let recorded = rules.into_iter().filter_map(|rule| rule.record).collect();
        World { exported, recorded, values }
    }

    /// Fails when what is selected is neither exported nor recorded.
    pub fn assert_knows(&self, selector: &VectorSelector, place: &str) {
        let metric = selector.name.as_deref().unwrap_or_else(|| panic!("{place}: {selector} without a name"));
        if is_of_prometheus(metric) {
            return;
        }
        assert!(
            if metric.contains(':') { self.recorded.contains(metric) } else { self.exported.contains_key(metric) },
            "{place}: {metric} is neither exported nor recorded"
        );
        // What Prometheus adds can be anything.
        let is_ours = |matcher: &&Matcher| !["job", "instance"].contains(&matcher.name.as_str());
        for alternative in selector.matchers.matchers.iter().filter(is_ours).flat_map(alternatives) {
            let label = &alternative.name;
            let fits = |value: &String| alternative.is_match(value);
            let known = match self.exported.get(metric) {
                Some(samples) => samples.iter().any(|sample| sample.labels.get(label).is_some_and(fits)),
                None => self.values.get(label).is_some_and(|values| values.iter().any(fits)),
            };
            assert!(known, "{place}: no {metric} has {alternative}");
        }
    }
}

/// Whether Prometheus itself makes it.
pub fn is_of_prometheus(metric: &str) -> bool {
    ["ALERTS", "ALERTS_FOR_STATE", "up", "scrape_duration_seconds", "prometheus_notifications_alertmanagers_discovered"]
        .contains(&metric)
}

/// What a matcher asks for or keeps out, each value of `a|b` by itself.
fn alternatives(matcher: &Matcher) -> Vec<Matcher> {
    let is_pattern = matches!(matcher.op, MatchOp::Re(_) | MatchOp::NotRe(_));
    let (operator, values) = if is_pattern {
        (T_EQL_REGEX, matcher.value.split('|').collect())
    } else {
        (T_EQL, vec![matcher.value.as_str()])
    };
    let one = |value: &str| Matcher::new_matcher(operator, matcher.name.clone(), value.to_owned()).unwrap();
    values.into_iter().map(one).collect()
}
