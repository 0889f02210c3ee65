//! What all dashboards share: `grafana/sources/shared.toml`.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::look::Steps;
use crate::artefact::read;
use crate::pattern::regex;
use crate::promql::Selectors;

/// All of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shared {
    /// Grafana's units that are in use.
    pub units: Vec<String>,
    /// What belongs into every selector.
    pub selectors: Selectors,
    /// Where links lead.
    pub links: Targets,
    /// Colours from a value on, by name.
    pub limits: BTreeMap<String, Steps>,
    /// The colour of a severity.
    pub severities: BTreeMap<String, String>,
    /// Colours of series, by name.
    pub colors: BTreeMap<String, BTreeMap<String, String>>,
    /// What stands for a longer text in all queries.
    pub words: Vec<(String, String)>,
    /// Value, colour and word, by name.
    pub mappings: BTreeMap<String, Vec<Vec<String>>>,
    /// Legend and expression, by name.
    pub queries: BTreeMap<String, Vec<(String, String)>>,
    /// What every panel of a type is.
    #[serde(rename = "type")]
    pub kinds: BTreeMap<String, Kind>,
    head: Map<String, Value>,
}

/// Addresses with a word for what differs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Targets {
    /// With `NAME`.
    pub to: String,
    /// With `FILTER`.
    pub log: String,
    /// With `PAGE`.
    pub page: String,
}

/// What every panel of a type is, in Grafana's own words.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kind {
    /// Options of the panel.
    pub options: Map<String, Value>,
    /// Defaults of its fields.
    pub defaults: Map<String, Value>,
    /// How series are drawn that lie on each other.
    pub stacked: Map<String, Value>,
    /// How they are drawn where few are seen beside very many.
    pub logarithmic: Map<String, Value>,
    /// How series are drawn where there is a limit.
    pub limited: Map<String, Value>,
    /// Grafana's mode of one colour for several series.
    pub color: Option<String>,
    /// How it is asked.
    pub target: Map<String, Value>,
    /// The limit of a panel that names none.
    pub limit: Option<String>,
}

impl Kind {
    /// What series of this colour have.
    pub fn color(&self, color: &str) -> Value {
        let mode = self.color.as_deref().unwrap_or("fixed");
        json!({"mode": mode, "fixedColor": color})
    }
}

impl Shared {
    /// Reads it.
    pub fn read(folder: &str) -> Result<Shared> {
        let file = format!("{folder}/shared.toml");
        toml::from_str(&read(&file)?).context(file)
    }

    /// What a dashboard has besides its title and its panels.
    pub fn head(&self) -> Result<Map<String, Value>> {
        let mut head = Value::Object(self.head.clone());
        self.complete(&mut head, &runbook_base()?);
        match head {
            Value::Object(head) => Ok(head),
            _ => Ok(Map::new()),
        }
    }

    fn complete(&self, json: &mut Value, runbook_base: &str) {
        match json {
            Value::Array(items) => items.iter_mut().for_each(|item| self.complete(item, runbook_base)),
            Value::Object(members) => {
                for (key, value) in members {
                    match value.as_str() {
                        Some(expression) if key == "expr" => *value = self.selectors.complete(expression).into(),
                        Some("RUNBOOK_BASE") => *value = runbook_base.into(),
                        _ => self.complete(value, runbook_base),
                    }
                }
            }
            _ => {}
        }
    }
}

/// Where notifications say that runbooks are, where an alert knows nothing better.
fn runbook_base() -> Result<String> {
    let file = "alertmanager/links.tmpl";
    let template = read(file)?;
    let base = regex(r#"\{\{ define "neodyme.runbook_base" \}\}.*?(https?://[\w.:/-]+/)(?:" \}\})?\{\{ end \}\}"#)
        .captures(&template);
    Ok(base.with_context(|| format!("{file} defines no neodyme.runbook_base with an address"))?[1].to_owned())
}
