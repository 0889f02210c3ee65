//! What is written down is true: the list of the metrics.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::collections::BTreeSet;

use common::app::{AppOptions, TestApp};
use common::database::Backend;

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
