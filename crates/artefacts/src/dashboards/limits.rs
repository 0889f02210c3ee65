//! Where colours change: where alerts fire.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::look::{Limit, Look, Steps};
use super::workshop::Workshop;

/// So many times the highest limit an axis shows.
const ROOM: f64 = 1.5;

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
        Ok(Steps { base: "text".to_owned(), steps: vec![(limit, color.clone())] })
    }

    /// What is written down by hand is one of the numbers of the alerts that the panel names; 0 and 1 part nothing from
    /// something. No value is green by itself: it may be far from its limit while a page is open.
    fn check_limit(&self, steps: &Steps, named: &[&str]) -> Result<()> {
        let values: Vec<f64> = steps.steps.iter().filter_map(|(value, _)| value.as_f64()).collect();
        ensure!(values.is_sorted(), "{values:?} do not rise");
        let known: Vec<f64> = named.iter().flat_map(|alert| self.alerts.numbers(alert)).chain([0.0, 1.0]).collect();
        for value in &values {
            let is_known = known.iter().any(|number| (number - value).abs() < 1e-6);
            ensure!(is_known, "{value} is no limit of {named:?}");
        }
        Ok(())
    }
}

impl Steps {
    /// How far an axis must reach, so that no line lies on its edge.
    pub fn room(&self, look: &Look) -> Result<Option<(String, Value)>> {
        let values: Vec<f64> = self.steps.iter().filter_map(|(value, _)| value.as_f64()).collect();
        let Some(highest) = values.last() else { return Ok(None) };
        ensure!(values[0] > f64::from(look.min.unwrap_or(0)), "the line at {} lies on the edge of the axis", values[0]);
        let Some(max) = look.max else { return Ok(Some(("axisSoftMax".to_owned(), (highest * ROOM).into()))) };
        ensure!(*highest < f64::from(max), "the line at {highest} lies on the edge of the axis");
        Ok(None)
    }

    /// As Grafana has them.
    pub fn json(&self) -> Value {
        let base = json!({"value": null, "color": self.base});
        let steps = self.steps.iter().map(|(value, color)| json!({"value": value, "color": color}));
        json!({"mode": "absolute", "steps": std::iter::once(base).chain(steps).collect::<Vec<Value>>()})
    }
}
