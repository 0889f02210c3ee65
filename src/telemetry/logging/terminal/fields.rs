//! A record as it was written: keys in their order, objects within each other.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// A JSON object with its keys in the order written.
pub(super) struct Fields(Vec<(String, Node)>);

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Node {
    Fields(Fields),
    Leaf(Value),
}

impl Fields {
    /// Takes an object out.
    pub(super) fn take_fields(&mut self, key: &str) -> Option<Fields> {
        let index = self.0.iter().position(|(name, node)| name == key && matches!(node, Node::Fields(_)))?;
        match self.0.remove(index).1 {
            Node::Fields(fields) => Some(fields),
            Node::Leaf(_) => None,
        }
    }

    /// Takes a text out; empty where there is none.
    pub(super) fn take_text(&mut self, key: &str) -> String {
        let Some(index) = self.0.iter().position(|(name, _)| name == key) else { return String::new() };
        match self.0.remove(index).1 {
            Node::Leaf(Value::String(text)) => text,
            Node::Leaf(value) => value.to_string(),
            Node::Fields(_) => String::new(),
        }
    }

    /// The context's fields, then the others, those of objects under `object.field`; not the place in the code.
    pub(super) fn flatten(self) -> Vec<(String, Value)> {
        let (mut first, mut rest) = (Vec::new(), Vec::new());
        for (key, node) in self.0 {
            match (key.as_str(), node) {
                ("module" | "function" | "line", _) => {}
                ("context", Node::Fields(context)) => context.flatten_into("", &mut first),
                (_, node) => node.flatten_into(key, &mut rest),
            }
        }
        first.append(&mut rest);
        first
    }

    fn flatten_into(self, prefix: &str, out: &mut Vec<(String, Value)>) {
        for (key, node) in self.0 {
            node.flatten_into(format!("{prefix}{key}"), out);
        }
    }
}

impl Node {
    fn flatten_into(self, key: String, out: &mut Vec<(String, Value)>) {
        match self {
            Node::Fields(fields) => fields.flatten_into(&format!("{key}."), out),
            Node::Leaf(value) => out.push((key, value)),
        }
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Fields;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Fields(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}
