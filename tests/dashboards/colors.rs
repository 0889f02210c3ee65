//! Colours mean states, and change where alerts fire.

use std::collections::BTreeSet;
use std::convert::Infallible;

use promql_parser::parser::{Expr, parse};
use promql_parser::util::visitor::{ExprVisitor, walk_expr};
use serde_json::Value;

use super::model::{Panel, Query, list, panels, text};
use crate::common::rules::{Rule, rules};
use crate::common::selectors::selectors;

/// What alone may be green: series that are successes, and words that say so.
const SUCCESSES: [&str; 3] = ["success", "2xx", "delivered"];
const GOOD_WORDS: [&str; 4] = ["works", "passes", "closed", "no"];

/// The colour that a panel of single values gives to the answer to one of its queries.
pub fn color(panel: &Panel, query: &Query, value: f64) -> String {
    let mapped = mapped(panel).into_iter().find(|option| option.value == value.to_string());
    mapped.map_or_else(|| by_limit(panel, query, value), |option| option.color)
}

fn by_limit(panel: &Panel, query: &Query, value: f64) -> String {
    let own = |override_: &&Value| {
        let matcher = &override_["matcher"];
        matcher["id"] == "byFrameRefID" && matcher["options"] == query.letter.as_str()
    };
    let property = |id: &str| {
        let properties = panel.overrides().iter().filter(own).flat_map(|own| list(&own["properties"]));
        properties.filter(|property| property["id"] == id).map(|property| &property["value"]).next_back()
    };
    if let Some(fixed) = property("color").or_else(|| panel.defaults().get("color")) {
        return text(&fixed["fixedColor"]).to_owned();
    }
    let limits = property("thresholds").unwrap_or(&panel.defaults()["thresholds"]);
    let reached = list(&limits["steps"]).iter().rfind(|step| step["value"].as_f64().is_none_or(|from| value >= from));
    text(&reached.unwrap()["color"]).to_owned()
}

struct Mapping {
    value: String,
    word: Option<String>,
    color: String,
}

/// Words and colours for values.
fn mapped(panel: &Panel) -> Vec<Mapping> {
    let overridden = panel.properties("mappings");
    let mappings = overridden.chain([&panel.defaults()["mappings"]]).flat_map(list);
    let options = mappings.filter_map(|mapping| mapping["options"].as_object()).flatten();
    let option = |(value, to): (&String, &Value)| Mapping {
        value: value.clone(),
        word: to["text"].as_str().map(str::to_owned),
        color: text(&to["color"]).to_owned(),
    };
    options.map(option).collect()
}

/// Every step of a panel from a value on.
fn steps(panel: &Panel) -> Vec<(f64, &str)> {
    let limits = panel.properties("thresholds").chain([&panel.defaults()["thresholds"]]);
    let steps = limits.flat_map(|limits| list(&limits["steps"]));
    steps.filter_map(|step| Some((step["value"].as_f64()?, text(&step["color"])))).collect()
}

/// The numbers that a rule is written with, and what it looks at that other rules record.
struct Parts {
    name: String,
    numbers: Vec<String>,
    recorded: Vec<String>,
}

fn parts(rule: &Rule) -> Parts {
    let mut literals = Literals(Vec::new());
    let Ok(_) = walk_expr(&mut literals, &parse(&rule.expr).unwrap());
    let selectors = selectors(&rule.expr);
    let bounds = selectors.iter().flat_map(|selector| &selector.matchers.matchers).filter(|label| label.name == "le");
    literals.0.extend(bounds.filter_map(|bound| bound.value.parse::<f64>().ok()));
    // More than a whole number is the next one; of a share of failures the rest is success.
    let meant = |number: f64| if number.fract() == 0.0 { number + 1.0 } else { 1.0 - number };
    let numbers = literals.0.into_iter().flat_map(|number| [rounded(number), rounded(meant(number))]).collect();
    let recorded = selectors.into_iter().filter_map(|selector| selector.name).filter(|name| name.contains(':'));
    Parts { name: rule.name().to_owned(), numbers, recorded: recorded.collect() }
}

