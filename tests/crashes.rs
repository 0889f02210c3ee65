//! What follows a registration survives the death of the service, and several instances share it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use common::analytics::AnalyticsService;
use common::app::{AppOptions, TestApp, fresh_email};
use common::database::{Backend, Database, open_sqlite};
use common::http::Answer;
use common::load::Load;
use common::users::PASSWORD;
use common::{eventually, http};
use diesel::connection::SimpleConnection;
use serde_json::json;
use tokio::task::JoinSet;

/// How often the service is killed.
const KILLS: usize = 100;

async fn a_kill_at_any_moment_loses_nothing(backend: Backend) {
    let service = AnalyticsService::start().await;
    let options = AppOptions::on(backend).set("analytics_base_url", service.base_url());
    let options =
        options.set("analytics_event_lease", "2s").set("welcome_email_lease", "2s").set("analytics_timeout", "1s");
    let mut app = TestApp::spawn(options.set("smtp_timeout", "1s").set("outbox_poll_interval", "100ms")).await;
    let (mut accepted, mut in_delivery) = (BTreeSet::new(), 0);
    for kill in 0..KILLS {
        let load = Load::start(&app, 4);
        load.wait_for_accepted(1).await;
        // Any moment: the load decides how far each request is.
        tokio::time::sleep(Duration::from_micros((kill as u64 * 7919) % 20_000)).await;
        app.kill();
        let attempts = load.stop().await;
        accepted.extend(attempts.into_iter().filter(|attempt| attempt.is_accepted()).map(|attempt| attempt.email));
        let running = "SELECT topic AS text FROM outbox_jobs WHERE state = 'running'";
        in_delivery += app.database.texts(running).await.len();
        app.restart().await;
    }
    let stored = BTreeSet::from_iter(app.database.emails().await);
    assert!(accepted.is_subset(&stored), "accepted and lost: {:?}", accepted.difference(&stored));
    assert_eq!(app.database.count("audit_log").await, stored.len());

    let open = async || {
        let open = app.database.texts("SELECT state AS text FROM outbox_jobs WHERE state <> 'delivered'").await;
        open.is_empty().then_some(())
    };
    eventually("every job is delivered", open).await;
    let events = service.taken();
    let users: BTreeSet<String> = events.iter().map(|event| event.body["user_id"].to_string()).collect();
    assert_eq!(users.len(), stored.len(), "every user has its event");
    let mails = std::fs::read_dir(app.folder().join("data/mail")).unwrap();
    let mails =
        mails.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|kind| kind == "eml")).count();
    assert_eq!(mails, stored.len(), "every user has its mail");
    let repeated = events.len() - users.len();
    assert!(repeated <= in_delivery, "{repeated} repeated, {in_delivery} in delivery at a kill");
}

on_both_databases!(a_kill_at_any_moment_loses_nothing);

/// Every file in the folder of a database.
fn files_hold(database: &Path, text: &str) -> bool {
    let files = std::fs::read_dir(database.parent().unwrap()).unwrap().map(|file| file.unwrap().path());
    let mut contents = files.filter(|path| path.is_file()).map(|path| std::fs::read(path).unwrap());
    contents.any(|content| content.windows(text.len()).any(|window| window == text.as_bytes()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_erased_leaves_the_file_also_where_the_service_is_killed_before() {
    const TEXT: &str = "unmistakable@example.com";
    let mut app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let Database::Sqlite(path) = app.database.clone() else { panic!("SQLite") };
    assert_eq!(app.register(TEXT).await.status, 201);
    let user = app.sign_in(TEXT).await;
    let mut other = open_sqlite(&path);
    // As a version deleted that did not overwrite what it deletes.
    let old = format!("CREATE TABLE old (text TEXT); INSERT INTO old VALUES ('{TEXT}'), ('x')");
    other.batch_execute(&format!("PRAGMA secure_delete = OFF; {old}; DELETE FROM old WHERE text <> 'x'")).unwrap();
    // Nothing is wiped while somebody reads.
    other.batch_execute("BEGIN; SELECT count(*) FROM users").unwrap();
    let erase = app.request("DELETE", &format!("/users/{}", user.id)).bearer_auth(&user.access);
    assert_eq!(Answer::to(erase.json(&json!({ "password": PASSWORD }))).await.unwrap().status, 204);
    app.kill();
    other.batch_execute("COMMIT").unwrap();
    drop(other);
    assert_eq!(app.database.count("unwiped_erasures").await, 1);
    assert!(files_hold(&path, TEXT));

    app.restart().await;
    let is_wiped = async || (app.database.count("unwiped_erasures").await == 0).then_some(());
    eventually("the file is written anew", is_wiped).await;
    app.wait_for_log("it is told", |line| line["message"] == "The database's file was written anew").await;
    assert!(!files_hold(&path, TEXT));
    assert_eq!(app.database.count("users").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_instances_deliver_each_job_once() {
    const JOBS: usize = 5_000;
    let service = AnalyticsService::start().await;
    let options = AppOptions::on(Backend::Postgres).set("analytics_base_url", service.base_url());
    let first = TestApp::spawn(options.clone()).await;
    let others = AppOptions::on_database(first.database.clone()).set("analytics_base_url", service.base_url());
    let apps = [first, TestApp::spawn(others.clone()).await, TestApp::spawn(others).await];
    // Two jobs for each user: half of the jobs are events.
    let mut clients = JoinSet::new();
    for client in 0..8 {
        let url = format!("{}/users/", apps[client % apps.len()].api_url());
        clients.spawn(async move {
            let client = http::client();
            for _ in 0..JOBS / 2 / 8 + 1 {
                let request = client.post(&url).json(&common::app::user(&fresh_email()));
                assert_eq!(http::Answer::to(request).await.unwrap().status, 201);
            }
        });
    }
    clients.join_all().await;
    let users = apps[0].database.count("users").await;
    assert!(users * 2 >= JOBS);
    let open = async || {
        let open = "SELECT state AS text FROM outbox_jobs WHERE state <> 'delivered' LIMIT 1";
        apps[0].database.texts(open).await.is_empty().then_some(())
    };
    eventually("every job is delivered", open).await;
    let mut deliveries = BTreeMap::new();
    for event in service.taken() {
        *deliveries.entry(event.body["event_id"].to_string()).or_insert(0) += 1;
    }
    assert_eq!(deliveries.len(), users, "every event");
    assert!(deliveries.values().all(|times| *times == 1), "and each once");
    let shares = apps.iter().map(|app| std::fs::read_dir(app.folder().join("data/mail")).map_or(0, Iterator::count));
    let shares: Vec<usize> = shares.collect();
    assert_eq!(shares.iter().sum::<usize>(), users, "every mail once: {shares:?}");
    assert!(shares.iter().all(|share| *share > 0), "every instance works: {shares:?}");
}
