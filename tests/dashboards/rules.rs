//! The rules of Grafana's own linter (github.com/grafana/dashboard-linter), and what makes these dashboards regular.

use std::collections::{BTreeMap, BTreeSet};

use promql_parser::label::MatchOp;
use promql_parser::parser::VectorSelector;
use serde_json::{Value, json};

use super::model::{Dashboard, dashboards, interpolate, list, panels, text};
use crate::common::app::{AppOptions, TestApp};
use crate::common::database::Backend;
use crate::common::prometheus::assert_promql;
use crate::common::world::World;

/// Of Grafana's units, those in use.
const UNITS: &[&str] = &["short", "locale", "percentunit", "s", "bytes", "ops", "reqps", "dateTimeFromNow"];

/// template-datasource, template-job, template-instance, template-on-time-change-reload, and uneditable-dashboard.
#[test]
fn a_dashboard_has_the_usual_variables_and_cannot_be_edited() {
    let all = dashboards();
    let uids: BTreeSet<&str> = all.iter().map(|dashboard| dashboard.uid.as_str()).collect();
    let expected = ["overview", "registration", "errors", "dependencies", "http", "saturation", "slo"];
    assert_eq!(
        uids,
        expected
            .iter()
            .map(|name| format!("neodyme-{name}"))
            .collect::<BTreeSet<_>>()
            .iter()
            .map(String::as_str)
            .collect()
    );
    for dashboard in &all {
        let uid = &dashboard.uid;
        assert_eq!(dashboard.json["editable"], false, "{uid}: the file is the truth");
        let source = dashboard.variable("datasource");
        assert_eq!((&source["type"], &source["query"]), (&json!("datasource"), &json!("prometheus")), "{uid}");
        assert_eq!(source["label"], "Data source", "{uid}");
        for name in ["job", "instance"] {
            let variable = dashboard.variable(name);
            assert_eq!((&variable["type"], &variable["label"]), (&json!("query"), &json!(name)), "{uid}");
            assert_eq!(variable["datasource"]["uid"], "${datasource}", "{uid}: {name}");
            assert_eq!((&variable["multi"], &variable["allValue"]), (&json!(true), &json!(".+")), "{uid}: {name}");
            assert_eq!(variable["refresh"], 2, "{uid}: {name} follows the time");
        }
        // `up` of all jobs would count what is no neodyme.
        assert_eq!(dashboard.variable("job")["includeAll"], false, "{uid}");
    }
}

/// One head for all: a change to it is made seven times, and cannot be forgotten once.
#[test]
fn dashboards_differ_in_their_panels_alone() {
    let head = |dashboard: &Dashboard| {
        let mut json = dashboard.json.clone();
        for own in ["uid", "title", "description", "time", "panels"] {
            json.as_object_mut().unwrap().remove(own).unwrap_or_else(|| panic!("{}: no {own}", dashboard.uid));
        }
        json
    };
    let all = dashboards();
    all.iter().for_each(|dashboard| assert_eq!(head(dashboard), head(&all[0]), "{}", dashboard.uid));
}

/// panel-datasource, panel-title-description, panel-units, panel-no-targets.
#[test]
fn a_panel_asks_a_question_and_says_what_good_looks_like() {
    let mut questions = BTreeMap::new();
    for panel in panels() {
        let place = &panel.place;
        assert!(place.ends_with('?'), "{place}: the title is a question");
        assert!(panel.description().contains("Good: "), "{place}: what does good look like?");
        assert_eq!(panel.json["datasource"], json!({"type": "prometheus", "uid": "${datasource}"}), "{place}");
        assert!(panel.defaults()["unit"].is_string(), "{place} has no unit");
        let unknown: Vec<_> = panel.all("unit").into_iter().filter(|unit| !UNITS.contains(&text(unit))).collect();
        assert!(unknown.is_empty(), "{place}: {unknown:?}");
        assert!(!panel.queries().is_empty(), "{place} asks nothing");
        assert!(
            panel.kind == "table"
                || panel.json["targets"].as_array().unwrap().iter().all(|t| t["legendFormat"].is_string()),
            "{place}: series without a name"
        );
        let other = questions.insert(place.clone(), ());
        assert!(other.is_none(), "{place} is asked twice");
    }
}

#[test]
fn panels_keep_their_ids_and_places() {
    for dashboard in dashboards() {
        let (mut ids, mut cells) = (BTreeSet::new(), BTreeMap::new());
        for panel in list(&dashboard.json["panels"]) {
            let title = text(&panel["title"]);
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{}: the id of {title} is taken", dashboard.uid);
            for cell in cells_of(&panel["gridPos"]) {
                assert!(cell.0 < 24, "{title} is off the grid");
                let other = cells.insert(cell, title);
                assert_eq!(other, None, "{title} lies on another panel");
            }
        }
    }
}

