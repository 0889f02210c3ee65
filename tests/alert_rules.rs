//! Would the tests of the alert rules notice? Thresholds, windows, matchers, operators and `for` are changed one at a time,
//! and `promtool test rules` must fail each time. One file or rule: `ALERT_RULES=outbox.yml make mutants`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test ends by panicking"
)]

#[path = "alert_rules/bench.rs"]
mod bench;
#[path = "alert_rules/mutants.rs"]
mod mutants;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bench::{Bench, RuleFile, rule_files};
use mutants::mutants;

/// Mutants that no test can tell from the rule, and why.
const EQUIVALENT: &[(&str, &str)] = &[
    ("affected-users.yml job_error_type:neodyme_error_incident_start_timestamp_seconds:min{}: 0 → 1", EPOCH),
    (
        "affected-users.yml job_error_type:neodyme_error_user_sample:bound{}: neodyme_error_users{job=\"neodyme\",within=\"incident\"}[4m30s] → neodyme_error_users{job=\"neodyme\",within=\"incident\"}[9m]",
        SOONER,
    ),
    (
        "error-patterns.yml job_instance_error_type:neodyme_error_age_seconds:min{}: (timestamp(neodyme_clock_timestamp_seconds{job=\"neodyme\"}) - neodyme_clock_timestamp_seconds{job=\"neodyme\"})[4m30s:5s] → (timestamp(neodyme_clock_timestamp_seconds{job=\"neodyme\"}) - neodyme_clock_timestamp_seconds{job=\"neodyme\"})[9m:5s]",
        SOONER,
    ),
    ("machine.yml NeodymeDiskAlmostFull{component=disk,reason=trend,severity=warning}: < → <=", LINE),
    ("outbox.yml job_topic:neodyme_outbox_oldest_pending_age_seconds:max{}: 0 → 1", EPOCH),
    ("slo.yml job_slo:neodyme_overdue_events:max{slo=welcome_email}: 0 → 1", EPOCH),
    ("watchdog.yml Watchdog{component=alerting,severity=info}: 1 → 0", VALUE),
    ("watchdog.yml Watchdog{component=alerting,severity=info}: 1 → 2", VALUE),
];
const EPOCH: &str = "0 is never, and nothing happened in the first second of 1970";
const SOONER: &str = "what it goes with is forgotten sooner";
const LINE: &str = "what a line foretells is never exactly 0";
const VALUE: &str = "it fires with any value, and nobody looks at it";

#[test]
#[ignore = "`make lint` runs all tests of rules; alone each of them passes as well: `make mutants`"]
fn without_a_change_each_test_passes() {
    for file in rule_files() {
        let (rules, cases) = file.unchanged();
        assert!(Bench::new().failing(rules, &cases).is_none(), "{}: a test fails by itself", file.name);
    }
}

#[test]
#[ignore = "takes half an hour, and names 19 changes of slo.yml that no test notices yet: `make mutants`"]
fn every_change_of_a_rule_fails_its_tests() {
    let only = std::env::var("ALERT_RULES").unwrap_or_default();
    assert_noticed(|name| name.contains(&only));
}

/// Each change of the rules with these names is noticed.
fn assert_noticed(is_meant: impl Fn(&str) -> bool) {
    let files = rule_files();
    let rules = files.iter().flat_map(|file| file.places().into_iter().map(move |place| (file, place)));
    let rules: Vec<(&RuleFile, String)> = rules.filter(|(file, place)| is_meant(&name(file, place))).collect();
    assert!(!rules.is_empty(), "nothing to change");

    let survivors = Mutex::new(BTreeSet::new());
    let (next, tried) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                let bench = Bench::new();
                while let Some((file, place)) = rules.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let rule = file.rule(place);
                    let mut cases = file.cases_for(rule);
                    for mutant in mutants(rule) {
                        tried.fetch_add(1, Ordering::Relaxed);
                        match bench.failing(&file.with(place, &mutant.rule), &cases) {
                            // What noticed this change is likely to notice the next one.
                            Some(at) => cases[..=at].rotate_right(1),
                            None => {
                                survivors.lock().unwrap().insert(format!("{}: {}", name(file, place), mutant.change));
                            }
                        }
                    }
                }
            });
        }
    });

    let survivors = survivors.into_inner().unwrap();
    let equivalent: BTreeSet<String> =
        EQUIVALENT.iter().map(|(name, _)| (*name).to_owned()).filter(|name| is_meant(name)).collect();
    let unnoticed: Vec<_> = survivors.difference(&equivalent).collect();
    let noticed: Vec<_> = equivalent.difference(&survivors).collect();
    eprintln!("{} changes, {} of them without a difference", tried.into_inner(), equivalent.len());
    assert!(unnoticed.is_empty(), "{} changes pass all tests: {unnoticed:#?}", unnoticed.len());
    assert!(noticed.is_empty(), "said to make no difference, but noticed or gone: {noticed:#?}");
}

/// File and rule.
fn name(file: &RuleFile, place: &str) -> String {
    let rule = file.rule(place);
    let labels = rule["labels"].as_object().into_iter().flatten().map(|(name, value)| (name, value.as_str().unwrap()));
    let labels: Vec<String> =
        labels.filter(|(_, value)| !value.contains("{{")).map(|(name, value)| format!("{name}={value}")).collect();
    format!("{} {}{{{}}}", file.name, rule["alert"].as_str().or(rule["record"].as_str()).unwrap(), labels.join(","))
}
