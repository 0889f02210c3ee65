//! PgBouncer between neodyme and PostgreSQL, as Debian ships it and as it is set up: people can register.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::path::Path;

use common::app::{AppOptions, TestApp, fresh_email};
use common::database::{Backend, Database};
use common::eventually;
use common::pgbouncer::PgBouncer;
use common::postgres::Cluster;
use common::proxy::Proxy;
use futures_util::future::join_all;

/// How many of 160 people, who all come at once, can register.
async fn registered(app: &TestApp) -> usize {
    let emails: Vec<_> = (0..160).map(|_| fresh_email()).collect();
    let answers = join_all(emails.iter().map(|email| app.register(email))).await;
    answers.iter().filter(|answer| answer.status == 201).count()
}

/// A database behind PgBouncer: by the server's own address, and by the pooler's.
async fn pooled(lines: &str) -> (PgBouncer, Database, String) {
    let pooler = PgBouncer::start(Cluster::shared(), lines).await;
    let direct = Database::create(Backend::Postgres, Path::new(""));
    let url = direct.url().replace(&Cluster::shared().address(), pooler.address());
    (pooler, direct, url)
}

/// Takes many at once from one client, and waits for its turn at few sessions on a slow machine.
fn patient(url: String) -> AppOptions {
    let options = AppOptions::on_database(Database::Postgres(url)).set("http_max_requests_per_client", 0);
    options.set("database_acquire_timeout", "30s").set("password_hash_max_wait", "30s")
}

async fn assert_all_register(lines: &str) {
    let (_pooler, direct, url) = pooled(lines).await;
    // Two of them migrate at once, and share the pooler's sessions afterwards.
    let apps = [(); 2].map(|()| TestApp::launch(patient(url.clone())));
    let apps = join_all(apps.map(|mut app| async move {
        app.wait_until_ready().await;
        app
    }));
    let apps = apps.await;
    for round in 0..2 {
        assert_eq!(join_all(apps.iter().map(registered)).await, [160, 160], "round {round}");
    }
    for app in &apps {
        assert_eq!(app.get("/health/ready").await.status, 200);
        let warned = |line: &serde_json::Value| line["message"].as_str().unwrap_or_default().contains("ALTER ROLE");
        app.wait_for_log("it says what it cannot set", warned).await;
    }
    assert_eq!(direct.count("users").await, 640);
    let delivered = "SELECT CAST(count(*) AS text) FROM outbox_jobs WHERE state <> 'delivered'";
    eventually("all mail is out", async || (direct.texts(delivered).await == ["0"]).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_are_lent_for_a_transaction_do() {
    assert_all_register("pool_mode = transaction").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn options_that_get_lost_on_the_way_are_noticed() {
    assert_all_register("pool_mode = transaction\nignore_startup_parameters = options").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_are_lent_for_good_do() {
    assert_all_register("pool_mode = session\ndefault_pool_size = 50").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_pass_the_pooler_is_refused_at_the_start() {
    for (lines, parameters, says) in [
        ("pool_mode = transaction", "?options=-c%20geqo%3Doff", "options in database_url"),
        ("pool_mode = statement", "", "set its pool_mode to transaction or session"),
    ] {
        let (_pooler, direct, url) = pooled(lines).await;
        let folder = tempfile::tempdir().unwrap();
        // Migrated past the pooler, it looks as if it were good enough.
        let migrated = AppOptions::on_database(direct).run(&["migrate"], folder.path());
        assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
        let options = AppOptions::on_database(Database::Postgres(format!("{url}{parameters}")))
            .set("http_max_requests_per_client", 0);
        for command in ["check", "migrate", "serve"] {
            let output = options.clone().set("database_startup_timeout", "1s").run(&[command], folder.path());
            let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains(says), "{said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_comes_between_later_is_noticed() {
    let (pooler, direct, _) = pooled("pool_mode = transaction\nignore_startup_parameters = options").await;
    let address = Proxy::to(&Cluster::shared().address()).await;
    let url = direct.url().replace(&Cluster::shared().address(), &address.address().to_string());
    let app = TestApp::spawn(patient(url)).await;
    assert_eq!(registered(&app).await, 160);
    address.lead_to(pooler.address());
    address.break_connections().await;
    eventually("people can register", async || (registered(&app).await == 160).then_some(())).await;
    assert_eq!(registered(&app).await, 160, "for good");
}
