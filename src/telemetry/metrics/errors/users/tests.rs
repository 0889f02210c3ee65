//! What the sample shows, and what the rules of `alert-rules/affected-users.yml` make of several.

use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;

const KEY: [u8; 16] = [1; 16];

fn hit_under(key: [u8; 16], users: &Users, subjects: Range<u32>) {
    for subject in subjects {
        users.happened(ErrorCode::Timeout, Some(user_hash(&key, &subject.to_string())), unix_now());
    }
}

fn hit(users: &Users, subjects: Range<u32>) {
    hit_under(KEY, users, subjects);
}

/// The numbers in the sample, unpacked as the rule does it.
fn sample_of(users: &Users) -> Vec<u64> {
    drop(users.collect());
    let pairs = &users.types[ErrorCode::Timeout as usize].as_ref().unwrap().pairs;
    let numbers = pairs.iter().flat_map(|pair| [(pair.get() / PAIR_BASE).floor(), pair.get() % PAIR_BASE]);
    numbers.filter(|number| *number > 0.0).map(|number| number as u64).collect()
}

#[test]
fn a_sample_holds_every_user_while_there_are_few() {
    let users = Users::new("a");
    hit(&users, 0..SAMPLED as u32);
    let sample = sample_of(&users);
    assert_eq!(sample.len(), SAMPLED);
    assert!(sample.is_sorted() && sample.iter().all(|number| number % 2 == 1), "all within the window");
}

#[test]
fn samples_of_two_instances_hold_the_same_of_shared_users() {
    let (a, b) = (Users::new("a"), Users::new("b"));
    hit(&a, 0..10_000);
    hit(&b, 5_000..15_000);
    let (a, b) = (sample_of(&a), sample_of(&b));
    assert_eq!((a.len(), b.len()), (SAMPLED, SAMPLED));
    let bound = *a.last().unwrap().min(b.last().unwrap());
    let below = |sample: &[u64]| sample.iter().copied().filter(|number| *number <= bound).collect::<Vec<_>>();
    let (a, b) = (below(&a), below(&b));
    let shared = a.iter().filter(|number| b.contains(number)).count();
    assert!((8..40).contains(&shared), "a third of all: {shared} of {} and {}", a.len(), b.len());
}

#[test]
fn expected_errors_have_no_users() {
    assert!(Users::new("a").types[ErrorCode::EmailAlreadyExists as usize].is_none());
}

#[test]
fn a_pair_is_exact_in_a_float() {
    let largest = PAIR_BASE - 1.0;
    let pair = largest * PAIR_BASE + largest;
    assert_eq!(((pair / PAIR_BASE).floor(), pair % PAIR_BASE), (largest, largest));
}

#[test]
fn a_user_hash_depends_on_the_key() {
    assert_ne!(user_hash(&[1; 16], "user"), user_hash(&[2; 16], "user"));
}

/// A process that is scraped every five seconds between two points in time, always with the same users.
struct Process {
    instance: &'static str,
    name: String,
    key: [u8; 16],
    users: Range<u32>,
    seconds: Range<u32>,
}

const END: u32 = 3000;

fn process(instance: &'static str, users: Range<u32>) -> Process {
    Process { instance, name: instance.to_owned(), key: KEY, users, seconds: 0..END }
}

impl Process {
    /// What Prometheus scrapes of it, as promtool wants it.
    fn series(&self) -> String {
        let users = Users::new(&self.name);
        hit_under(self.key, &users, self.users.clone());
        let (before, during) = (self.seconds.start / 5, self.seconds.len() / 5);
        let mut series = String::new();
        for family in users.collect() {
            for metric in family.get_metric() {
                let labels = metric.get_label().iter().map(|label| format!("{}=\"{}\"", label.name(), label.value()));
                let labels = labels.collect::<Vec<_>>().join(", ");
                if labels.contains("TIMEOUT") {
                    let (name, instance, value) = (family.name(), self.instance, metric.get_gauge().value());
                    let _ = writeln!(
                        series,
                        "      - {{series: '{name}{{job=\"neodyme\", instance=\"{instance}\", {labels}}}', \
                         values: '_x{before} {value}x{during} stale'}}",
                    );
                }
            }
        }
        series
    }
}

/// What the rules make of processes: expressions that are to give 1 at a point in time.
#[derive(Default)]
struct Merging(String);

