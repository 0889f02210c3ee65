//! The shipped rules.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

/// One rule.
#[derive(Debug, Deserialize)]
pub struct Rule {
    /// The file it stands in.
    #[serde(skip)]
    pub file: String,
    /// The name of an alert.
    pub alert: Option<String>,
    /// The name of what is recorded.
    pub record: Option<String>,
    /// Its expression.
    pub expr: String,
    /// Its labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

impl Rule {
    /// What it alerts as or records.
    pub fn name(&self) -> &str {
        self.alert.as_ref().or(self.record.as_ref()).unwrap()
    }
}

#[derive(Deserialize)]
struct RuleFile {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
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
    let file: RuleFile = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let name = path.file_name().unwrap().to_str().unwrap();
    file.groups.into_iter().flat_map(|group| group.rules).map(|rule| Rule { file: name.to_owned(), ..rule }).collect()
}
