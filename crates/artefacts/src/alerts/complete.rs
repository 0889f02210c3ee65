//! An alert and its runbook say what a person needs who is woken by it.

use anyhow::{Context, Result, ensure};

use super::table::SEVERITIES;
use super::{Alerts, RUNBOOKS, Rule};
use crate::artefact::read;

const SECTIONS: [&str; 5] = ["What it means", "Who is affected", "Confirm", "Do", "Over when"];

impl Alerts {
    /// Looks at every alert.
    pub fn check(&self) -> Result<()> {
        for rule in &self.rules {
            if let Some(name) = &rule.alert {
                rule.check(name).with_context(|| format!("{} {name}", rule.file))?;
                ensure!(self.has_component(rule), "{} {name}: no component", rule.file);
                runbook(name).with_context(|| format!("{RUNBOOKS}/{name}.md"))?;
            }
        }
        Ok(())
    }

    /// By a label, or by what it joins, itself or in what it looks at.
    fn has_component(&self, rule: &Rule) -> bool {
        rule.labels.contains_key("component")
            || self.with_its_sources(rule).any(|rule| rule.expr.contains("(component)"))
    }
}

impl Rule {
    fn check(&self, name: &str) -> Result<()> {
        let severity = self.labels.get("severity").context("no severity")?;
        ensure!(SEVERITIES.contains(&severity.as_str()), "severity `{severity}`");
        let summary = self.annotation("summary")?;
        ensure!(summary.ends_with('.'), "the summary is no sentence: {summary}");
        self.annotation("description")?;
        self.annotation("affected")?;
        ensure!(self.annotation("runbook_url")? == format!("{RUNBOOKS}/{name}.md"), "the runbook is another's");
        ensure!(self.annotation("dashboard_url")?.starts_with("d/neodyme-"), "the dashboard is none of ours");
        let leads_on = self.annotation("operations_url").or_else(|_| self.annotation("samples_url"));
        ensure!(leads_on?.contains("label \"instance\""), "no instance is named where the runbook can be read");
        if self.expr.contains("error_type") {
            ensure!(self.annotation("samples_url")?.contains("/errors?type="), "no samples");
            ensure!(self.annotation("log_query")?.contains(".exception.type =="), "the log is not asked for the type");
        }
        Ok(())
    }

    fn annotation(&self, name: &str) -> Result<&str> {
        let text = self.annotations.get(name).filter(|text| !text.is_empty());
        text.map(String::as_str).with_context(|| format!("no {name}"))
    }
}

fn runbook(name: &str) -> Result<()> {
    let page = read(&format!("{RUNBOOKS}/{name}.md"))?;
    ensure!(page.starts_with(&format!("# {name}\n")), "the title is not {name}");
    for section in SECTIONS {
        ensure!(page.contains(&format!("\n## {section}\n")), "no section `{section}`");
    }
    ensure!(page.contains("```promql\n"), "no query");
    Ok(())
}
