//! Ready means that people can register. Whatever keeps a registration from being written is seen before anybody tries,
//! told in words, and over by itself once it is mended.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use common::app::{AppOptions, TestApp, fresh_email};
use common::database::{Backend, Database, open_postgres, open_sqlite};
use common::eventually;
use common::postgres::Cluster;
use common::scrape::metric;
use diesel::connection::SimpleConnection;
use rustix::process::Resource;

/// Nobody registers meanwhile: the service sees it by itself.
async fn assert_becomes_unready(app: &TestApp, kind: &str, says: &str) {
    let unready = async || (app.get("/health/ready").await.status == 503).then_some(());
    eventually("it is not ready", unready).await;
    let ready = app.get("/health/ready").await.json();
    assert_eq!(ready["reasons"], serde_json::json!(["database_unusable"]), "{ready}");
    let health = app.get("/health/").await;
    assert_eq!((health.status, &health.json()["status"]), (503, &"unhealthy".into()));
    assert_eq!(health.json()["cause"], kind, "{}", health.text());
    metric("neodyme_dependency_up").label("dependency", "database").value(0.0).assert_in(app).await;
    metric("neodyme_db_errors_total").label("kind", kind).at_least(1.0).assert_in(app).await;
    let detailed = app.get_ops("/health/detailed").await.json();
    assert_eq!(detailed["checks"]["database"]["cause"], kind, "{detailed}");
    let error = detailed["checks"]["database"]["error"].as_str().unwrap_or_default().to_owned();
    assert!(error.contains(&format!("({kind})")) && error.contains(says), "{error}");
    app.register(&fresh_email()).await.assert_problem(503, "DATABASE_ERROR");
}

