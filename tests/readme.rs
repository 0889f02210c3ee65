//! The README says what is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

mod common;
#[path = "readme/walk.rs"]
mod walk;

use std::fs;
use std::path::{Path, PathBuf};

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(project(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Whatever stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

#[test]
fn every_make_target_in_the_readme_is_one_and_continuous_integration_tests_as_it_says() {
    let (readme, makefile) = (read("README.md"), read("Makefile"));
    for target in quoted(&readme).filter_map(|text| text.strip_prefix("make ")) {
        assert!(makefile.contains(&format!("\n{target}:")), "`make {target}`");
    }
    assert!(readme.contains("`make test`") && read(".ci/run").contains("\nmake test "));
}
