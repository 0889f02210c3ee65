//! A dashboard as it is written: what makes its panels different from all others.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::look::{Field, Limit, Link, Look};

/// One file of `grafana/sources/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dashboard {
    /// Its title.
    pub title: String,
    /// What it answers.
    pub about: String,
    /// Since when it shows, such as `now-6h`, if not like the others.
    pub from: Option<String>,
    /// Its panels, under headings.
    pub section: Vec<Section>,
}

/// Panels under a heading, or under none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// The heading.
    pub title: Option<String>,
    /// From left to right, and from top to bottom.
    pub panel: Vec<Panel>,
}

/// A question and its answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    /// The question.
    pub title: String,
    /// What is shown, what good looks like (`Good: …`), and which alert fires at which limit: its runbook is linked.
    pub about: String,
    /// How it looks.
    pub look: Look,
    /// What is asked for.
    pub queries: Option<Queries>,
    /// Instead of queries: the buckets of which three quantiles are shown.
    pub quantiles: Option<String>,
    /// Words that are replaced in the queries.
    #[serde(default, rename = "where")]
    pub words: BTreeMap<String, String>,
    /// Where colours change.
    pub limit: Option<Limit>,
    /// The name of words and colours for values.
    pub mappings: Option<String>,
    /// Colours of series.
    pub colors: Option<Colors>,
    /// Where a click on a value leads.
    #[serde(default)]
    pub links: Vec<Link>,
    /// What is different in one series or column, by its name.
    #[serde(default)]
    pub field: BTreeMap<String, Field>,
    /// What is different in the answer to one query, by the query's letter.
    #[serde(default)]
    pub answer: BTreeMap<String, Field>,
    /// The columns of a table, from left to right.
    #[serde(default)]
    pub columns: Vec<String>,
    /// The column by which the answers to several queries become one table.
    pub join: Option<String>,
    /// The order of a table's rows.
    pub sort: Option<Sort>,
    /// Grafana's own options of this type of panel.
    #[serde(default)]
    pub options: Map<String, Value>,
    /// Grafana's own options of how series are drawn.
    #[serde(default)]
    pub custom: Map<String, Value>,
}

/// Legend and expression of each query, or the name of some that are shared.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Queries {
    /// In `shared.toml`.
    Shared(String),
    /// Of this panel.
    Own(Vec<(String, String)>),
}

/// Series and their colours, or the name of some that are shared.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Colors {
    /// In `shared.toml`.
    Shared(String),
    /// Of this panel.
    Own(BTreeMap<String, String>),
}

/// The order of a table's rows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sort {
    /// The column.
    pub by: String,
    /// Whether the largest comes first.
    #[serde(default)]
    pub descending: bool,
}

impl Panel {
    /// All that is different somewhere.
    pub fn differences(&self) -> impl Iterator<Item = &Field> {
        self.field.values().chain(self.answer.values())
    }
}

impl Dashboard {
    /// Every panel.
    pub fn panels(&self) -> impl Iterator<Item = &Panel> {
        self.section.iter().flat_map(|section| &section.panel)
    }
}
