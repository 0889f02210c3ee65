//! The dashboards: `grafana/dashboards/*.json` from `grafana/sources/*.toml`.

mod fields;
mod form;
mod layout;
mod limits;
mod links;
mod look;
mod panel;
mod shared;
mod source;
mod table;
mod workshop;

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use crate::alerts::Alerts;
use crate::artefact::{Artefact, files, read, stem};
use crate::promql::metrics;
use layout::Grid;
use shared::Shared;
use source::Dashboard;
use workshop::Workshop;

const SOURCES: &str = "grafana/sources";
const DASHBOARDS: &str = "grafana/dashboards";

/// All of them.
pub fn all(alerts: &Alerts) -> Result<Vec<Artefact>> {
    let shared = Shared::read(SOURCES)?;
    let sources: Vec<String> = files(SOURCES, ".toml")?.into_iter().filter(|file| stem(file) != "shared").collect();
    let names: BTreeSet<&str> = sources.iter().map(|file| stem(file)).collect();
    for file in files(DASHBOARDS, ".json")? {
        ensure!(names.contains(stem(&file)), "{file} has no source in {SOURCES}: remove it");
    }
    let workshop = Workshop { shared: &shared, alerts, names: &names };
    let mut dashboards = Vec::new();
    for file in &sources {
        dashboards.push((stem(file), toml::from_str::<Dashboard>(&read(file)?).with_context(|| file.clone())?));
    }
    alerts_are_shown(&dashboards, &workshop)?;
    let written = dashboards.iter().map(|(name, dashboard)| {
        let json = json(name, dashboard, &workshop).with_context(|| format!("{SOURCES}/{name}.toml"))?;
        Ok(Artefact { path: format!("{DASHBOARDS}/{name}.json"), text: form::write(&json) })
    });
    written.collect()
}

/// The dashboard that an alert leads to has a panel that names it, and shows what it looks at if it looks at something.
fn alerts_are_shown(dashboards: &[(&str, Dashboard)], workshop: &Workshop<'_>) -> Result<()> {
    for (alert, name, looks_at) in workshop.alerts.dashboards() {
        let dashboard = dashboards.iter().find(|(known, _)| *known == name);
        let (_, dashboard) = dashboard.with_context(|| format!("{alert} leads to {name}, which is no dashboard"))?;
        let mut panels = dashboard.panels().filter(|panel| panel::alerts(&panel.about).contains(&alert));
        let shows = panels.any(|panel| {
            let queries = workshop.queries(panel).unwrap_or_default();
            queries.iter().any(|(_, query)| metrics(query).iter().any(|metric| looks_at.contains(metric)))
        });
        ensure!(
            shows || looks_at.is_empty(),
            "{alert} leads to {name}, where no panel names it and shows what it looks at"
        );
    }
    Ok(())
}

fn json(name: &str, dashboard: &Dashboard, workshop: &Workshop<'_>) -> Result<Value> {
    let mut json = workshop.shared.head()?;
    json.insert("uid".into(), format!("neodyme-{name}").into());
    json.insert("title".into(), dashboard.title.as_str().into());
    json.insert("description".into(), dashboard.about.as_str().into());
    if let Some(from) = &dashboard.from {
        json.insert("time".into(), json!({"from": from, "to": "now"}));
    }
    json.insert("panels".into(), panels(dashboard, workshop)?.into());
    Ok(json.into())
}

fn panels(dashboard: &Dashboard, workshop: &Workshop<'_>) -> Result<Vec<Value>> {
    let (mut grid, mut panels, mut titles) = (Grid::default(), Vec::new(), BTreeSet::new());
    for section in &dashboard.section {
        if let Some(title) = &section.title {
            let place = grid.place(layout::WIDTH, 1)?;
            panels.push(json!({"type": "row", "title": title, "gridPos": place, "collapsed": false, "panels": []}));
        }
        for panel in &section.panel {
            ensure!(titles.insert(&panel.title), "`{}` is asked twice", panel.title);
            let mut json = workshop.make(panel).with_context(|| panel.title.clone())?;
            let (width, height) = panel.look.size()?;
            json.insert("gridPos".into(), grid.place(width, height).with_context(|| panel.title.clone())?);
            panels.push(json.into());
        }
        grid.finish().with_context(|| format!("below `{}`", section.title.as_ref().unwrap_or(&dashboard.title)))?;
    }
    for (panel, id) in panels.iter_mut().filter_map(Value::as_object_mut).zip(1..) {
        panel.insert("id".into(), id.into());
    }
    Ok(panels)
}

/// What two JSON objects say together; the second has the last word.
fn merge(into: &mut Map<String, Value>, other: &Map<String, Value>) {
    for (key, value) in other {
        match (into.get_mut(key), value) {
            (Some(Value::Object(into)), Value::Object(other)) => merge(into, other),
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}