fn cells_of(position: &Value) -> Vec<(u64, u64)> {
    let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| position[key].as_u64().unwrap());
    (x..x + w).flat_map(|column| (y..y + h).map(move |row| (column, row))).collect()
}

/// target-promql, for queries and the selectors of variables (template-label-promql).
#[test]
fn every_query_is_promql() {
    let mut queries: Vec<String> = Vec::new();
    for dashboard in dashboards() {
        queries.extend(dashboard.queries().into_iter().map(|query| query.expression));
        for name in ["job", "instance"] {
            let query = text(&dashboard.variable(name)["query"]);
            let (selector, label) = query.strip_prefix("label_values(").unwrap().rsplit_once(", ").unwrap();
            assert_eq!(label, format!("{name})"), "{}", dashboard.uid);
            queries.push(selector.to_owned());
        }
    }
    assert_promql(queries.iter().map(|query| interpolate(query, "1m", "3600s")));
}

/// target-job and target-instance. What is recorded, and an alert, is told by job alone; an objective is everybody's.
#[test]
fn every_selector_names_the_job_and_the_instance() {
    let names = |selector: &VectorSelector, label: &str, value: &str| {
        let mut matchers = selector.matchers.matchers.iter();
        matchers.any(|m| m.name == label && matches!(m.op, MatchOp::Re(_)) && m.value == value)
    };
    for query in dashboards().iter().flat_map(Dashboard::queries) {
        for selector in query.selectors() {
            let (metric, place) = (selector.name.as_deref().unwrap(), &query.place);
            let is_recorded = metric.contains(':') || metric.starts_with("ALERTS");
            let names_job = names(&selector, "job", "$job");
            assert!(names_job != metric.starts_with("slo:"), "{place}: {metric} and its job");
            let names_instance = names(&selector, "instance", "$instance");
            assert!(names_instance != is_recorded, "{place}: {metric} and its instance");
        }
    }
}

/// target-rate-interval and target-counter-agg.
#[test]
fn rates_are_of_counters_over_grafanas_interval() {
    for query in dashboards().iter().flat_map(Dashboard::queries) {
        let ranges = ranges(&query.expression);
        for (function, metric, range) in &ranges {
            let is_rate = ["rate", "irate"].contains(function);
            assert!(!is_rate || *range == "$__rate_interval", "{}: {metric}[{range}]", query.place);
        }
        for metric in query.metrics().iter().filter(|metric| metric.ends_with("_total")) {
            let mut of_metric = ranges.iter().filter(|(_, ranged, _)| ranged == metric).peekable();
            assert!(of_metric.peek().is_some(), "{}: {metric} without a rate", query.place);
            assert!(
                of_metric.all(|(function, _, _)| ["rate", "increase"].contains(function)),
                "{}: {metric}",
                query.place
            );
        }
    }
}

/// Function, metric and range of every `function(metric{…}[range]`.
fn ranges(query: &str) -> Vec<(&str, &str, &str)> {
    let word = |text: &'_ str| text.rfind(|c: char| !c.is_alphanumeric() && !"_:".contains(c)).map_or(0, |at| at + 1);
    let mut found = Vec::new();
    for (at, _) in query.match_indices('[') {
        let selector = &query[..at];
        let name = if selector.ends_with('}') { &selector[..selector.rfind('{').unwrap()] } else { selector };
        let (before, metric) = name.split_at(word(name));
        let call = before.trim_end_matches('(');
        if !metric.is_empty() {
            found.push((&call[word(call)..], metric, query[at + 1..].split([']', ':']).next().unwrap()));
        }
    }
    found
}

#[tokio::test]
async fn what_is_asked_for_is_exported_or_recorded() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let samples = app.metrics().await.samples;
    let world = World::of(&samples);
    for query in dashboards().iter().flat_map(Dashboard::queries) {
        query.selectors().iter().for_each(|selector| world.assert_knows(selector, &query.place));
    }
}

#[test]
fn ranges_are_found_as_they_are_written() {
    let found = ranges(r#"sum(rate(a_total{b="c"}[$__rate_interval])) / max_over_time(x:y[5m:5s]) + (d)[1h:]"#);
    assert_eq!(found[..2], [("rate", "a_total", "$__rate_interval"), ("max_over_time", "x:y", "5m")]);
}
