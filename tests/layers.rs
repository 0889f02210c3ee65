//! The map in `src/lib.rs` is true: a module uses what stands beside it or below, and no file uses another in a circle.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

#[path = "layers/source.rs"]
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use source::{ModulePath, Sources};

type Uses = BTreeMap<ModulePath, BTreeSet<ModulePath>>;

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn uses() -> Uses {
    Sources::read(&src()).uses()
}

#[test]
fn no_file_uses_another_in_a_circle() {
    let uses = uses();
    let circles: Vec<Vec<String>> = circles(&uses).into_iter().map(|circle| show(&uses, &circle)).collect();
    assert!(circles.is_empty(), "{circles:#?}");
}

/// As the map says: of its own layer or of one below.
#[test]
fn every_module_uses_what_the_map_lets_it_use() {
    let layers = layers();
    for (file, used) in uses().iter().filter(|(file, _)| !file.is_empty()) {
        for used in used.iter().filter(|used| !used.is_empty() && used[0] != file[0]) {
            let depth = |module: &str| *layers.get(module).unwrap_or_else(|| panic!("{module} is not on the map"));
            let allowed = depth(&file[0]) <= depth(&used[0]);
            assert!(allowed, "{} uses {}, which stands higher", file.join("::"), used.join("::"));
        }
    }
}

#[test]
fn every_module_is_on_the_map() {
    let (layers, lib) = (layers(), fs::read_to_string(src().join("lib.rs")).unwrap());
    for module in lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')) {
        assert!(layers.contains_key(module), "{module} is not on the map");
    }
}

/// The modules of the map in `src/lib.rs` with the number of their layer, from the top.
fn layers() -> BTreeMap<String, usize> {
    let map = fs::read_to_string(src().join("lib.rs")).unwrap();
    let (mut layers, mut depth) = (BTreeMap::new(), 0);
    for row in map.lines().filter_map(|line| line.strip_prefix("//! | ")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        depth += usize::from(!cells[0].is_empty());
        if let Some(module) = cells.get(1).and_then(|cell| cell.strip_prefix("[`")?.strip_suffix("`]")) {
            layers.insert(module.trim_start_matches("mod@").to_owned(), depth);
        }
    }
    layers
}

/// The sets of files of which each can be reached from each.
fn circles(uses: &Uses) -> Vec<BTreeSet<ModulePath>> {
    let reached: BTreeMap<&ModulePath, BTreeSet<ModulePath>> =
        uses.keys().map(|file| (file, reach(uses, file))).collect();
    let mut circles = BTreeSet::new();
    for (file, others) in &reached {
        let circle: BTreeSet<_> = others.iter().filter(|other| reached[other].contains(*file)).cloned().collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

fn reach(uses: &Uses, from: &ModulePath) -> BTreeSet<ModulePath> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        for used in uses.get(file).into_iter().flatten() {
            if reached.insert(used.clone()) {
                open.push(used);
            }
        }
    }
    reached
}

/// The arrows within a circle.
fn show(uses: &Uses, circle: &BTreeSet<ModulePath>) -> Vec<String> {
    let arrows = circle.iter().flat_map(|file| uses[file].intersection(circle).map(move |used| (file, used)));
    arrows.map(|(file, used)| format!("{} -> {}", file.join("::"), used.join("::"))).collect()
}
