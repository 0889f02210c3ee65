//! The shipped rules, read line by line: their form is plain enough, and `promtool` watches over the rest.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// One rule.
#[derive(Debug, Default)]
pub struct Rule {
    /// The file it stands in.
    pub file: String,
    /// `alert` or `record`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its expression.
    pub expression: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations, aliases followed.
    pub annotations: BTreeMap<String, String>,
}

/// Every rule of every file.
pub fn rules() -> Vec<Rule> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("alert-rules");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    files.iter().flat_map(|path| read(path)).collect()
}

fn read(path: &Path) -> Vec<Rule> {
    let text = fs::read_to_string(path).unwrap();
    let (mut rules, mut anchors) = (Vec::<Rule>::new(), BTreeMap::new());
    let mut section = String::new();
    let mut lines = text.lines().filter(|line| !line.trim_start().starts_with('#')).peekable();
    while let Some(line) = lines.next() {
        let depth = indent(line);
        let Some((key, mut value)) =
            line.trim().trim_start_matches("- ").split_once(':').map(|(k, v)| (k, v.trim().to_owned()))
        else {
            continue;
        };
        if let Some(kind) =
            line.trim().strip_prefix("- ").and_then(|_| ["alert", "record"].into_iter().find(|kind| *kind == key))
        {
            let file = path.file_name().unwrap().to_str().unwrap().to_owned();
            rules.push(Rule { file, kind: kind.to_owned(), name: value, ..Rule::default() });
            continue;
        }
        let Some(rule) = rules.last_mut() else { continue };
        let anchor = value.strip_prefix('&').map(|rest| rest.split(' ').next().unwrap_or(rest).to_owned());
        if let Some(name) = &anchor {
            value = value[name.len() + 1..].trim().to_owned();
        }
        if value.starts_with(['|', '>']) {
            value.clear();
            while let Some(more) = lines.next_if(|next| next.trim().is_empty() || indent(next) > depth) {
                value = format!("{value} {}", more.trim());
            }
        }
        if let Some(name) = value.strip_prefix('*') {
            value = anchors.get(name).cloned().unwrap_or_else(|| panic!("no anchor {name} in {}", path.display()));
        }
        if let Some(name) = anchor {
            anchors.insert(name, value.clone());
        }
        let value = value.trim().trim_matches('\'').to_owned();
        match (key, depth) {
            ("expr", 8) => rule.expression = value,
            ("labels", 8) if value.starts_with('{') => {
                let pairs = value.trim_matches(['{', '}']).split(", ").filter_map(|pair| pair.split_once(": "));
                rule.labels = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            }
            (_, 8) => key.clone_into(&mut section),
            (_, 10) if section == "labels" => drop(rule.labels.insert(key.to_owned(), value)),
            (_, 10) if section == "annotations" => drop(rule.annotations.insert(key.to_owned(), value)),
            _ => {}
        }
    }
    rules
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}
