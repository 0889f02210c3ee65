//! Whatever reads bytes of strangers, and a bounded number of inputs for each: the seeds of `fuzz/corpus/`, and mutants of
//! them that are the same in each run. `make fuzz` goes on for longer, led by coverage; CONTRIBUTING.md says how.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

#[path = "fuzz/mutants.rs"]
mod mutants;
#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::Once;

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// A test for each target, with the number of its mutants; and the names of all.
macro_rules! any_bytes {
    ($($target:ident: $mutants:literal),+ $(,)?) => {
        const TARGETS: &[&str] = &[$(stringify!($target)),+];

        mod any_bytes_are_answered_by {
            $(#[test]
            fn $target() {
                super::run(stringify!($target), $mutants, super::targets::$target::check);
            })+
        }
    };
}

any_bytes! {
    access_token: 5_000,
    analytics: 1_000,
    body: 8_000,
    config_file: 2_000,
    database_url: 10_000,
    environment: 2_000,
    fields: 10_000,
    headers: 20_000,
    http1: 1_500,
    http2: 1_500,
    import: 5_000,
    log_level: 1_000,
    log_line: 200,
    payload: 1_000,
    query: 1_000,
    smtp: 1_000,
    token: 500,
    webhook: 1_000,
}

thread_local! {
    /// Whether this thread looks for the least mutant that still fails.
    static IS_SEARCHING: Cell<bool> = const { Cell::new(false) };
}

/// Of all the panics of such a search the last one is told, by [`run`].
fn silence_searches() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !IS_SEARCHING.get() {
                tell(panic)
            }
        }));
    });
}

/// Tries the seeds as they are, then mutants of them. A failure shows the least mutant that still fails.
fn run(target: &str, mutants: u32, check: fn(&[u8])) {
    silence_searches();
    let mut corpus = Vec::new();
    for file in seeds(target) {
        let seed = fs::read(&file).unwrap();
        panic::catch_unwind(|| check(&seed)).unwrap_or_else(|_| panic!("{} fails", file.display()));
        corpus.push(seed);
    }
    let config = Config { cases: mutants, failure_persistence: None, max_shrink_iters: 500, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    IS_SEARCHING.set(true);
    let outcome = runner.run(&mutants::of(corpus), |mutant| {
        check(&mutant.0);
        Ok(())
    });
    IS_SEARCHING.set(false);
    outcome.unwrap_or_else(|failure| panic!("{failure}\nonce it is mended, keep this input in fuzz/corpus/{target}"));
}

fn seeds(target: &str) -> Vec<PathBuf> {
    let folder = project("fuzz/corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn each_target_has_a_small_corpus_a_program_and_a_row_in_the_table() {
    let names = |folder: &str| -> BTreeSet<String> {
        let files = fs::read_dir(project(folder)).unwrap().map(|file| file.unwrap().path());
        files.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    };
    let targets: BTreeSet<String> = TARGETS.iter().map(ToString::to_string).collect();
    assert_eq!(names("fuzz/corpus"), targets);
    assert_eq!(names("fuzz/targets"), targets);
    let table = fs::read_to_string(project("docs/SECURITY-TESTS.md")).unwrap();
    let manifest = fs::read_to_string(project("fuzz/Cargo.toml")).unwrap();
    for target in TARGETS {
        let size: u64 = seeds(target).iter().map(|file| file.metadata().unwrap().len()).sum();
        assert!(size <= 32 * 1024, "the corpus of {target} has {size} bytes: keep what is telling");
        assert!(table.contains(&format!("| `{target}` |")), "docs/SECURITY-TESTS.md does not tell of {target}");
        assert!(manifest.contains(&format!("name = \"{target}\"")), "`cargo fuzz list` does not know {target}");
    }
}
