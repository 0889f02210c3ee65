//! Would the tests of the alert rules notice? Thresholds, windows, matchers and `for` are changed one at a time, and
//! `promtool test rules` must fail each time. One file or rule: `ALERT_RULES=outbox.yml cargo test --test alert_rules`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test ends by panicking"
)]

#[path = "alert_rules/mutants.rs"]
mod mutants;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use mutants::{Mutant, mutants, words};

/// Mutants that no test can tell from the rule, and why.
const EXCUSED: &[(&str, &str)] = &[
    ("error-patterns.yml NeodymeCriticalError: 0 → 1", EPOCH),
    ("outbox.yml job_topic:neodyme_outbox_oldest_pending_age_seconds:max: 0 → 1", EPOCH),
    ("error-patterns.yml NeodymeCriticalError: 15m → 1800s", "the limit of 900 s on the age is as narrow"),
    ("error-patterns.yml job_error_type:neodyme_error_users:count5m: 1m → 120s", OTHER_SIDE),
    ("error-patterns.yml job_error_type:neodyme_error_users:count5m: 1m → 120s #2", OTHER_SIDE),
    ("watchdog.yml Watchdog: 1 → 0", VALUE),
    ("watchdog.yml Watchdog: 1 → 2", VALUE),
];
const EPOCH: &str = "0 is never, and nothing happened in the first second of 1970";
const OTHER_SIDE: &str = "the other side of `and` still looks back for one minute";
const VALUE: &str = "it is there: nobody looks at its value";

#[test]
fn every_change_of_a_rule_fails_its_tests() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("alert-rules");
    let only = std::env::var("ALERT_RULES").unwrap_or_default();
    let mutants: Vec<Mutant> = files(&rules).iter().flat_map(|file| mutants(file)).collect();
    let mutants: Vec<Mutant> = mutants.into_iter().filter(|mutant| mutant.name.contains(&only)).collect();
    assert!(!mutants.is_empty(), "nothing to change");

    let survivors = Mutex::new(BTreeSet::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                let copy = Copy::of(&rules);
                while let Some(mutant) = mutants.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if copy.passes_with(mutant) {
                        survivors.lock().unwrap().insert(mutant.name.clone());
                    }
                }
            });
        }
    });

    let survivors = survivors.into_inner().unwrap();
    let excused: BTreeSet<String> =
        EXCUSED.iter().map(|(name, _)| (*name).to_owned()).filter(|name| name.contains(&only)).collect();
    let noticed: Vec<_> = excused.difference(&survivors).collect();
    let unnoticed: Vec<_> = survivors.difference(&excused).collect();
    let killed = mutants.len() - survivors.len();
    eprintln!("{} mutants: {killed} killed, {} excused", mutants.len(), survivors.len() - unnoticed.len());
    assert!(unnoticed.is_empty(), "{} of {} changes pass all tests: {unnoticed:#?}", unnoticed.len(), mutants.len());
    assert!(noticed.is_empty(), "excused, but noticed or gone: {noticed:#?}");
}

/// The files right in a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yml"));
    files.sort();
    files
}

/// The rules and their tests in a folder of one thread's own.
struct Copy {
    folder: tempfile::TempDir,
}

impl Copy {
    fn of(rules: &Path) -> Copy {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("tests")).unwrap();
        for file in files(&rules.join("tests")) {
            fs::copy(&file, folder.path().join("tests").join(file.file_name().unwrap())).unwrap();
        }
        Copy { folder }
    }

    /// Whether the tests of the mutant's file, `<file>…_test.yml`, all pass.
    fn passes_with(&self, mutant: &Mutant) -> bool {
        fs::write(self.folder.path().join(&mutant.file), &mutant.text).unwrap();
        let stem = mutant.file.trim_end_matches(".yml");
        let mut tests = files(&self.folder.path().join("tests"));
        tests.retain(|test| {
            let name = test.file_name().unwrap().to_str().unwrap();
            name.starts_with(&format!("{stem}_"))
        });
        assert!(!tests.is_empty(), "{} has no tests", mutant.file);
        // First the one that speaks most of what the rule speaks of: it will notice.
        tests.sort_by_cached_key(|test| {
            let spoken = words(&fs::read_to_string(test).unwrap());
            std::cmp::Reverse(mutant.words.intersection(&spoken).count())
        });
        tests.iter().all(|test| {
            let mut promtool = Command::new("promtool");
            // Short-lived, and one for each core: collecting garbage would be most of its work.
            promtool.args(["test", "rules"]).arg(test).env("GOGC", "800").env("GOMAXPROCS", "1");
            let output = promtool.output().unwrap();
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert!(!said.contains("could not parse"), "{} is no rule: {said}", mutant.name);
            output.status.success()
        })
    }
}
