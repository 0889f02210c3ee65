//! Where dashboards lead: to each other, to runbooks, to samples and to the log.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::model::{dashboards, list, panels, text};
use crate::common::rules::{Rule, rules};
use crate::common::selectors::selectors;

/// What Grafana puts behind a link to another dashboard, so that time and variables stay.
const KEPT: &str = "?${__url_time_range}&${__all_variables}";

fn alerts() -> impl Iterator<Item = Rule> {
    rules().into_iter().filter(|rule| rule.alert.is_some())
}

/// Every `url` in a document.
fn urls(json: &Value) -> Vec<&str> {
    match json {
        Value::Array(items) => items.iter().flat_map(urls).collect(),
        Value::Object(members) => {
            let own = members.get("url").and_then(Value::as_str);
            members.values().flat_map(urls).chain(own).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn every_link_leads_somewhere() {
    let dashboards = dashboards();
    let uids: BTreeSet<&str> = dashboards.iter().map(|dashboard| dashboard.uid.as_str()).collect();
    for dashboard in &dashboards {
        for url in urls(&dashboard.json) {
            if let Some(path) = url.strip_prefix("/d/") {
                let uid = path.strip_suffix(KEPT).unwrap_or_else(|| panic!("{url} loses the time or the variables"));
                assert!(uids.contains(uid), "there is no {uid}");
            } else if let Some(page) = url.strip_prefix("${runbook_base:raw}") {
                let page = page.replace("${__value.text}", "NeodymeDown");
                assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(&page).is_file(), "there is no {page}");
            } else if url.starts_with("/explore?") {
                logql(url);
            } else {
                assert_eq!(url, "http://${__data.fields.instance}/errors?type=${__value.text}", "{}", dashboard.uid);
            }
        }
    }
}

/// The query of a link to the log.
pub fn logql(url: &str) -> String {
    let plain = url.replace("${__from}", "1").replace("${__to}", "2").replace("${job:pipe}", "neodyme");
    let url = url::Url::parse("http://grafana").unwrap().join(&plain).unwrap();
    let panes = url.query_pairs().find(|(name, _)| name == "panes").unwrap().1.into_owned();
    let panes: Value = serde_json::from_str(&panes).unwrap_or_else(|error| panic!("{error}: {panes}"));
    assert_eq!(panes["logs"]["datasource"], "loki");
    text(&panes["logs"]["queries"][0]["expr"]).to_owned()
}

/// Every filter of every link to the log: key, operator, value.
pub fn log_filters() -> Vec<(String, String, String)> {
    let mut filters = Vec::new();
    for dashboard in dashboards() {
        for url in urls(&dashboard.json).into_iter().filter(|url| url.starts_with("/explore?")) {
            let query = logql(url);
            let (stream, rest) = query.split_once(" | json").unwrap();
            assert_eq!(stream, "{job=~`neodyme`}");
            for filter in rest.split(" | ").filter(|filter| !filter.is_empty()) {
                let operator = ["=~", ">=", "=", ">"].into_iter().find(|operator| filter.contains(operator)).unwrap();
                let (key, value) = filter.split_once(operator).unwrap();
                filters.push((key.trim().to_owned(), operator.to_owned(), value.trim().trim_matches('`').to_owned()));
            }
        }
    }
    filters
}

#[test]
fn runbooks_are_where_alertmanager_says() {
    let links = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("alertmanager/links.tmpl")).unwrap();
    let base = dashboards()[0].variable("runbook_base")["query"].clone();
    let base = text(&base);
    assert!(links.contains(&format!(r#"{{{{ define "neodyme.runbook_base" }}}}{base}{{{{ end }}}}"#)), "{base}");
}

/// A panel that names an alert leads to what to do about it.
#[test]
fn a_panel_that_names_an_alert_links_its_runbook() {
    let known: BTreeSet<String> = alerts().filter_map(|alert| alert.alert).collect();
    for panel in panels() {
        let words = panel.description().split(|c: char| !c.is_alphanumeric());
        for name in words.filter(|word| word.starts_with("Neodyme")) {
            assert!(known.contains(name), "{}: there is no {name}", panel.place);
            let runbook = format!("${{runbook_base:raw}}docs/runbooks/{name}.md");
            assert!(urls(&panel.json).contains(&runbook.as_str()), "{}: no link to {runbook}", panel.place);
        }
    }
}

/// The dashboard that an alert leads to has a panel that names it, and shows what it looks at.
#[test]
fn the_dashboard_of_an_alert_shows_it() {
    for alert in alerts().filter(|alert| alert.name() != "Watchdog") {
        let link = &alert.annotations["dashboard_url"];
        let uid = link.strip_prefix("d/").and_then(|rest| rest.split('?').next()).unwrap();
        let dashboards = dashboards();
        let dashboard = dashboards.iter().find(|dashboard| dashboard.uid == uid).unwrap_or_else(|| panic!("no {link}"));
        let panels = dashboard.panels();
        let naming: Vec<_> = panels.iter().filter(|panel| panel.description().contains(alert.name())).collect();
        assert!(!naming.is_empty(), "no panel of {uid} names {}", alert.name());
        let shown: BTreeSet<String> =
            naming.iter().flat_map(|panel| panel.queries()).flat_map(|query| query.metrics()).collect();
        let asked = selectors(&alert.expr).into_iter().filter_map(|selector| selector.name);
        let shows = asked.into_iter().any(|metric| shown.contains(&metric));
        assert!(shows, "no panel of {uid} that names {} shows what it looks at", alert.name());
    }
}

#[test]
fn links_between_dashboards_keep_time_and_variables() {
    for dashboard in dashboards() {
        let links = list(&dashboard.json["links"]);
        let others = links.iter().find(|link| link["type"] == "dashboards").unwrap();
        assert!(others["includeVars"] == true && others["keepTime"] == true, "{}", dashboard.uid);
        assert!(list(&dashboard.json["tags"]).contains(&others["tags"][0]), "{}", dashboard.uid);
    }
}
