//! More passwords than the workers can hash, and clients that do not wait for theirs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use common::app::{AppOptions, TestApp, fresh_email, user};
use common::database::Backend;
use common::http::{self, Answer};
use common::raw::{RawClient, registration};
use common::scrape::metric;
use tokio::task::JoinSet;

async fn a_queue_that_is_too_long_refuses_at_once(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend).slow_hashing().set("password_hash_max_wait", "500ms")).await;
    // The pool learns from it how long a hash takes.
    assert_eq!(app.register(&fresh_email()).await.status, 201);

    let mut requests = JoinSet::new();
    for _ in 0..12 {
        let request = http::client().post(format!("{}/users/", app.api_url())).json(&user(&fresh_email()));
        requests.spawn(Answer::to(request));
    }
    let answers: Vec<Answer> = requests.join_all().await.into_iter().map(Result::unwrap).collect();
    let (registered, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert!(!registered.is_empty(), "the worker is not idle for it");
    assert!(refused.len() >= 6, "{} of 12 were refused", refused.len());
    for answer in &refused {
        answer.assert_problem(503, "SERVICE_OVERLOADED");
        assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
    }
    assert_eq!(app.database.count("users").await, 1 + registered.len());

    let count = refused.len() as f64;
    metric("neodyme_password_hash_rejections_total").value(count).assert_in(&app).await;
    metric("neodyme_http_requests_rejected_total").label("reason", "overload").value(count).assert_in(&app).await;
    metric("neodyme_password_hash_queue_length").value(0.0).assert_in(&app).await;
    assert_eq!(app.register(&fresh_email()).await.status, 201, "the queue is short again");
}

async fn a_client_that_leaves_is_counted_and_forgotten(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend).slow_hashing()).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = RawClient::connect(app.api_address()).await;
        client.send(registration(&fresh_email())).await;
        clients.push(client);
    }
    // The three, and the scrape that looks.
    metric("neodyme_http_requests_in_flight").value(4.0).assert_in(&app).await;
    drop(clients);
    metric("neodyme_http_requests_cancelled_total").value(3.0).assert_in(&app).await;
    metric("neodyme_http_requests_in_flight").value(1.0).assert_in(&app).await;
    metric("neodyme_password_hash_queue_length").value(0.0).assert_in(&app).await;
    assert_eq!(app.register(&fresh_email()).await.status, 201);
    assert_eq!(app.database.count("users").await, app.database.count("audit_log").await);
}

on_both_databases!(a_queue_that_is_too_long_refuses_at_once, a_client_that_leaves_is_counted_and_forgotten);

#[tokio::test]
async fn a_client_that_leaves_amid_its_body_is_counted() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let mut client = RawClient::connect(app.api_address()).await;
    client.send(&registration("ada@example.com")[..150]).await;
    metric("neodyme_http_requests_in_flight").value(2.0).assert_in(&app).await;
    drop(client);
    metric("neodyme_http_requests_in_flight").value(1.0).assert_in(&app).await;
    assert_eq!(app.database.count("users").await, 0);
}

#[tokio::test]
async fn operators_are_served_while_the_workers_are_busy() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).slow_hashing()).await;
    let mut client = RawClient::connect(app.api_address()).await;
    client.send(registration(&fresh_email())).await;
    metric("neodyme_password_hash_workers").label("state", "busy").value(1.0).assert_in(&app).await;
    assert_eq!(app.get("/health/").await.status, 200);
    assert_eq!(app.get_ops("/health/").await.status, 200);
    assert_eq!(client.answer().await.status, 201);
    metric("neodyme_password_hash_workers").label("state", "busy").value(0.0).assert_in(&app).await;
}
