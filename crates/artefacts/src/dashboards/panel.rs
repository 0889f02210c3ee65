//! A panel as Grafana has it, from what is written of it and what all of its type share.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use anyhow::{Context, Result, ensure};
use regex::Regex;
use serde_json::{Map, Value, json};

use super::fields::options;
use super::source::{Panel, Queries};
use super::table::transformations;
use super::workshop::{Facts, Workshop};
use crate::pattern::regex;
use crate::promql;

/// So many letters of a title have room in a column of a small screen.
const LETTERS: usize = 6;
static ALERT: LazyLock<Regex> = LazyLock::new(|| regex(r"\bNeodyme\w+"));

/// The alerts that a description names, each once.
pub fn alerts(about: &str) -> Vec<&str> {
    let mut alerts = Vec::new();
    for name in ALERT.find_iter(about).map(|name| name.as_str()) {
        if !alerts.contains(&name) {
            alerts.push(name);
        }
    }
    alerts
}

impl Workshop<'_> {
    /// A panel, but for its place.
    pub fn make(&self, panel: &Panel) -> Result<Map<String, Value>> {
        self.check(panel)?;
        let kind = self.shared.kinds.get(&panel.look.kind);
        let facts = Facts {
            kind: kind.with_context(|| format!("type {} is not in shared.toml", panel.look.kind))?,
            queries: self.queries(panel)?,
            alerts: alerts(&panel.about),
        };
        let names: Vec<&str> = facts.queries.iter().map(|(name, _)| name.as_str()).collect();
        let mut json = Map::new();
        json.insert("type".into(), panel.look.kind.as_str().into());
        json.insert("title".into(), panel.title.as_str().into());
        json.insert("description".into(), panel.about.as_str().into());
        json.insert("datasource".into(), json!({"type": "prometheus", "uid": "${datasource}"}));
        json.insert("targets".into(), self.targets(&facts)?.into());
        json.insert(
            "fieldConfig".into(),
            json!({"defaults": self.defaults(panel, &facts)?, "overrides": self.overrides(panel, &facts)?}),
        );
        json.insert("options".into(), options(panel, facts.kind).into());
        if !panel.columns.is_empty() {
            json.insert("transformations".into(), transformations(panel, &names).into());
        }
        Ok(json)
    }

    /// A panel asks a question and says what good looks like.
    fn check(&self, panel: &Panel) -> Result<()> {
        ensure!(panel.title.ends_with('?'), "the title is no question");
        let (room, letters) = (panel.look.size()?.0 * LETTERS, panel.title.chars().count());
        ensure!(letters <= room, "the title has {letters} letters, and room for {room}");
        ensure!(panel.about.contains("Good: "), "what does good look like?");
        let units = panel.differences().filter_map(|field| field.unit.as_ref()).chain([&panel.look.unit]);
        for unit in units {
            ensure!(self.shared.units.contains(unit), "unit {unit} is not in shared.toml");
        }
        let says = panel.look.empty.as_ref().is_none_or(|words| words.len() > 5);
        ensure!(says, "it does not say what it means that there is nothing");
        for alert in alerts(&panel.about) {
            ensure!(self.alerts.has(alert), "there is no alert {alert}");
        }
        let limits = panel.differences().filter_map(|field| field.limit.as_ref()).chain(&panel.limit).count();
        // What is there only while something is wrong has one color.
        let has_color = panel.mappings.is_some() || panel.look.color.is_some();
        let shows = limits > 0 || has_color || alerts(&panel.about).is_empty();
        ensure!(shows, "it names an alert and shows no limit of it");
        Ok(())
    }

    /// Legend and expression of each query, as far as they are written.
    pub fn queries(&self, panel: &Panel) -> Result<Vec<(String, String)>> {
        let shared = |name: &str| self.shared.queries.get(name).with_context(|| format!("there are no queries {name}"));
        let mut words: BTreeMap<&str, &str> =
            panel.words.iter().map(|(word, by)| (word.as_str(), by.as_str())).collect();
        let queries = match (&panel.queries, &panel.quantiles) {
            (Some(Queries::Own(queries)), None) => queries,
            (Some(Queries::Shared(name)), None) => shared(name)?,
            (None, Some(buckets)) => {
                words.insert("BUCKETS", buckets);
                shared("quantiles")?
            }
            _ => anyhow::bail!("it has either `queries` or `quantiles`"),
        };
        ensure!(!queries.is_empty(), "it asks nothing");
        let replaced = |query: &str| {
            let own = words.iter().fold(query.to_owned(), |query, (word, by)| query.replace(word, by));
            self.shared.words.iter().fold(own, |query, (word, by)| query.replace(word, by))
        };
        Ok(queries.iter().map(|(legend, query)| (legend.clone(), replaced(query))).collect())
    }

    fn targets(&self, facts: &Facts<'_>) -> Result<Vec<Value>> {
        let targets = facts.queries.iter().zip('A'..).map(|((legend, query), letter)| {
            promql::check(query)?;
            let mut target = facts.kind.target.clone();
            target.insert("refId".into(), letter.to_string().into());
            target.insert("expr".into(), self.shared.selectors.complete(query).into());
            // Columns have names of their own.
            if target.get("format").is_none_or(|format| format != "table") {
                target.insert("legendFormat".into(), legend.as_str().into());
            }
            Ok(target.into())
        });
        targets.collect()
    }
}
