//! What the table of alerts shows.

use std::sync::LazyLock;

use anyhow::{Context, Result, ensure};
use regex::Regex;

use super::{Alerts, RUNBOOKS};
use crate::artefact::{read, stem};
use crate::pattern::regex;

/// The most severe first.
pub const SEVERITIES: [&str; 3] = ["critical", "warning", "info"];
/// The third line of a runbook.
static FIRES: LazyLock<Regex> = LazyLock::new(|| regex(r"(?m)^Severity: (.+?)\. Fires: (.+)\.$"));

/// All that alerts say of one name: there may be several rules for it.
#[derive(Debug)]
pub struct Alert {
    /// Its name.
    pub name: String,
    /// `critical`, `warning`, `info`: those that its rules have, the most severe first.
    pub severities: Vec<String>,
    /// When it fires, in the words of its runbook.
    pub when: String,
    /// The file of its rules, without the ending.
    pub file: String,
}

impl Alerts {
    /// What the table of alerts shows, the most severe first.
    pub fn table(&self) -> Result<Vec<Alert>> {
        let mut alerts = self.names().into_iter().map(|name| self.alert(name)).collect::<Result<Vec<Alert>>>()?;
        alerts.sort_by_key(|alert| alert.severities.first().and_then(|first| rank(first)));
        Ok(alerts)
    }

    fn alert(&self, name: &str) -> Result<Alert> {
        let mut severities: Vec<String> = Vec::new();
        for severity in self.of(name).filter_map(|rule| rule.labels.get("severity")) {
            if !severities.contains(severity) {
                severities.push(severity.clone());
            }
        }
        severities.sort_by_key(|severity| rank(severity));
        let path = format!("{RUNBOOKS}/{name}.md");
        let page = read(&path)?;
        let line = FIRES.captures(&page).with_context(|| format!("{path}: no line `Severity: …. Fires: ….`"))?;
        ensure!(line[1] == severities.join(", "), "{path}: the severity is {}", severities.join(", "));
        let file = self.of(name).next().map(|rule| stem(&rule.file).to_owned()).unwrap_or_default();
        Ok(Alert { name: name.to_owned(), severities, when: line[2].to_owned(), file })
    }
}

fn rank(severity: &str) -> Option<usize> {
    SEVERITIES.iter().position(|known| *known == severity)
}
