//! What series and columns look like, and where a click on them leads.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::look::{Field, Limit};
use super::merge;
use super::shared::Kind;
use super::source::{Colors, Panel};
use super::workshop::{Facts, Workshop};

impl Workshop<'_> {
    /// What holds for all of them.
    pub fn defaults(&self, panel: &Panel, facts: &Facts<'_>) -> Result<Map<String, Value>> {
        let look = &panel.look;
        let mut json = facts.kind.defaults.clone();
        json.insert("unit".into(), look.unit.as_str().into());
        let own = [
            ("decimals", look.decimals.map(Value::from)),
            ("noValue", look.empty.as_deref().map(Value::from)),
            ("min", look.min.map(Value::from)),
            ("max", look.max.map(Value::from)),
            ("color", look.color.as_deref().map(|color| facts.kind.color(color))),
            ("mappings", panel.mappings.as_deref().map(|name| self.mappings(name)).transpose()?),
        ];
        json.extend(own.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
        let kinds = facts.kind.limit.clone().map(Limit::Named);
        let mut custom = custom(panel, facts.kind);
        if let Some(limit) = panel.limit.as_ref().or(kinds.as_ref()) {
            let steps = self.limit(limit, &facts.shown(), &look.unit, &facts.alerts)?;
            if !facts.kind.limited.is_empty() {
                custom.extend(steps.room(look)?);
            }
            json.insert("thresholds".into(), steps.json());
        }
        let runbooks = facts.alerts.iter().map(|alert| self.runbook(alert));
        let links = panel.links.iter().map(|link| self.link(link)).chain(runbooks).collect::<Result<Vec<Value>>>()?;
        json.insert("links".into(), links.into());
        merge(&mut json, &Map::from_iter([("custom".to_owned(), custom.into())]));
        json.retain(|_, value| !is_empty(value));
        Ok(json)
    }

    /// What holds for one of them, by its name.
    pub fn overrides(&self, panel: &Panel, facts: &Facts<'_>) -> Result<Vec<Value>> {
        let shared = |name: &str| self.shared.colors.get(name).with_context(|| format!("no colours {name}"));
        let colors = match &panel.colors {
            None if panel.quantiles.is_some() => shared("quantiles")?,
            None => &BTreeMap::new(),
            Some(Colors::Own(colors)) => colors,
            Some(Colors::Shared(name)) => shared(name)?,
        };
        let colors = colors.iter().map(|(name, color)| Ok(of("byName", name, vec![property("color", fixed(color))])));
        let own = |field| self.properties(field, panel, facts);
        let fields = panel.field.iter().map(|(name, field)| Ok(of("byName", name, own(field)?)));
        let answers = panel.answer.iter().map(|(letter, field)| Ok(of("byFrameRefID", letter, own(field)?)));
        colors.chain(answers).chain(fields).collect()
    }

    fn properties(&self, field: &Field, panel: &Panel, facts: &Facts<'_>) -> Result<Vec<Value>> {
        let unit = field.unit.as_ref().unwrap_or(&panel.look.unit);
        let limit =
            field.limit.as_ref().map(|limit| self.limit(limit, &facts.shown(), unit, &facts.alerts)).transpose()?;
        let links = field.links.iter().map(|link| self.link(link)).collect::<Result<Vec<Value>>>()?;
        let all = [
            ("unit", field.unit.as_deref().map(Value::from)),
            ("decimals", field.decimals.map(Value::from)),
            ("color", field.color.as_deref().map(|color| facts.kind.color(color))),
            ("displayName", field.name.as_deref().map(Value::from)),
            ("custom.cellOptions", field.colored.then(|| json!({"type": "color-text"}))),
            ("mappings", field.mappings.as_deref().map(|name| self.mappings(name)).transpose()?),
            ("thresholds", limit.map(|steps| steps.json())),
            ("links", Some(Value::from(links)).filter(|links| !is_empty(links))),
        ];
        Ok(all.into_iter().filter_map(|(id, value)| Some(property(id, value?))).collect())
    }

    fn mappings(&self, name: &str) -> Result<Value> {
        let mappings = self.shared.mappings.get(name).with_context(|| format!("there are no mappings {name}"))?;
        let mut options = Map::new();
        for (mapping, index) in mappings.iter().zip(0..) {
            let [value, color, text @ ..] = mapping.as_slice() else { anyhow::bail!("{name}: {mapping:?}") };
            let mut option =
                Map::from_iter([("index".to_owned(), Value::from(index)), ("color".to_owned(), color.as_str().into())]);
            option.extend(text.first().map(|text| ("text".to_owned(), text.as_str().into())));
            options.insert(value.clone(), option.into());
        }
        Ok(json!([{"type": "value", "options": options}]))
    }
}

fn custom(panel: &Panel, kind: &Kind) -> Map<String, Value> {
    let mut custom = panel.custom.clone();
    custom.extend(panel.look.axis.iter().map(|label| ("axisLabel".to_owned(), label.as_str().into())));
    if panel.look.stacked {
        merge(&mut custom, &kind.stacked);
    }
    if panel.look.logarithmic {
        merge(&mut custom, &kind.logarithmic);
    }
    if panel.limit.is_some() {
        merge(&mut custom, &kind.limited);
    }
    custom
}

/// What Grafana calls the options of a panel.
pub fn options(panel: &Panel, kind: &Kind) -> Map<String, Value> {
    let mut options = kind.options.clone();
    merge(&mut options, &panel.options);
    if let Some(sort) = &panel.sort {
        let mut by = Map::from_iter([("displayName".to_owned(), Value::from(sort.by.as_str()))]);
        by.extend(sort.descending.then(|| ("desc".to_owned(), Value::from(true))));
        options.insert("sortBy".into(), Value::from(vec![Value::from(by)]));
    }
    options
}

/// What holds for what a matcher of Grafana finds by this name.
fn of(matcher: &str, name: &str, properties: Vec<Value>) -> Value {
    json!({"matcher": {"id": matcher, "options": name}, "properties": properties})
}

fn property(id: &str, value: Value) -> Value {
    json!({"id": id, "value": value})
}

fn fixed(color: &str) -> Value {
    json!({"mode": "fixed", "fixedColor": color})
}

fn is_empty(json: &Value) -> bool {
    json.as_array().is_some_and(Vec::is_empty) || json.as_object().is_some_and(Map::is_empty)
}
