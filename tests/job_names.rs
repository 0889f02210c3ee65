//! Rules for another name than `neodyme`, as `packaging/jobs` writes them: one name passes every test of the rules, and of
//! several each is watched for itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::programs::program;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn write_for(folder: &Path, jobs: &[&str]) {
    let output = Command::new(project("packaging/jobs")).arg(folder).args(jobs).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn promtool(arguments: &[&str], files: &[PathBuf]) {
    let output = Command::new(program("promtool")).args(arguments).args(files).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&[output.stdout, output.stderr].concat()));
}

/// What takes long asks nothing more of the name.
fn is_quick(test: &Path) -> bool {
    let name = test.file_stem().and_then(|name| name.to_str()).unwrap();
    name.ends_with("_test") && (name == "slo_test" || !(name.starts_with("slo_") || name.ends_with("_weeks_test")))
}

/// The tests of the rules speak of the job in series, labels, links and sentences.
fn renamed(test: &str, job: &str) -> String {
    let mut words = test.split("neodyme").peekable();
    let mut text = String::new();
    while let Some(part) = words.next() {
        text.push_str(part);
        let Some(next) = words.peek() else { break };
        let before = text.trim_end().to_lowercase();
        let is_job = ["job", "job=\"", "job:", "job="].iter().any(|end| before.ends_with(end));
        let is_word =
            next.starts_with(|c: char| !c.is_alphanumeric() && c != '_' && c != '-') || next.starts_with("-probe\"");
        text.push_str(if is_job && is_word { job } else { "neodyme" });
    }
    text
}

#[test]
fn another_name_passes_the_tests_of_the_rules() {
    let folder = tempfile::tempdir().unwrap();
    write_for(folder.path(), &["shop"]);
    let tests = folder.path().join("alert-rules/tests");
    fs::create_dir(&tests).unwrap();
    let mut files = Vec::new();
    for entry in fs::read_dir(project("alert-rules/tests")).unwrap().map(|entry| entry.unwrap().path()) {
        if is_quick(&entry) {
            let file = tests.join(entry.file_name().unwrap());
            let test = renamed(&fs::read_to_string(entry).unwrap(), "shop");
            assert!(!test.contains("job=\"neodyme\""));
            fs::write(&file, test).unwrap();
            files.push(file);
        }
    }
    assert!(files.len() > 8);
    promtool(&["test", "rules"], &files);
    let config = fs::read_to_string(folder.path().join("prometheus.yml")).unwrap();
    assert!(config.contains("job_name: shop\n") && config.contains("job_name: shop-probe\n"), "{config}");
    promtool(&["check", "config", "--syntax-only"], &[folder.path().join("prometheus.yml")]);
}

/// One is up, one is down, one answers the probe alone, and one has no target.
#[test]
fn each_of_several_environments_is_watched_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    write_for(folder.path(), &["neodyme-a", "neodyme-b", "neodyme-c", "neodyme-d"]);
    let test = folder.path().join("test.yml");
    fs::write(&test, SEVERAL).unwrap();
    promtool(&["test", "rules"], &[test]);
    promtool(&["check", "rules"], &[folder.path().join("alert-rules/slo.yml")]);
}

const SEVERAL: &str = r#"
rule_files: [alert-rules/availability.yml]
evaluation_interval: 5s
tests:
  - interval: 5s
    input_series:
      - {series: 'up{job="neodyme-a", instance="a:9000"}', values: 1x60}
      - {series: 'up{job="neodyme-a-probe", instance="a:9000"}', values: 1x60}
      - {series: 'up{job="neodyme-b", instance="a:9000"}', values: 1x10 0x50}
      - {series: 'up{job="neodyme-b-probe", instance="a:9000"}', values: 1x10 0x50}
      - {series: 'up{job="neodyme-c", instance="a:9000"}', values: 1x10 0x50}
      - {series: 'up{job="neodyme-c-probe", instance="a:9000"}', values: 1x60}
      - {series: 'up{job="other", instance="a:9000"}', values: 0x60}
    promql_expr_test:
      - expr: 'count by (alertname, job) (ALERTS{alertstate="firing", severity="critical"})'
        eval_time: 2m
        exp_samples:
          - {labels: '{alertname="NeodymeDown", job="neodyme-b"}', value: 1}
          - {labels: '{alertname="NeodymeMonitoringBlind", job="neodyme-c"}', value: 1}
          - {labels: '{alertname="NeodymeTargetMissing", job="neodyme-d"}', value: 1}
"#;

#[test]
fn a_name_that_would_be_a_pattern_or_a_probe_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for job in ["a.b", "a|b", "", "shop-probe"] {
        let output = Command::new(project("packaging/jobs")).arg(folder.path()).arg(job).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{job}");
    }
}
