//! How answers become the columns of a table.

use serde_json::{Map, Value, json};

use super::source::Panel;

/// The columns of Grafana that say only when it asked.
const TIMES: [&str; 4] = ["Time", "Time 1", "Time 2", "Time 3"];

/// Grafana's transformations: answers joined, columns in their order and with their names.
pub fn transformations(panel: &Panel, names: &[&str]) -> Vec<Value> {
    let joined = panel.join.iter().map(|by| json!({"id": "joinByField", "options": {"byField": by, "mode": "outer"}}));
    let times = if panel.join.is_some() { &TIMES[..] } else { &TIMES[..1] };
    // What is asked for to choose rows by is no column.
    let hidden = names.iter().filter(|name| !panel.columns.iter().any(|column| column == *name));
    let hidden = hidden.map(|name| original(name, names));
    let excluded: Map<String, Value> =
        times.iter().map(|time| (*time).to_owned()).chain(hidden).map(|column| (column, true.into())).collect();
    let (mut order, mut called) = (Map::new(), Map::new());
    for (column, place) in panel.columns.iter().zip(0..) {
        let original = original(column, names);
        if original != *column {
            called.insert(original.clone(), column.as_str().into());
        }
        order.insert(original, place.into());
    }
    let options = json!({"excludeByName": excluded, "indexByName": order, "renameByName": called});
    joined.chain([json!({"id": "organize", "options": options})]).collect()
}

/// What Grafana calls a column by itself: the value of one of several queries has the query's letter.
fn original(column: &str, names: &[&str]) -> String {
    match names.iter().zip('A'..).find(|(name, _)| **name == column) {
        Some((_, letter)) if names.len() > 1 => format!("Value #{letter}"),
        _ => column.to_owned(),
    }
}
