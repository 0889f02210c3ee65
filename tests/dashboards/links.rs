//! Where dashboards lead into the log.

use serde_json::Value;

use super::model::{dashboards, text};

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

/// The query of a link to the log.
fn logql(url: &str) -> String {
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
