//! Clients that know nothing but the OpenAPI document: one that tries everything it allows and forbids, and one that is generated
//! from it.

use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::common::app::{AppOptions, TestApp, fresh_email};
use crate::common::database::Backend;
use crate::common::packages;

/// What schemathesis tries of each endpoint: enough to find what is wrong with it, in seconds.
const EXAMPLES: &str = "12";
/// What ends the session of the token that everything is tried with.
const ENDS_THE_SESSION: [&str; 3] = ["POST /auth/logout", "DELETE /auth/sessions", "DELETE /auth/sessions/{id}"];

/// Tries all endpoints but these, with more arguments, and finds nothing. Returns what it says.
async fn try_all_but(app: &TestApp, excluded: &[&str], more: &[String]) -> String {
    static FOLDER: LazyLock<std::path::PathBuf> =
        LazyLock::new(|| packages::pip("schemathesis", include_str!("schemathesis.txt")));
    let document = neodyme::operations::document(neodyme::operations::Listener::Api);
    let paths = document["paths"].as_object().unwrap().values();
    let endpoints: usize = paths.map(|methods| methods.as_object().unwrap().len()).sum();
    // The document itself is not tried.
    let tried = endpoints - 1 - excluded.len();

    let mut arguments: Vec<String> = ["--seed", "1", "--max-examples", EXAMPLES].map(String::from).to_vec();
    arguments.extend(["--generation-database", "none", "--no-color", "--continue-on-failure"].map(String::from));
    arguments.extend(excluded.iter().flat_map(|name| ["--exclude-name".to_owned(), (*name).to_owned()]));
    arguments.extend_from_slice(more);
    let (url, folder) = (format!("{}/openapi.json", app.api_url()), tempfile::tempdir().unwrap());
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/schemathesis.toml");
    let trying = spawn_blocking(move || {
        let mut command = Command::new(FOLDER.join("bin/schemathesis"));
        command.args(["--config-file", config, "run", &url]).args(arguments).current_dir(folder.path());
        packages::run(&mut command)
    });
    let said = trying.await.unwrap();
    assert!(said.contains(&format!("  Tested: {tried}\n")), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_document_allows_is_answered_as_it_says_to_anyone() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    try_all_but(&app, &[], &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_document_allows_is_answered_as_it_says_to_an_admin() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let admin = app.signed_in().await;
    app.database.execute("UPDATE users SET role = 'admin'").await;
    let token = format!("Authorization: Bearer {}", admin.access);
    let said = try_all_but(&app, &ENDS_THE_SESSION, &["--header".to_owned(), token]).await;
    assert!(!said.contains("returned only 401"), "nobody was let in: {said}");
    assert_eq!(app.call("GET", "/auth/me", &admin.access).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generated_typescript_client_compiles_and_does_what_users_do() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let (url, email) = (app.api_url(), fresh_email());
    let address = email.clone();
    let journey = spawn_blocking(move || {
        let folder = packages::npm("typescript", "clients/typescript");
        let node = |program: &str, arguments: &[&str]| {
            packages::run(Command::new("node").arg(program).args(arguments).current_dir(&folder))
        };
        let document = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
        node("node_modules/openapi-typescript/bin/cli.js", &[document, "--output", "api.d.ts"]);
        node("node_modules/typescript/bin/tsc", &[]);
        node("built/journey.js", &[&url, &address])
    });
    let done: Value = serde_json::from_str(&journey.await.unwrap()).unwrap();
    let me = &done["me"];
    assert_eq!((&me["email"], &me["id"], &me["full_name"]), (&json!(email), &done["id"], &json!("Ada King")));
    assert_eq!((&done["changed"], &done["password"]), (&json!("Ada King"), &json!(204)));
    assert_eq!(done["again"], "INVALID_CREDENTIALS");
}
