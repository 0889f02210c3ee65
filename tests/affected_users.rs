//! Users that errors hit are told apart, and known again by another instance and after a restart, without an id in a metric.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use common::app::{AppOptions, TestApp, fresh_email, user};
use common::database::{Backend, Database, open_postgres, open_sqlite};
use common::eventually;
use common::http::Answer;
use common::postgres::Cluster;
use common::scrape::{Matcher, metric};
use common::smtp::{Behaviour, SmtpSink};
use diesel::connection::SimpleConnection;

fn of_database_errors(name: &str) -> Matcher {
    metric(name).label("error_type", "DATABASE_ERROR")
}

/// The first two of the sample, which are all there are here.
async fn sample_of(app: &TestApp) -> f64 {
    of_database_errors("neodyme_error_user_sample").label("pair", 0).read(app).await
}

async fn users_of(app: &TestApp) -> f64 {
    of_database_errors("neodyme_error_users").label("within", "incident").read(app).await
}

async fn fail(app: &TestApp, email: &str) {
    app.register(email).await.assert_problem(503, "DATABASE_ERROR");
}

#[tokio::test]
async fn instances_on_one_database_know_the_same_users_without_a_key_being_set() {
    let url = Cluster::shared().create_database();
    let options = || AppOptions::on_database(Database::Postgres(url.clone())).set("database_query_timeout", "500ms");
    let (a, b) = (TestApp::spawn(options()).await, TestApp::spawn(options()).await);
    let (session, _task) = open_postgres(&url).await;
    session.batch_execute("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let (on_both, on_one) = (fresh_email(), fresh_email());
    fail(&a, &on_both).await;
    fail(&b, &on_both).await;
    assert!(sample_of(&a).await > 0.0);
    assert_eq!(sample_of(&a).await, sample_of(&b).await, "the same user");
    fail(&b, &on_one).await;
    assert_ne!(sample_of(&a).await, sample_of(&b).await);
    assert_eq!((users_of(&a).await, users_of(&b).await), (1.0, 2.0));
    // A wait for a lock is told from slowness.
    let cause = |cause: &str| of_database_errors("neodyme_error_causes_total").label("cause", cause);
    assert_eq!((cause("lock").read(&b).await, cause("timeout").read(&b).await), (2.0, 0.0));
    let report = b.get_ops("/errors?type=DATABASE_ERROR").await.json();
    assert_eq!(report["errors"][0]["samples"][0]["cause"], "lock", "{report}");
}

#[tokio::test]
async fn a_restart_knows_the_same_users() {
    let options = AppOptions::on(Backend::Sqlite).set("database_query_timeout", "300ms");
    let mut app = TestApp::spawn(options).await;
    let Database::Sqlite(path) = app.database.clone() else { panic!("SQLite") };
    let email = fresh_email();
    let mut samples = Vec::new();
    for _ in 0..2 {
        let mut other = open_sqlite(&path);
        other.batch_execute("BEGIN IMMEDIATE").unwrap();
        fail(&app, &email).await;
        samples.push(sample_of(&app).await);
        other.batch_execute("ROLLBACK").unwrap();
        app.restart().await;
        assert_eq!(users_of(&app).await, 0.0);
    }
    assert!(samples[0] > 0.0);
    assert_eq!(samples[0], samples[1]);
}

#[tokio::test]
async fn whose_request_failed_before_it_gave_an_address_counts_by_that_of_the_client() {
    let options = AppOptions::on(Backend::Sqlite).slow_hashing().set("http_max_requests_in_flight", 1);
    let app = TestApp::spawn(options.set("http_max_requests_per_client", 0).set("trusted_proxies", "127.0.0.1")).await;
    let of = |client: &str, email: &str| {
        Answer::to(app.request("POST", "/users/").header("x-forwarded-for", client).json(&user(email)))
    };
    let under_way = tokio::spawn(of("192.0.2.9", &fresh_email()));
    // It, and the scrape that looks.
    metric("neodyme_http_requests_in_flight").value(2.0).assert_in(&app).await;
    for client in ["192.0.2.1", "192.0.2.2", "192.0.2.1", "2001:db8::1", "2001:db8::2"] {
        of(client, &fresh_email()).await.unwrap().assert_problem(503, "SERVICE_OVERLOADED");
    }
    assert_eq!(under_way.await.unwrap().unwrap().status, 201);
    let users = metric("neodyme_error_users").label("error_type", "5xx").label("within", "5m").read(&app).await;
    assert_eq!(users, 3.0, "two of IPv4, and one /64 of IPv6");
}

async fn those_whose_mail_waits_for_the_server_count_as_well(backend: Backend) {
    let mut mail = SmtpSink::start(Behaviour::Normal).await;
    mail.go_down().await;
    let app = TestApp::spawn(AppOptions::on(backend).set_all(mail.settings())).await;
    for _ in 0..8 {
        assert_eq!(app.register(&fresh_email()).await.status, 201);
    }
    let circuit = metric("neodyme_outbox_circuit").label("topic", "welcome_email").label("state", "closed");
    circuit.value(0.0).assert_in(&app).await;
    // Probes would take a minute and a half to meet them all.
    for _ in 0..30 {
        assert_eq!(app.register(&fresh_email()).await.status, 201);
    }
    let hit = metric("neodyme_error_users").label("error_type", "EMAIL_SERVICE_ERROR").label("within", "incident");
    eventually("all thirty-eight are counted", async || (hit.clone().read(&app).await == 38.0).then_some(())).await;
    mail.come_back().await;
    mail.until_received(38).await;
    assert_eq!(hit.read(&app).await, 38.0, "and are not forgotten when it is over");
}

on_both_databases!(those_whose_mail_waits_for_the_server_count_as_well);
