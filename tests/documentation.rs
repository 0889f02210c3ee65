//! What is written down is true: the list of the metrics, and the endpoints.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use common::app::{AppOptions, TestApp};
use common::database::Backend;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(project(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The metric names in a text: words that begin with `neodyme_` or `process_`.
fn metric_names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    words.filter(|word| word.starts_with("neodyme_") || word.starts_with("process_")).map(str::to_owned).collect()
}

fn printed(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = AppOptions::bare().run(arguments, folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_inventory_lists_what_is_exposed() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let exposed: BTreeSet<String> = app.metrics().await.types.into_keys().collect();
    let listed = metric_names(&printed(&["metrics"]));
    let missing: Vec<_> =
        exposed.iter().filter(|name| name.starts_with("neodyme_")).filter(|n| !listed.contains(*n)).collect();
    assert!(missing.is_empty(), "not in the inventory: {missing:?}");
}

/// The endpoints that the README names, and the code's own map of them, are those that answer.
#[tokio::test]
async fn the_endpoints_that_are_documented_answer() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    for text in [read("README.md"), read("src/lib.rs")] {
        for endpoint in ["POST /users/", "GET /health/", "GET /metrics"] {
            assert!(text.contains(&format!("`{endpoint}`")), "`{endpoint}` is not documented");
        }
        for (method, path) in endpoints(&text) {
            let url = |base: String| app.client.request(method.parse().unwrap(), format!("{base}{path}")).send();
            let statuses = [url(app.api_url()).await.unwrap().status(), url(app.ops_url()).await.unwrap().status()];
            let served = statuses.iter().any(|status| ![404, 405].contains(&status.as_u16()));
            assert!(served, "`{method} {path}` is documented and answers {statuses:?}");
        }
    }
}

/// Every `METHOD /path` in backticks.
fn endpoints(text: &str) -> BTreeSet<(String, String)> {
    let quoted = text.split('`').skip(1).step_by(2).filter_map(|code| code.split_once(' '));
    let is_endpoint = |(method, path): &(&str, &str)| {
        ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].contains(method)
            && path.starts_with('/')
            && !path.contains(' ')
    };
    quoted.filter(is_endpoint).map(|(method, path)| (method.to_owned(), path.to_owned())).collect()
}
