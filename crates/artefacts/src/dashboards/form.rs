//! The one form of the files, in which a change shows as the lines that it changes: what holds nothing but plain values, such
//! as a query, takes one line, and so does whatever fits in 120 columns.

use serde_json::Value;

const WIDTH: usize = 120;

/// The text of a file.
pub fn write(json: &Value) -> String {
    format(json, "", 0) + "\n"
}

fn format(json: &Value, margin: &str, taken: usize) -> String {
    let line = inline(json);
    if is_flat(json) || margin.len() + taken + line.chars().count() < WIDTH {
        return line;
    }
    let inner = format!("{margin}  ");
    let items = entries(json).into_iter().map(|(key, item)| format!("{inner}{key}{}", format(item, &inner, key.len())));
    let items = items.collect::<Vec<String>>().join(",\n");
    enclosed(json, &format!("\n{items}\n{margin}"))
}

fn inline(json: &Value) -> String {
    match json {
        Value::Array(_) | Value::Object(_) => {
            let items = entries(json).into_iter().map(|(key, item)| key + &inline(item));
            enclosed(json, &items.collect::<Vec<String>>().join(", "))
        }
        plain => plain.to_string(),
    }
}

fn enclosed(json: &Value, items: &str) -> String {
    if json.is_array() { format!("[{items}]") } else { format!("{{{items}}}") }
}

/// The items of a list, or the members of an object with their keys, which are in alphabetical order.
fn entries(json: &Value) -> Vec<(String, &Value)> {
    match json {
        Value::Array(items) => items.iter().map(|item| (String::new(), item)).collect(),
        Value::Object(members) => {
            let mut entries: Vec<_> =
                members.iter().map(|(key, item)| (format!("{}: ", Value::from(key.as_str())), item)).collect();
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
            entries
        }
        _ => Vec::new(),
    }
}

fn is_flat(json: &Value) -> bool {
    entries(json).iter().all(|(_, item)| !item.is_array() && !item.is_object())
}
