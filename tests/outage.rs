//! The database goes away, comes back, is locked or cannot be written: clients get a clear answer, operators a clear line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::app::{AppOptions, TestApp, fresh_email};
use common::database::{Backend, Database, open_sqlite};
use common::eventually;
use common::postgres::{Cluster, StopMode};
use common::scrape::metric;
use diesel::connection::SimpleConnection;

async fn assert_unavailable(app: &TestApp) {
    let answer = app.register(&fresh_email()).await;
    answer.assert_problem(503, "DATABASE_ERROR");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
    let failed = app.wait_for_request_log("User registration failed", answer.header("x-request-id")).await;
    assert_eq!(failed["level"], "error", "{failed}");
    let chain = failed["exception"]["chain"].as_array().unwrap_or_else(|| panic!("no chain of causes in {failed}"));
    assert!(!chain.is_empty(), "{failed}");
}

async fn outage_heals(mode: StopMode) {
    let cluster = Cluster::start();
    let database = Database::Postgres(cluster.create_database());
    let options = AppOptions::on_database(database).set("database_connect_timeout", "500ms");
    let app = TestApp::spawn(options.set("database_acquire_timeout", "1s")).await;
    let pid = app.pid();
    assert_eq!(app.register("before@example.com").await.status, 201);
    assert_eq!(app.get("/health/").await.status, 200);

    for _ in 0..2 {
        cluster.stop(mode);
        for _ in 0..3 {
            assert_unavailable(&app).await;
        }
        assert_eq!(app.get_ops("/metrics").await.status, 200);
        cluster.start_again();
        let registered = async || (app.register(&fresh_email()).await.status == 201).then_some(());
        eventually("registrations succeed again", registered).await;
        for _ in 0..20 {
            assert_eq!(app.register(&fresh_email()).await.status, 201, "healed for good");
        }
    }
    assert_eq!(app.pid(), pid);
    assert!(app.database.emails().await.contains(&"before@example.com".to_owned()));
    metric("neodyme_db_errors_total").label("kind", "connection").at_least(1.0).assert_in(&app).await;
    metric("neodyme_errors_total").label("error_type", "DATABASE_ERROR").at_least(6.0).assert_in(&app).await;
    metric("neodyme_registrations_total").label("outcome", "error").at_least(6.0).assert_in(&app).await;
    let last_seen = metric("neodyme_error_last_seen_timestamp_seconds").label("error_type", "DATABASE_ERROR");
    last_seen.at_least(1.0).assert_in(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_postgresql_is_reported_and_heals() {
    outage_heals(StopMode::Fast).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crashed_postgresql_is_reported_and_heals() {
    outage_heals(StopMode::Immediate).await;
}

#[tokio::test]
async fn a_locked_file_is_reported_and_heals() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("database_query_timeout", "200ms")).await;
    let Database::Sqlite(path) = &app.database else { panic!("SQLite") };
    let mut other = open_sqlite(path);
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    assert_unavailable(&app).await;
    metric("neodyme_db_errors_total").label("kind", "busy").at_least(1.0).assert_in(&app).await;

    other.batch_execute("ROLLBACK").unwrap();
    assert_eq!(app.register(&fresh_email()).await.status, 201);
    assert_eq!(app.database.count("users").await, 1);
}

#[tokio::test]
async fn a_lock_that_is_short_is_waited_for() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let Database::Sqlite(path) = &app.database else { panic!("SQLite") };
    let mut other = open_sqlite(path);
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let email = fresh_email();
    let registration = app.register(&email);
    let unlock = async {
        metric("neodyme_registration_step_duration_seconds_count")
            .label("step", "hash_password")
            .value(1.0)
            .assert_in(&app)
            .await;
        other.batch_execute("ROLLBACK").unwrap();
    };
    let (answer, ()) = tokio::join!(registration, unlock);
    assert_eq!(answer.status, 201, "{}", answer.text());
}

/// Starts on a folder as `prepare` leaves it, and expects a start that fails with these words.
async fn assert_start_fails(prepare: impl FnOnce(&std::path::Path), words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let database = Database::Sqlite(data.join("neodyme.db"));
    fs::create_dir(&data).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    prepare(&data);
    let output = AppOptions::on_database(database).without_root().run(&["serve"], folder.path());
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for word in words {
        assert!(said.to_lowercase().contains(word), "`{word}` in {said}");
    }
    assert!(!said.contains("Ready"), "{said}");
}

#[tokio::test]
async fn a_read_only_file_is_a_clear_error() {
    let make_read_only = |data: &std::path::Path| {
        let file = data.join("neodyme.db");
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    };
    assert_start_fails(make_read_only, &["neodyme.db", "read"]).await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_a_clear_error() {
    let make_text = |data: &std::path::Path| {
        let file = data.join("neodyme.db");
        fs::write(&file, "this is no database, whatever its name says\n".repeat(100)).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        fs::set_permissions(data, fs::Permissions::from_mode(0o777)).unwrap();
    };
    assert_start_fails(make_text, &["neodyme.db", "not a database"]).await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_a_clear_error() {
    let close = |data: &std::path::Path| fs::set_permissions(data, fs::Permissions::from_mode(0o555)).unwrap();
    assert_start_fails(close, &["neodyme.db"]).await;
}
