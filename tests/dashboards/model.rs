//! The shipped dashboards, as far as the tests look into them.

use promql_parser::parser::VectorSelector;
use serde_json::Value;

use crate::common::selectors::selectors;

/// A dashboard.
pub struct Dashboard {
    /// Its stable name, `neodyme-…`.
    pub uid: String,
    /// All of it.
    pub json: Value,
}

/// A panel that shows something; rows are headings.
pub struct Panel {
    /// `neodyme-overview: Is anything wrong?`
    pub place: String,
    /// `timeseries`, `stat`, …
    pub kind: String,
    /// All of it.
    pub json: Value,
}

/// A query of a panel, an annotation or a variable.
pub struct Query {
    /// Where it stands.
    pub place: String,
    /// Grafana's name of it within its panel.
    pub letter: String,
    /// As it is written.
    pub expression: String,
}

/// All of them.
pub fn dashboards() -> Vec<Dashboard> {
    let dashboards = crate::common::dashboards().into_iter();
    dashboards.map(|json| Dashboard { uid: text(&json["uid"]).to_owned(), json }).collect()
}

/// Every panel of every dashboard.
pub fn panels() -> Vec<Panel> {
    dashboards().iter().flat_map(Dashboard::panels).collect()
}

/// A text that must be there.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// The items of a list; none where there is no list.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

impl Dashboard {
    /// Its panels, without the rows.
    pub fn panels(&self) -> Vec<Panel> {
        let panels = list(&self.json["panels"]).iter().filter(|panel| panel["type"] != "row");
        panels
            .map(|panel| Panel {
                place: format!("{}: {}", self.uid, text(&panel["title"])),
                kind: text(&panel["type"]).to_owned(),
                json: panel.clone(),
            })
            .collect()
    }

    /// Every query of its panels and annotations.
    pub fn queries(&self) -> Vec<Query> {
        let annotations = list(&self.json["annotations"]["list"]).iter().map(|annotation| Query {
            place: format!("{}: annotation {}", self.uid, annotation["name"]),
            letter: text(&annotation["target"]["refId"]).to_owned(),
            expression: text(&annotation["target"]["expr"]).to_owned(),
        });
        self.panels().iter().flat_map(Panel::queries).chain(annotations).collect()
    }

    /// A variable.
    pub fn variable(&self, name: &str) -> &Value {
        let variables = list(&self.json["templating"]["list"]);
        variables.iter().find(|v| v["name"] == name).unwrap_or_else(|| panic!("{}: no variable {name}", self.uid))
    }
}

impl Panel {
    /// Its queries.
    pub fn queries(&self) -> Vec<Query> {
        let targets = list(&self.json["targets"]).iter();
        targets
            .map(|target| Query {
                place: format!("{}, {}", self.place, text(&target["refId"])),
                letter: text(&target["refId"]).to_owned(),
                expression: text(&target["expr"]).to_owned(),
            })
            .collect()
    }

    /// What it says when there is nothing to show.
    pub fn when_empty(&self) -> Option<&str> {
        self.defaults()["noValue"].as_str()
    }

    /// What holds for some of what it shows.
    pub fn overrides(&self) -> &[Value] {
        list(&self.json["fieldConfig"]["overrides"])
    }

    /// Of what, and in which way, something is different there.
    pub fn overridden<'a>(&'a self, id: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let properties = |override_: &'a Value| {
            let of = text(&override_["matcher"]["options"]);
            list(&override_["properties"]).iter().map(move |property| (of, property))
        };
        let own = self.overrides().iter().flat_map(properties);
        own.filter(move |(_, property)| property["id"] == id).map(|(of, property)| (of, &property["value"]))
    }

    /// In which ways something is different there.
    pub fn properties<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Value> {
        self.overridden(id).map(|(_, value)| value)
    }

    /// What holds for all that it shows.
    pub fn defaults(&self) -> &Value {
        &self.json["fieldConfig"]["defaults"]
    }
}

impl Query {
    /// What it selects; of Grafana's variables those for times are replaced.
    pub fn selectors(&self) -> Vec<VectorSelector> {
        selectors(&with_times(&self.expression, "1m", "3600s"))
    }
}

/// What Grafana puts in the place of its variables: the one job, all instances, and times as they are asked for.
pub fn interpolate(expression: &str, rate_interval: &str, range: &str) -> String {
    let query = with_times(expression, rate_interval, range).replace("$job", "neodyme").replace("$instance", ".+");
    // A part of what a regular expression found is no variable.
    assert!(!query.replace("$1", "").contains('$'), "a variable that nobody knows in {query}");
    query
}

fn with_times(expression: &str, rate_interval: &str, range: &str) -> String {
    let query = expression.replace("$__rate_interval", rate_interval).replace("${since}", "20");
    query.replace("$__range_s", range.trim_end_matches('s')).replace("$__range", range)
}
