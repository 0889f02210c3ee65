//! The README, and the map in `src/lib.rs`, say what is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

mod common;
#[path = "readme/walk.rs"]
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use common::app::AppOptions;
use neodyme::config::SETTINGS;
use neodyme::error::ErrorCode;
use neodyme::handlers;

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

/// The rows of the tables, as cells.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|'));
    rows.map(|row| row.split('|').map(str::trim).collect())
}

#[test]
fn the_endpoints_are_those_of_the_route_tables() {
    let (api, ops) = (handlers::api_routes(), handlers::ops_routes());
    let routes = api.endpoints().iter().chain(ops.endpoints());
    let routes: BTreeSet<String> = routes.map(|(method, path)| format!("{method} {path}")).collect();
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
fn every_subcommand_is_in_the_readme() {
    let folder = tempfile::tempdir().unwrap();
    let help = AppOptions::bare().run(&["--help"], folder.path());
    let help = String::from_utf8(help.stdout).unwrap();
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names: Vec<&str> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"serve"), "{help}");
    let readme = read("README.md");
    for name in names.into_iter().filter(|name| *name != "help") {
        assert!(readme.contains(&format!("| `neodyme {name}` |")), "`neodyme {name}` is not in the README");
    }
}

#[test]
fn every_setting_in_the_readme_has_the_default_it_says() {
    let readme = read("README.md");
    let settings: Vec<_> = rows(&readme).filter(|row| row[0].starts_with("`NEODYME_")).collect();
    assert!(!settings.is_empty());
    for row in settings {
        let setting = SETTINGS.iter().find(|setting| format!("`{}`", setting.variable()) == row[0]);
        let default = setting.unwrap_or_else(|| panic!("there is no {}", row[0])).default;
        let shown = if default.is_empty() { "none".to_owned() } else { format!("`{default}`") };
        assert_eq!(row[1], shown, "{}", row[0]);
    }
}

#[test]
fn every_code_in_the_readme_is_one() {
    let known: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    let readme = read("README.md");
    let answers: Vec<_> = rows(&readme).filter(|row| row[0].parse::<u16>().is_ok()).collect();
    assert!(answers.len() > 9);
    for row in answers {
        let unknown: Vec<&str> = quoted(row[1]).filter(|code| !known.contains(code)).collect();
        assert!(unknown.is_empty(), "{unknown:?} at {}", row[0]);
    }
}

#[test]
fn every_make_target_in_the_readme_is_one_and_continuous_integration_tests_as_it_says() {
    let (readme, makefile) = (read("README.md"), read("Makefile"));
    for target in quoted(&readme).filter_map(|text| text.strip_prefix("make ")) {
        assert!(makefile.contains(&format!("\n{target}:")), "`make {target}`");
    }
    assert!(readme.contains("`make test`") && read(".ci/run").contains("\nmake test "));
}

#[test]
fn every_link_leads_somewhere_and_every_document_is_linked() {
    let mut files: Vec<String> =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"].map(str::to_owned).into();
    let documents = fs::read_dir(project("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    let documents: Vec<String> = documents.map(|name| format!("docs/{}", name.to_str().unwrap())).collect();
    files.extend(documents.iter().filter(|name| name.ends_with(".md")).cloned());
    for file in &files {
        let folder = project(file).parent().unwrap().to_owned();
        let text = read(file);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target) {
            let path = target.split('#').next().unwrap();
            assert!(target.contains("://") || folder.join(path).exists(), "{file} links to {target}");
        }
    }
    let readme = read("README.md");
    for document in documents {
        assert!(readme.contains(&format!("]({document})")), "the README does not link {document}");
    }
}
