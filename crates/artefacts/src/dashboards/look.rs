//! How a panel looks, as it is written.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Number;

/// How a panel looks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// Grafana's name of the type.
    #[serde(rename = "type")]
    pub kind: String,
    size: String,
    /// Grafana's name of the unit.
    pub unit: String,
    /// Digits behind the point.
    pub decimals: Option<u8>,
    /// What it says when there is nothing to show; without it, there must be.
    pub empty: Option<String>,
    /// The lower end of the axis.
    pub min: Option<i32>,
    /// The upper end of the axis.
    pub max: Option<i32>,
    /// What is written at the axis.
    pub axis: Option<String>,
    /// Whether series lie on each other.
    #[serde(default)]
    pub stacked: bool,
    /// Whether few are seen beside very many: each line of the grid is ten times the one below.
    #[serde(default)]
    pub logarithmic: bool,
    /// One colour for all series, or the one whose shades they have.
    pub color: Option<String>,
}

impl Look {
    /// Columns and rows of the grid.
    pub fn size(&self) -> Result<(usize, usize)> {
        let size = self.size.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
        size.with_context(|| format!("`{}` is no size such as `12x8`", self.size))
    }
}

/// Where colours change.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Limit {
    /// An alert, a record, or one of the limits in `shared.toml`.
    Named(String),
    /// By hand.
    Own(Steps),
}

/// Colours from a value on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Steps {
    /// The colour below the first step.
    #[serde(default = "none")]
    pub base: String,
    /// Value and colour.
    #[serde(default)]
    pub steps: Vec<(Number, String)>,
}

fn none() -> String {
    "text".to_owned()
}

/// Where a click leads.
#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Link {
    /// To the dashboard of this name.
    Dashboard { to: String, title: String },
    /// To the lines of the log that pass this filter.
    Log { log: String },
    /// To a page of the repository.
    Page { page: String, title: String },
    /// Anywhere.
    Address { url: String, title: String },
}

/// What is different in one series or column, or in the answer to one query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its unit.
    pub unit: Option<String>,
    /// Digits behind the point.
    pub decimals: Option<u8>,
    /// Its colour, or the one whose shades it has.
    pub color: Option<String>,
    /// How it is called.
    pub name: Option<String>,
    /// Whether its text has the colour of its value.
    #[serde(default)]
    pub colored: bool,
    /// Where colours change.
    pub limit: Option<Limit>,
    /// The name of words and colours for values.
    pub mappings: Option<String>,
    /// Where a click on it leads.
    #[serde(default)]
    pub links: Vec<Link>,
}