/// `neodyme check` sees the same at once, and ends with what is the matter.
fn assert_check_fails(options: &AppOptions, kind: &str, says: &str) {
    let folder = tempfile::tempdir().unwrap();
    let checked = options.run(&["check"], folder.path());
    let said = String::from_utf8([checked.stdout, checked.stderr].concat()).unwrap();
    assert_eq!(checked.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot be used: ") && said.contains(&format!("({kind})")) && said.contains(says), "{said}");
}

fn assert_check_finds_it_writable(options: &AppOptions) {
    let folder = tempfile::tempdir().unwrap();
    let checked = options.run(&["check"], folder.path());
    let said = String::from_utf8([checked.stdout, checked.stderr].concat()).unwrap();
    assert!(checked.status.success() && said.contains("reachable and writable"), "{said}");
}

async fn assert_heals(app: &TestApp) {
    eventually("it is ready", async || (app.get("/health/ready").await.status == 200).then_some(())).await;
    assert_eq!(app.register(&fresh_email()).await.status, 201);
    metric("neodyme_dependency_up").label("dependency", "database").value(1.0).assert_in(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_that_is_taken_away_is_missed() {
    let owner = Database::create(Backend::Postgres, Path::new(""));
    let Database::Postgres(url) = &owner else { panic!("not of this kind") };
    let role = format!("service_of_{}", url.rsplit('/').next().unwrap());
    let migrate = AppOptions::on_database(owner.clone()).run(&["migrate"], Path::new("/"));
    assert!(migrate.status.success(), "{}", String::from_utf8_lossy(&migrate.stderr));
    let (session, _) = open_postgres(url).await;
    let all = "users, audit_log, outbox_jobs, login_failures, one_time_codes, signing_keys, __diesel_schema_migrations";
    let grant = format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {all} TO {role}");
    session.batch_execute(&format!("CREATE ROLE {role} LOGIN; {grant}")).await.unwrap();
    let service = Database::Postgres(url.replace("//postgres@", &format!("//{role}@")));
    let options = AppOptions::on_database(service);
    let app = TestApp::spawn(options.clone()).await;
    assert_heals(&app).await;
    for (right, table) in [
        ("INSERT", "users"),
        ("INSERT", "audit_log"),
        ("INSERT", "outbox_jobs"),
        ("SELECT", "one_time_codes"),
        ("DELETE", "login_failures"),
    ] {
        session.batch_execute(&format!("REVOKE {right} ON {table} FROM {role}")).await.unwrap();
        assert_becomes_unready(&app, "permission", "a right is missing").await;
        assert_check_fails(&options, "permission", "a right is missing");
        session.batch_execute(&grant).await.unwrap();
        assert_heals(&app).await;
    }
    assert_check_finds_it_writable(&options);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_set_to_read_only_is_seen_at_the_start_and_later() {
    let cluster = Cluster::start();
    let url = cluster.create_database();
    let (session, _) = open_postgres(&url).await;
    let set = async |value: &str| {
        session.batch_execute(&format!("ALTER SYSTEM SET default_transaction_read_only = {value}")).await.unwrap();
        session.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    };
    let mut app = TestApp::spawn(AppOptions::on_database(Database::Postgres(url.clone()))).await;
    assert_heals(&app).await;
    set("on").await;
    assert_becomes_unready(&app, "read_only", "it accepts no writes").await;
    app.restart().await;
    assert_eq!(app.get("/health/ready").await.status, 503, "from the first moment on");
    assert_becomes_unready(&app, "read_only", "it accepts no writes").await;
    assert_check_fails(&AppOptions::on_database(Database::Postgres(url)), "read_only", "it accepts no writes");
    session.batch_execute("SET default_transaction_read_only = off").await.unwrap();
    set("off").await;
    assert_heals(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_keeps_registrations_waiting_is_named() {
    let database = Database::create(Backend::Postgres, Path::new(""));
    let Database::Postgres(url) = &database else { panic!("not of this kind") };
    let app = TestApp::spawn(AppOptions::on_database(database.clone())).await;
    assert_heals(&app).await;
    let (session, _) = open_postgres(url).await;
    session.batch_execute("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE").await.unwrap();
    assert_becomes_unready(&app, "lock", "another transaction holds a lock").await;
    session.batch_execute("ROLLBACK").await.unwrap();
    assert_heals(&app).await;
}

fn file_of(app: &TestApp) -> PathBuf {
    let Database::Sqlite(path) = &app.database else { panic!("SQLite") };
    path.clone()
}

/// A migrated database that nobody uses.
fn migrated_file(folder: &Path) -> Database {
    let database = Database::Sqlite(folder.join("neodyme.db"));
    let migrate = AppOptions::on_database(database.clone()).run(&["migrate"], folder);
    assert!(migrate.status.success(), "{}", String::from_utf8_lossy(&migrate.stderr));
    database
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// An app without the rights of root on a file that it may not write.
async fn on_read_only_file(folder: &Path) -> (TestApp, PathBuf) {
    let database = migrated_file(folder);
    set_mode(folder, 0o777);
    let Database::Sqlite(path) = &database else { panic!("SQLite") };
    set_mode(path, 0o444);
    let app = TestApp::spawn(AppOptions::on_database(database.clone()).without_root()).await;
    assert_becomes_unready(&app, "read_only", "make the file").await;
    (app, path.clone())
}

#[tokio::test]
async fn a_file_that_may_not_be_written_is_seen_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (app, path) = on_read_only_file(folder.path()).await;
    let options = AppOptions::on_database(app.database.clone()).without_root();
    assert_check_fails(&options, "read_only", "make the file");
    set_mode(&path, 0o666);
    assert_heals(&app).await;
    assert_check_finds_it_writable(&options);
}

#[tokio::test]
async fn a_file_that_may_be_written_again_stays_so_after_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let (mut app, path) = on_read_only_file(folder.path()).await;
    set_mode(&path, 0o666);
    assert_heals(&app).await;
    app.restart().await;
    assert_heals(&app).await;
}

#[tokio::test]
async fn what_was_opened_to_be_read_only_is_opened_anew_once_it_may_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let (mut app, path) = on_read_only_file(folder.path()).await;
    // This start finds what the last one made.
    app.restart().await;
    assert_becomes_unready(&app, "read_only", "make the file").await;
    for file in ["", "-wal", "-shm"].map(|end| format!("{}{end}", path.display())) {
        set_mode(Path::new(&file), 0o666);
    }
    assert_heals(&app).await;
}

#[tokio::test]
async fn a_full_disk_is_seen() {
    let Some(options) = AppOptions::on(Backend::Sqlite).on_small_disk("data") else { return };
    let app = TestApp::spawn(options).await;
    assert_heals(&app).await;
    // The folder as the app sees it.
    let disk = PathBuf::from(format!("/proc/{}/root/{}/data", app.pid(), app.folder().display()));
    let ballast = disk.join("ballast");
    let filled = std::io::copy(&mut std::io::repeat(0), &mut fs::File::create(&ballast).unwrap());
    assert_eq!(filled.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    assert_becomes_unready(&app, "disk_full", "the disk is full").await;
    fs::remove_file(ballast).unwrap();
    assert_heals(&app).await;
}

#[test]
fn a_disk_that_was_full_before_the_start_is_named() {
    let listen = AppOptions::on(Backend::Sqlite);
    let Some(options) = listen.on_full_disk("data") else { return };
    for command in [&["serve"][..], &["check"], &["migrate"], &["outbox", "list"]] {
        let folder = tempfile::tempdir().unwrap();
        let output = options.run(command, folder.path());
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
        let told = "the database failed (disk_full): SQLite database ";
        assert!(said.contains(told) && said.contains("the disk is full; free some space"), "{command:?}: {said}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_grow_any_more_is_seen() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    assert_heals(&app).await;
    app.limit(Resource::Fsize, Some(1));
    assert_becomes_unready(&app, "other", "the disk cannot be read or written").await;
    app.limit(Resource::Fsize, None);
    assert_heals(&app).await;
}

#[tokio::test]
async fn a_file_that_is_gone_takes_no_users_with_it() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let (path, aside) = (file_of(&app), app.folder().join("aside.db"));
    fs::rename(&path, &aside).unwrap();
    assert_becomes_unready(&app, "refused", "the file is gone").await;
    assert!(!path.exists(), "no new one is made");
    fs::rename(&aside, &path).unwrap();
    assert_heals(&app).await;
}

#[tokio::test]
async fn a_file_in_the_place_of_the_old_one_is_for_the_next_start() {
    let mut app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    assert_eq!(app.register("before@example.com").await.status, 201);
    let (path, copy) = (file_of(&app), app.folder().join("copy.db"));
    open_sqlite(&path).batch_execute(&format!("VACUUM INTO '{}'", copy.display())).unwrap();
    fs::rename(&copy, &path).unwrap();
    assert_becomes_unready(&app, "refused", "another file is in its place").await;
    app.kill();
    for log in ["-wal", "-shm"] {
        fs::remove_file(format!("{}{log}", path.display())).unwrap();
    }
    app.restart().await;
    assert_heals(&app).await;
    app.register("before@example.com").await.assert_problem(409, "EMAIL_ALREADY_EXISTS");
}
