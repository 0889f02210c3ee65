//! Colours change where alerts fire: a limit of a panel is one of the alerts that its description names.

use std::collections::BTreeSet;

use serde_json::Value;

use super::model::{Panel, list, panels, text};
use crate::common::rules::{Rule, rules};
use crate::common::selectors::selectors;

/// Limits that no alert has, and why.
const OWN: &[(&str, f64)] = &[
    // Below a tenth somebody should know, before the objective is missed.
    ("How much of each error budget is left?", 0.1),
    ("When was the budget spent?", 0.1),
];

#[test]
fn limits_are_those_of_the_alerts() {
    let rules = rules();
    for panel in panels() {
        let named: Vec<&Rule> =
            rules.iter().filter(|rule| rule.alert.as_deref().is_some_and(|alert| names(&panel, alert))).collect();
        let mut allowed = BTreeSet::new();
        named.iter().for_each(|alert| numbers(alert, &rules, &mut allowed));
        let limits = limits(&panel);
        for limit in &limits {
            let own = OWN.iter().any(|(title, own)| panel.place.ends_with(title) && own == limit);
            // 0 and 1 part nothing from something.
            let is_known = [0.0, 1.0].contains(limit) || allowed.contains(&thousandths(*limit));
            assert!(own || is_known, "{}: {limit} is no limit of {:?}", panel.place, names_of(&named));
        }
        assert!(
            named.is_empty() || !limits.is_empty() || panel.json["fieldConfig"]["defaults"]["mappings"].is_array(),
            "{} shows no limit of {:?}",
            panel.place,
            names_of(&named)
        );
    }
}

fn names(panel: &Panel, alert: &str) -> bool {
    panel.description().split(|c: char| !c.is_alphanumeric()).any(|word| word == alert)
}

fn names_of(alerts: &[&Rule]) -> BTreeSet<String> {
    alerts.iter().map(|alert| alert.name().to_owned()).collect()
}

fn limits(panel: &Panel) -> Vec<f64> {
    let steps = panel.all("thresholds").into_iter().flat_map(|thresholds| list(&thresholds["steps"]));
    steps.filter_map(|step| step["value"].as_f64()).collect()
}

/// Fractions are compared as a person writes them.
fn thousandths(number: f64) -> i64 {
    (number * 1000.0).round() as i64
}

/// The limits of an alert, in thousandths: every number in its expression and in what is recorded for it. Of an objective the
/// rest is the limit; whole numbers are exceeded by the next.
fn numbers(rule: &Rule, rules: &[Rule], found: &mut BTreeSet<i64>) {
    let selectors = selectors(&rule.expr);
    let bounds = selectors.iter().flat_map(|selector| selector.matchers.find_matchers("le"));
    let bounds = bounds.into_iter().filter_map(|bound| bound.value.parse().ok());
    for number in literals(&rule.expr).into_iter().chain(bounds) {
        found.insert(thousandths(number));
        found.insert(thousandths(if number.fract() == 0.0 { number + 1.0 } else { 1.0 - number }));
    }
    for metric in selectors.iter().map(|selector| &selector.name) {
        let recorded = rules.iter().filter(|rule| rule.record.is_some() && rule.record == *metric);
        recorded.for_each(|recorded| numbers(recorded, rules, found));
    }
}

/// The numbers of an expression that are neither in a name, nor in quotes, nor a duration.
fn literals(expression: &str) -> Vec<f64> {
    let outside_quotes = expression.split('"').step_by(2);
    let words = outside_quotes.flat_map(|part| part.split(|c: char| !c.is_alphanumeric() && !"_:.".contains(c)));
    words.filter(|word| word.starts_with(|c: char| c.is_ascii_digit())).filter_map(|word| word.parse().ok()).collect()
}

/// What follows from other panels' data, such as a colour, has a base.
#[test]
fn thresholds_begin_with_a_base() {
    for panel in panels() {
        for thresholds in panel.all("thresholds") {
            let steps = list(&thresholds["steps"]);
            assert_eq!(steps[0]["value"], Value::Null, "{}", panel.place);
            let values: Vec<f64> = steps[1..].iter().map(|step| step["value"].as_f64().unwrap()).collect();
            assert!(values.is_sorted(), "{}: {values:?}", panel.place);
            assert!(steps.iter().all(|step| !text(&step["color"]).is_empty()));
        }
    }
}
