//! Rules and their tests, taken apart: `promtool` runs one test at a time, of the rules that a change can reach, and the first
//! that fails is enough.

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
    tests: Vec<TestFile>,
}

#[derive(Clone, Deserialize, Serialize)]
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

/// Rules, and tests of them, each as a file of its own.
pub struct Trial {
    /// The rules: one may be changed.
    pub rules: Value,
    /// The tests, first those that speak most of what a changed rule speaks of: they will notice.
    pub cases: Vec<String>,
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
        let tests: Vec<TestFile> = mine.flat_map(|file| single(file, &groups)).collect();
        assert!(!tests.is_empty(), "{name} has no tests");
        RuleFile { name, rules, tests }
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

/// Each test of a file, alone.
fn single(file: &TestFile, groups: &[String]) -> impl Iterator<Item = TestFile> {
    file.tests.iter().map(|test| TestFile {
        rule_files: vec!["rules.json".to_owned()],
        evaluation_interval: file.evaluation_interval.clone(),
        group_eval_order: groups.to_vec(),
        tests: vec![test.clone()],
    })
}

/// Names of metrics and rules, and label values.
fn words(value: &impl Serialize) -> BTreeSet<String> {
    let text = text(value);
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    words.filter(|word| word.len() > 3).map(str::to_owned).collect()
}

/// JSON is YAML too.
fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

fn rule_name(rule: &Value) -> &str {
    rule["alert"].as_str().or(rule["record"].as_str()).unwrap()
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

    /// The rule at a place.
    pub fn rule(&self, place: &str) -> &Value {
        self.rules.pointer(place).unwrap()
    }

    /// All of it, and all tests.
    pub fn unchanged(&self) -> Trial {
        Trial { rules: self.rules.clone(), cases: self.tests.iter().map(text).collect() }
    }

    /// What a change of this rule can reach, with another rule in its place.
    pub fn with(&self, place: &str, rule: &Value) -> Value {
        let mut rules = self.rules.clone();
        rules.pointer_mut(place).unwrap().clone_from(rule);
        let needed = self.needed(&self.reached(place));
        for group in rules["groups"].as_array_mut().unwrap() {
            group["rules"].as_array_mut().unwrap().retain(|rule| needed.contains(rule_name(rule)));
        }
        rules
    }

    /// The tests of what a change of this rule can reach.
    pub fn cases_for(&self, place: &str) -> Vec<String> {
        let reached = self.reached(place);
        let mut tests: Vec<TestFile> = self.tests.iter().filter_map(|test| test.of(&reached)).collect();
        let spoken = words(self.rule(place));
        tests.sort_by_cached_key(|test| Reverse(spoken.intersection(&words(test)).count()));
        tests.iter().map(text).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Value> {
        self.rules["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap())
    }

    /// The rule, and every one that speaks of one of these; all of them where a test counts the alerts of whatever name.
    fn reached(&self, place: &str) -> BTreeSet<String> {
        if self.tests.iter().any(TestFile::asks_for_all_alerts) {
            return self.all().map(|rule| rule_name(rule).to_owned()).collect();
        }
        let first = BTreeSet::from([rule_name(self.rule(place)).to_owned()]);
        grown(first, |reached| {
            let more = self.all().filter(|rule| !words(rule).is_disjoint(reached));
            more.map(|rule| rule_name(rule).to_owned()).collect()
        })
    }

    /// These rules, and every one of which they speak.
    fn needed(&self, reached: &BTreeSet<String>) -> BTreeSet<String> {
        let names: BTreeSet<String> = self.all().map(|rule| rule_name(rule).to_owned()).collect();
        grown(reached.clone(), |needed| {
            let spoken = self.all().filter(|rule| needed.contains(rule_name(rule))).flat_map(words);
            spoken.filter(|word| names.contains(word)).collect()
        })
    }
}

/// A set with all that follows from it.
fn grown(mut set: BTreeSet<String>, more: impl Fn(&BTreeSet<String>) -> BTreeSet<String>) -> BTreeSet<String> {
    loop {
        let before = set.len();
        set.extend(more(&set));
        if set.len() == before {
            return set;
        }
    }
}

/// Whether a query counts the alerts of whatever name.
fn asks_for_all_alerts(query: &Value) -> bool {
    query["expr"].as_str().unwrap().contains("ALERTS{alertstate=")
}

impl TestFile {
    fn asks_for_all_alerts(&self) -> bool {
        self.tests[0].promql_expr_test.iter().any(asks_for_all_alerts)
    }

    /// What it asks of these rules, if anything.
    fn of(&self, rules: &BTreeSet<String>) -> Option<TestFile> {
        let mut file = self.clone();
        let test = &mut file.tests[0];
        test.alert_rule_test.retain(|alert| rules.contains(alert["alertname"].as_str().unwrap()));
        test.promql_expr_test.retain(|query| asks_for_all_alerts(query) || !words(&query["expr"]).is_disjoint(rules));
        (!test.alert_rule_test.is_empty() || !test.promql_expr_test.is_empty()).then_some(file)
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
    pub fn failing(&self, rules: &Value, cases: &[String]) -> Option<usize> {
        fs::write(self.0.path().join("rules.json"), rules.to_string()).unwrap();
        cases.iter().position(|case| !self.passes(case))
    }

    fn passes(&self, case: &str) -> bool {
        let test = self.0.path().join("test.json");
        fs::write(&test, case).unwrap();
        let mut promtool = Command::new("promtool");
        // Short-lived, and one for each core: collecting garbage would be most of its work.
        promtool.args(["test", "rules"]).arg(test).env("GOGC", "800").env("GOMAXPROCS", "1");
        let output = promtool.output().expect("`promtool` runs: see `make deps`");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!said.contains("could not parse"), "no rule: {said}");
        output.status.success()
    }
}