/// The numbers that an alert fires by: its own, and those of what is recorded for it.
fn numbers<'a>(alert: &'a str, rules: &'a [Parts]) -> BTreeSet<&'a str> {
    let (mut names, mut seen) = (vec![alert], BTreeSet::new());
    let mut numbers = BTreeSet::new();
    while let Some(name) = names.pop() {
        if seen.insert(name) {
            for rule in rules.iter().filter(|rule| rule.name == name) {
                numbers.extend(rule.numbers.iter().map(String::as_str));
                names.extend(rule.recorded.iter().map(String::as_str));
            }
        }
    }
    numbers
}

struct Literals(Vec<f64>);

impl ExprVisitor for Literals {
    type Error = Infallible;

    fn pre_visit(&mut self, node: &Expr) -> Result<bool, Infallible> {
        if let Expr::NumberLiteral(literal) = node {
            self.0.push(literal.val);
        }
        Ok(true)
    }
}

fn rounded(number: f64) -> String {
    format!("{number:.6}")
}

#[test]
fn every_limit_is_that_of_an_alert_which_the_panel_names() {
    let rules: Vec<Parts> = rules().iter().map(parts).collect();
    for panel in panels() {
        let about = text(&panel.json["description"]);
        let words = about.split(|letter: char| !letter.is_alphanumeric());
        let named: BTreeSet<&str> = words.filter(|word| word.starts_with("Neodyme")).collect();
        let known: BTreeSet<&str> = named.iter().flat_map(|alert| numbers(alert, &rules)).collect();
        for (value, _) in steps(&panel) {
            // 0 and 1 part nothing from something.
            let is_known = [0.0, 1.0].contains(&value) || known.contains(rounded(value).as_str());
            assert!(is_known, "{}: {value} is no limit of {named:?}: {known:?}", panel.place);
        }
    }
}

#[test]
fn no_line_of_a_limit_lies_on_the_edge_of_its_axis() {
    for panel in panels().iter().filter(|panel| panel.defaults()["custom"].get("thresholdsStyle").is_some()) {
        let edge = |value: &Value| value.as_f64();
        let defaults = panel.defaults();
        let top = edge(&defaults["max"]).or_else(|| edge(&defaults["custom"]["axisSoftMax"])).unwrap();
        let bottom = edge(&defaults["min"]).unwrap();
        let lines = list(&defaults["thresholds"]["steps"]).iter().filter_map(|step| step["value"].as_f64());
        for line in lines {
            assert!(bottom < line && line < top, "{}: {line} between {bottom} and {top}", panel.place);
        }
    }
}

#[test]
fn green_is_success_alone() {
    for panel in panels() {
        let palette = |color: &Value| color["mode"].as_str().is_some_and(|mode| !["fixed", "shades"].contains(&mode));
        assert!(!palette(&panel.defaults()["color"]), "{}: Grafana's palette begins with green", panel.place);
        for (name, color) in panel.overridden("color") {
            let is_green = text(&color["fixedColor"]).contains("green");
            assert!(!is_green || SUCCESSES.contains(&name), "{}: {name} is green", panel.place);
        }
        let words = mapped(&panel).into_iter().filter(|option| option.color.contains("green"));
        for word in words.map(|option| option.word.unwrap()) {
            assert!(GOOD_WORDS.contains(&word.as_str()), "{}: {word} is green", panel.place);
        }
        // A number may be far from its limit while a page is open.
        let green =
            |query: &Query| steps(&panel).iter().any(|(from, _)| by_limit(&panel, query, *from).contains("green"));
        for query in panel.queries().iter().filter(|query| green(query)) {
            let not_now = query.expression.contains("unless on () max(ALERTS{");
            assert!(not_now, "{}: a number is green while a page is open", query.place);
        }
    }
}

#[test]
fn a_single_value_is_that_of_now() {
    for panel in panels().iter().filter(|panel| panel.kind == "stat") {
        for target in list(&panel.json["targets"]) {
            assert_eq!(target["instant"], true, "{}: the last value of the time shown may be an old one", panel.place);
        }
    }
}
