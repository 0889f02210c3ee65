//! Where colours change: where alerts fire.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::look::{Limit, Steps};
use super::workshop::Workshop;

impl Workshop<'_> {
    /// The limits of a panel that shows these metrics in this unit and names these alerts.
    pub fn limit(&self, limit: &Limit, shown: &[&str], unit: &str, named: &[&str]) -> Result<Steps> {
        let steps = match limit {
            Limit::Named(name) if self.alerts.has(name) => return self.of_alert(name, shown, unit),
            Limit::Named(name) => self.shared.limits.get(name).with_context(|| format!("there is no limit {name}"))?,
            Limit::Own(steps) => steps,
        };
        self.check_limit(steps, named)?;
        Ok(steps.clone())
    }

    fn of_alert(&self, name: &str, shown: &[&str], unit: &str) -> Result<Steps> {
        let (limit, severity) = self.alerts.limit(name, shown, ["short", "locale"].contains(&unit))?;
        let color = self.shared.severities.get(severity).with_context(|| format!("{severity} has no colour"))?;
        Ok(Steps { base: "green".to_owned(), steps: vec![(limit, color.clone())] })
    }

    /// What is written down by hand is one of the numbers of the alerts that the panel names; 0 and 1 part nothing from
    /// something.
    fn check_limit(&self, steps: &Steps, named: &[&str]) -> Result<()> {
        let values: Vec<f64> = steps.steps.iter().filter_map(|(value, _)| value.as_f64()).collect();
        ensure!(values.is_sorted(), "{values:?} do not rise");
        let known: Vec<f64> = named.iter().flat_map(|alert| self.alerts.numbers(alert)).chain([0.0, 1.0]).collect();
        for value in values.iter().filter(|_| !named.is_empty()) {
            let is_known = known.iter().any(|number| (number - value).abs() < 1e-6);
            ensure!(is_known, "{value} is no limit of {named:?}");
        }
        Ok(())
    }
}

impl Steps {
    /// As Grafana has them.
    pub fn json(&self) -> Value {
        let base = json!({"value": null, "color": self.base});
        let steps = self.steps.iter().map(|(value, color)| json!({"value": value, "color": color}));
        json!({"mode": "absolute", "steps": std::iter::once(base).chain(steps).collect::<Vec<Value>>()})
    }
}
