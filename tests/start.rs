//! The service starts, waits for what is not there yet, or says why it cannot.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::net::TcpListener;

use common::app::{AppOptions, TestApp, fresh_email};
use common::database::{Backend, Database};
use common::postgres::{Cluster, StopMode};
use common::programs::lasting_port;

async fn an_existing_database_is_served_on(backend: Backend) {
    let first = TestApp::spawn(AppOptions::on(backend)).await;
    assert_eq!(first.register("ada@example.com").await.status, 201);
    // Beside the first one: two instances share a database.
    let second = TestApp::spawn(AppOptions::on_database(first.database.clone())).await;
    second.register("ada@example.com").await.assert_problem(409, "EMAIL_ALREADY_EXISTS");
    assert_eq!(second.register(&fresh_email()).await.status, 201);
    assert_eq!(first.register(&fresh_email()).await.status, 201);
    assert_eq!(first.database.count("users").await, 3);
}

async fn pending_migrations_are_not_run_where_that_is_not_wanted(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::create(backend, folder.path());
    let options = AppOptions::on_database(database.clone()).set("database_migrate_on_start", false);
    let refused = options.run(&["serve"], folder.path());
    let said = String::from_utf8([refused.stdout, refused.stderr].concat()).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("neodyme migrate"), "{said}");

    let migrated = options.run(&["migrate"], folder.path());
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    let app = TestApp::spawn(options).await;
    assert_eq!(app.register(&fresh_email()).await.status, 201);
}

on_both_databases!(an_existing_database_is_served_on, pending_migrations_are_not_run_where_that_is_not_wanted,);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_comes_later_is_waited_for() {
    let cluster = Cluster::start();
    let database = Database::Postgres(cluster.create_database());
    cluster.stop(StopMode::Fast);
    let mut app = TestApp::launch(AppOptions::on_database(database));
    app.wait_for_log("it waits", |line| line["message"] == "The database cannot be used yet").await;
    cluster.start_again();
    app.wait_until_ready().await;
    assert_eq!(app.register(&fresh_email()).await.status, 201);
}

/// Nothing listens there.
fn nowhere() -> Database {
    Database::Postgres(format!("postgres://neodyme:datenbankgeheimnis@127.0.0.1:{}/neodyme", lasting_port()))
}

#[tokio::test]
async fn a_database_that_never_comes_is_given_up() {
    let mut app = TestApp::launch(AppOptions::on_database(nowhere()).set("database_startup_timeout", "1s"));
    assert_eq!(app.wait_for_exit().await.code(), Some(1));
    let said = app.output();
    assert!(said.contains("127.0.0.1") && said.contains("refused"), "where, and why: {said}");
    assert!(!said.contains("datenbankgeheimnis"), "{said}");
}

#[tokio::test]
async fn a_signal_ends_the_wait_for_the_database() {
    let mut app = TestApp::launch(AppOptions::on_database(nowhere()));
    app.wait_for_log("it waits", |line| line["message"] == "The database cannot be used yet").await;
    assert!(app.stop().await.success());
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for key in ["api_listen", "ops_listen"] {
        let mut app = TestApp::launch(AppOptions::on(Backend::Sqlite).set(key, &address));
        assert_eq!(app.wait_for_exit().await.code(), Some(1));
        let said = app.output();
        assert!(said.contains(key) && said.contains(&address), "{said}");
    }
}
