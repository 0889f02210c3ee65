//! The README, and the map in `src/lib.rs`, say what is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

mod common;
#[path = "readme/walk.rs"]
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use neodyme::operations;

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
fn the_endpoints_are_those_of_the_route_tables() {
    let (api, ops) = (operations::api_routes(), operations::ops_routes());
    let routes = api.endpoints().iter().chain(ops.endpoints());
    let routes: BTreeSet<String> = routes.map(|line| format!("{} {}", line.method, line.path)).collect();
    for file in ["README.md", "src/lib.rs"] {
        let text = read(file);
        let is_endpoint =
            |text: &&str| text.split_once(" /").is_some_and(|(method, _)| method.parse().is_ok_and(known));
        let documented: BTreeSet<String> = quoted(&text).filter(is_endpoint).map(str::to_owned).collect();
        assert_eq!(documented, routes, "{file}");
    }
}

fn known(method: http::Method) -> bool {
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str())
}

#[test]
fn every_module_is_on_the_map() {
    let map = read("src/lib.rs");
    for module in map.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')) {
        let names = [format!("| [`{module}`] |"), format!("| [`mod@{module}`] |")];
        assert!(names.iter().any(|name| map.contains(name)), "{module} is not on the map");
    }
}

/// As the map says: of its own layer or of one below, but for what everyone may use.
#[test]
fn every_module_uses_what_the_map_lets_it_use() {
    let map = read("src/lib.rs");
    let mut layers = BTreeMap::new();
    for cells in map.lines().filter_map(|line| line.strip_prefix("//! | ")).map(|line| line.split('|').map(str::trim)) {
        let cells: Vec<&str> = cells.collect();
        let depth = layers.values().max().copied().unwrap_or(0) + usize::from(!cells[0].is_empty());
        if let Some(module) = cells.get(1).and_then(|cell| cell.strip_prefix("[`")?.strip_suffix("`]")) {
            layers.insert(module.trim_start_matches("mod@"), depth);
        }
    }
    for (module, depth) in &layers {
        for file in sources(&project(&format!("src/{module}"))) {
            let text = fs::read_to_string(&file).unwrap();
            for used in used_by(&text).filter(|used| !["app", "outbox"].contains(used)) {
                let allowed = layers.get(used).is_none_or(|used| used >= depth);
                assert!(allowed, "{} uses {used}, which stands higher", file.display());
            }
        }
    }
}

/// The modules in `crate::module::…` and `crate::{module, …}`.
fn used_by(text: &str) -> impl Iterator<Item = &str> {
    let lists = text.split("crate::").skip(1).map(|rest| match rest.strip_prefix('{') {
        Some(group) => group.split('}').next().unwrap(),
        None => rest.split(|c: char| !c.is_alphanumeric()).next().unwrap(),
    });
    lists.flat_map(|list| list.split(',')).filter_map(|path| path.trim().split(':').next())
}

/// The file of a module and those of its parts.
fn sources(module: &Path) -> Vec<PathBuf> {
    let parts = fs::read_dir(module).into_iter().flatten().map(|entry| entry.unwrap().path());
    let parts = parts.filter(|part| part.extension().is_some_and(|extension| extension == "rs"));
    let nested = parts.flat_map(|part| sources(&part.with_extension("")));
    nested.chain([module.with_extension("rs")]).collect()
}

#[test]
fn every_make_target_in_the_readme_is_one_and_continuous_integration_tests_as_it_says() {
    let (readme, makefile) = (read("README.md"), read("Makefile"));
    for target in quoted(&readme).filter_map(|text| text.strip_prefix("make ")) {
        assert!(makefile.contains(&format!("\n{target}:")), "`make {target}`");
    }
    assert!(readme.contains("`make test`") && read(".ci/run").contains("\nmake test "));
}