impl Merging {
    fn of(&mut self, processes: &[Process], expectations: &[(u32, String)]) {
        let series: String = processes.iter().map(Process::series).collect();
        let _ = write!(self.0, "  - interval: 5s\n    input_series:\n{series}    promql_expr_test:\n");
        for (seconds, holds) in expectations {
            let _ = writeln!(
                self.0,
                "      - {{expr: '{holds}', eval_time: {seconds}s, exp_samples: [{{labels: '{{}}', value: 1}}]}}"
            );
        }
    }

    fn check(self, name: &str) {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tmp/merged-users");
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{name}.yml"));
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("alert-rules/affected-users.yml");
        let head = format!("rule_files: ['{}']\nevaluation_interval: 5s\ntests:\n", rules.display());
        fs::write(&file, head + &self.0).unwrap();
        let output = Command::new("promtool").args(["test", "rules"]).arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

const COUNT: &str = "sum(job_error_type:neodyme_error_users:count)";
const COUNT_5M: &str = "sum(job_error_type:neodyme_error_users:count5m)";
const NEW_5M: &str = "sum(job_error_type:neodyme_error_users:new5m)";

fn is(what: &str, users: u32) -> String {
    format!("{what} == bool {users}")
}

fn is_nearly(what: &str, users: u32) -> String {
    format!("abs({what} / {users} - 1) <= bool 0.1")
}

#[test]
fn some_tens_of_users_are_counted_exactly_over_instances() {
    let mut merging = Merging::default();
    for (a, b, users) in
        [(0..1, 0..1, 1), (0..5, 0..5, 5), (0..20, 10..30, 30), (0..48, 48..96, 96), (0..48, 20..68, 68)]
    {
        let expected =
            [(200, is(COUNT, users)), (200, is(COUNT_5M, users)), (200, is(NEW_5M, users)), (600, is(NEW_5M, 0))];
        merging.of(&[process("a:9000", a), process("b:9000", b)], &expected);
    }
    let three = [process("a:9000", 0..30), process("b:9000", 10..40), process("c:9000", 20..25)];
    merging.of(&three, &[(200, is(COUNT, 40)), (200, is(COUNT_5M, 40))]);
    merging.of(&[process("a:9000", 0..5000)], &[(200, is(COUNT, 5000)), (200, is(COUNT_5M, 5000))]);
    merging.check("exactly");
}

#[test]
fn a_hundred_thousand_users_are_counted_within_a_tenth() {
    let mut merging = Merging::default();
    for (a, b, users) in [
        (0..60, 0..60, 60),
        (0..100, 50..150, 150),
        (0..700, 300..1000, 1000),
        (0..10_000, 0..10_000, 10_000),
        (0..50_000, 50_000..100_000, 100_000),
        (0..100_000, 0..100_000, 100_000),
        (0..75_000, 25_000..100_000, 100_000),
        (0..90_000, 80_000..100_000, 100_000),
        (0..100_000, 0..10, 100_000),
    ] {
        let expected = [(200, is_nearly(COUNT, users)), (200, is_nearly(COUNT_5M, users))];
        merging.of(&[process("a:9000", a), process("b:9000", b)], &expected);
    }
    merging.check("nearly");
}

#[test]
fn the_users_of_a_process_that_is_gone_still_count() {
    let mut merging = Merging::default();
    let before = |instance, users| Process { seconds: 0..600, ..process(instance, users) };
    let after = |name: &str, users| Process { name: name.into(), seconds: 615..END, ..process("a:9000", users) };
    let known = [
        (590, is(COUNT, 15)),
        (640, is(COUNT, 25)),
        (640, is(COUNT_5M, 25)),
        (860, is(COUNT, 25)),
        (900, is(COUNT, 15)),
    ];
    // Killed with 15 users; the next process meets 5 of them again, and 10 others.
    merging.of(&[before("a:9000", 0..15), after("a2", 10..25)], &known);
    // The same beside an instance that goes on.
    let all = [before("a:9000", 0..15), after("a2", 10..25), process("b:9000", 0..2)];
    merging.of(&all, &[(640, is(COUNT, 25)), (640, is(COUNT_5M, 25)), (900, is(COUNT, 17))]);
    // Many of them.
    let many = [before("a:9000", 0..2000), after("a2", 1000..3000)];
    merging.of(&many, &[(590, is(COUNT, 2000)), (640, is_nearly(COUNT, 3000))]);
    merging.check("gone");
}

#[test]
fn without_a_key_in_common_a_user_counts_twice() {
    let mut merging = Merging::default();
    let other = Process { key: [2; 16], ..process("b:9000", 0..5) };
    merging.of(&[process("a:9000", 0..5), other], &[(200, is(COUNT, 10))]);
    merging.check("keys");
}
