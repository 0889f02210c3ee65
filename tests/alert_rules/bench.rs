//! Rules and their tests, taken apart: `promtool` runs one test at a time, and the first that fails is enough.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A file of rules, and its tests.
pub struct RuleFile {
    /// Its name in `alert-rules/`.
    pub name: String,
    rules: Value,
    cases: Vec<Case>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct TestFile {
    rule_files: Vec<String>,
    evaluation_interval: String,
    /// Without it `promtool` takes the groups in another order each time, and a change of one interval may go unseen.
    #[serde(default)]
    group_eval_order: Vec<String>,
    tests: Vec<Test>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Test {
    name: String,
    interval: String,
    input_series: Vec<Series>,
    #[serde(default)]
    promql_expr_test: Vec<Value>,
    #[serde(default)]
    alert_rule_test: Vec<Value>,
}

/// Text: `0x30` is thirty-one times 0, not 48.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Series {
    series: String,
    values: String,
}

/// One test, as a file of its own.
pub struct Case {
    whole: String,
    /// Without what the alerts say: most changes are noticed without, and `promtool` looks for the words every few seconds.
    wordless: String,
    words: BTreeSet<String>,
}

/// Every file of rules.
pub fn rule_files() -> Vec<RuleFile> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("alert-rules");
    let tests: Vec<TestFile> = files(&folder.join("tests")).iter().map(|path| read(path)).collect();
    let file = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mine = tests.iter().filter(|test| test.rule_files == [format!("../{name}")]);
        let rules: Value = read(path);
        let groups = groups(&rules);
        let cases: Vec<Case> = mine.flat_map(|file| cases(file, &groups)).collect();
        assert!(!cases.is_empty(), "{name} has no tests");
        RuleFile { name, rules, cases }
    };
    files(&folder).iter().map(file).collect()
}

/// The files right in a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yml"));
    files.sort();
    files
}

fn read<T: DeserializeOwned>(path: &Path) -> T {
    let text = fs::read_to_string(path).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of the groups, in the order in which they stand.
fn groups(rules: &Value) -> Vec<String> {
    rules["groups"].as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap().to_owned()).collect()
}

/// JSON is YAML too.
fn cases(file: &TestFile, groups: &[String]) -> impl Iterator<Item = Case> {
    file.tests.iter().map(|test| {
        let file = TestFile {
            rule_files: vec!["rules.json".to_owned()],
            evaluation_interval: file.evaluation_interval.clone(),
            group_eval_order: groups.to_vec(),
            tests: vec![test.clone()],
        };
        let file = serde_json::to_value(&file).unwrap();
        let whole = file.to_string();
        Case { words: words(&whole), whole, wordless: wordless(file).to_string() }
    })
}

/// Rules, or a test of them, without what the alerts say.
fn wordless(mut value: Value) -> Value {
    match &mut value {
        Value::Object(members) => {
            members.retain(|name, _| !matches!(name.as_str(), "annotations" | "exp_annotations"));
            members.values_mut().for_each(|member| *member = wordless(member.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = wordless(item.take())),
        _ => {}
    }
    value
}

/// Names of metrics and rules, and label values.
fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    words.filter(|word| word.len() > 3).map(str::to_owned).collect()
}

impl RuleFile {
    /// Where each rule is.
    pub fn places(&self) -> Vec<String> {
        let groups = self.rules["groups"].as_array().unwrap().iter().enumerate();
        groups
            .flat_map(|(at, group)| {
                let rules = 0..group["rules"].as_array().unwrap().len();
                rules.map(move |rule| format!("/groups/{at}/rules/{rule}"))
            })
            .collect()
    }

    /// All of it, and all tests.
    pub fn unchanged(&self) -> (&Value, Vec<&Case>) {
        (&self.rules, self.cases.iter().collect())
    }

    /// The rule at a place.
    pub fn rule(&self, place: &str) -> &Value {
        self.rules.pointer(place).unwrap()
    }

    /// The whole file with another rule at a place.
    pub fn with(&self, place: &str, rule: &Value) -> Value {
        let mut rules = self.rules.clone();
        rules.pointer_mut(place).unwrap().clone_from(rule);
        rules
    }

    /// The tests, first those that speak most of what the rule speaks of: they will notice.
    pub fn cases_for(&self, rule: &Value) -> Vec<&Case> {
        let mut cases: Vec<&Case> = self.cases.iter().collect();
        let spoken = words(&rule.to_string());
        cases.sort_by_cached_key(|case| Reverse(spoken.intersection(&case.words).count()));
        cases
    }
}

/// A folder in which one thread runs `promtool`.
pub struct Bench(tempfile::TempDir);

impl Bench {
    /// An empty one.
    pub fn new() -> Bench {
        Bench(tempfile::tempdir().unwrap())
    }

    /// The first of these tests that fails with these rules.
    pub fn failing(&self, rules: &Value, cases: &[&Case]) -> Option<usize> {
        self.write(&wordless(rules.clone()));
        let failing = cases.iter().position(|case| !self.passes(&case.wordless));
        failing.or_else(|| {
            self.write(rules);
            cases.iter().position(|case| !self.passes(&case.whole))
        })
    }

    fn write(&self, rules: &Value) {
        fs::write(self.0.path().join("rules.json"), rules.to_string()).unwrap();
    }

    fn passes(&self, test_file: &str) -> bool {
        let test = self.0.path().join("test.json");
        fs::write(&test, test_file).unwrap();
        let mut promtool = Command::new("promtool");
        // Short-lived, and one for each core: collecting garbage would be most of its work.
        promtool.args(["test", "rules"]).arg(test).env("GOGC", "800").env("GOMAXPROCS", "1");
        let output = promtool.output().expect("`promtool` runs: see `make deps`");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!said.contains("could not parse"), "no rule: {said}");
        output.status.success()
    }
}
