//! The rules of `alert-rules/`, and the runbooks: what tables and dashboards take from them.

mod complete;
mod limits;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::artefact::{files, read, stem};
use crate::promql::metrics;

pub use table::Alert;

const RUNBOOKS: &str = "docs/runbooks";

/// A rule that alerts or records.
#[derive(Debug, Deserialize)]
struct Rule {
    #[serde(skip)]
    file: String,
    alert: Option<String>,
    record: Option<String>,
    expr: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct File {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

/// Every rule, and what is known of the alerts.
pub struct Alerts {
    rules: Vec<Rule>,
}

impl Alerts {
    /// Reads all of them; each alert has a runbook, and each runbook an alert.
    pub fn read() -> Result<Alerts> {
        let rules: Vec<Vec<Rule>> =
            files("alert-rules", ".yml")?.iter().map(|file| rules(file)).collect::<Result<_>>()?;
        let alerts = Alerts { rules: rules.into_iter().flatten().collect() };
        let names: BTreeSet<&str> = alerts.names().into_iter().collect();
        let runbooks = files(RUNBOOKS, ".md")?;
        let runbooks: BTreeSet<&str> = runbooks.iter().map(|file| stem(file)).collect();
        ensure!(names == runbooks, "alerts and runbooks differ: {:?}", names.symmetric_difference(&runbooks));
        alerts.check()?;
        Ok(alerts)
    }

    /// The names of the alerts, each once, in the order of the rules.
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for name in self.rules.iter().filter_map(|rule| rule.alert.as_deref()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    fn of(&self, name: &str) -> impl Iterator<Item = &Rule> {
        self.rules
            .iter()
            .filter(move |rule| rule.alert.as_deref() == Some(name) || rule.record.as_deref() == Some(name))
    }

    /// A rule, and all that record what it looks at.
    fn with_its_sources<'a>(&'a self, rule: &'a Rule) -> impl Iterator<Item = &'a Rule> {
        self.recorded_for(metrics(&rule.expr)).into_iter().flat_map(|name| self.of(name)).chain([rule])
    }

    /// These names, and all that is recorded for them, each once: rules may look at each other.
    fn recorded_for<'a>(&'a self, mut names: Vec<&'a str>) -> Vec<&'a str> {
        let mut next = 0;
        while let Some(name) = names.get(next) {
            let looks_at = self.of(name).flat_map(|rule| metrics(&rule.expr)).filter(|metric| metric.contains(':'));
            let new: BTreeSet<&str> = looks_at.filter(|metric| !names.contains(metric)).collect();
            names.extend(new);
            next += 1;
        }
        names
    }

    /// Whether there is an alert of this name.
    pub fn has(&self, name: &str) -> bool {
        self.rules.iter().any(|rule| rule.alert.as_deref() == Some(name))
    }

    /// The dashboards that alerts lead to: alert, name of the dashboard, and the metrics that its rule looks at, itself or in
    /// what is recorded for it.
    pub fn dashboards(&self) -> impl Iterator<Item = (&str, &str, Vec<&str>)> {
        let leading = self.rules.iter().filter_map(|rule| Some((rule, rule.alert.as_deref()?)));
        leading.filter_map(|(rule, alert)| {
            let path = rule.annotations.get("dashboard_url")?.strip_prefix("d/neodyme-")?;
            let looks_at = self.with_its_sources(rule).flat_map(|rule| metrics(&rule.expr));
            Some((alert, path.split('?').next()?, looks_at.collect()))
        })
    }
}

fn rules(file: &str) -> Result<Vec<Rule>> {
    parse(&read(file)?, file).with_context(|| file.to_owned())
}

fn parse(text: &str, file: &str) -> Result<Vec<Rule>> {
    let parsed: File = serde_saphyr::from_str(text)?;
    let rules = parsed.groups.into_iter().flat_map(|group| group.rules);
    Ok(rules.map(|rule| Rule { file: file.to_owned(), ..rule }).collect())
}
