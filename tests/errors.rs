//! What `/errors` keeps of each error, for whom, and how much of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use common::app::{AppOptions, TestApp, fresh_email, user};
use common::database::{Backend, Database};
use common::eventually;
use common::http::Answer;
use common::postgres::{Cluster, StopMode};
use common::programs::lasting_port;
use neodyme::error::ErrorCode;
use neodyme::telemetry::errors::SAMPLES;
use serde_json::{Value, json};

/// What is kept of a type, once there is something.
async fn kept(app: &TestApp, code: &str, request_id: &str) -> Value {
    eventually(&format!("{code} of {request_id}"), async || {
        let answer = app.get_ops(&format!("/errors?type={code}&request_id={request_id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["errors"].as_array().unwrap().first().cloned()
    })
    .await
}

async fn with_accept(app: &TestApp, path: &str, accept: &str) -> Answer {
    Answer::to(app.client.get(format!("{}{path}", app.ops_url())).header("accept", accept)).await.unwrap()
}

async fn every_refusal_is_kept_under_its_request(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let email = fresh_email();
    assert_eq!(app.register(&email).await.status, 201);
    let answers = [
        ("EMAIL_ALREADY_EXISTS", json!("check_existing"), "/users/", app.register(&email).await),
        ("VALIDATION_FAILED", json!("validate"), "/users/", app.post(&json!({"email": email})).await),
        ("NOT_FOUND", Value::Null, "unmatched", app.get(&format!("/{email}")).await),
    ];
    for (code, step, route, answer) in answers {
        let request_id = answer.header("x-request-id");
        let found = kept(&app, code, request_id).await;
        assert_eq!((&found["type"], &found["kind"], &found["count"]), (&json!(code), &json!("expected"), &json!(1)));
        assert_eq!(found["first_seen"], found["last_seen"]);
        let sample = &found["samples"][0];
        assert_eq!((&sample["request_id"], &sample["route"]), (&json!(request_id), &json!(route)), "{sample}");
        assert_eq!(sample["step"], step);
        assert_eq!(sample["trace_id"].as_str().unwrap().len(), 32);
        assert!(!sample["chain"][0].as_str().unwrap().is_empty());
    }
    let all = app.get_ops("/errors").await;
    assert!(!all.text().contains(email.as_str()), "{}", all.text());
    let all = all.json();
    assert_eq!(all["errors"].as_array().unwrap().len(), ErrorCode::ALL.len(), "those never seen are there, too");
    assert_eq!(all["errors"][0]["type"], "NOT_FOUND", "the last one first");
}

async fn what_is_counted_is_what_the_metrics_count(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let mut last = String::new();
    for _ in 0..SAMPLES + 5 {
        last = app.get("/nothing").await.header("x-request-id").to_owned();
    }
    kept(&app, "NOT_FOUND", &last).await;
    let found = app.get_ops("/errors?type=NOT_FOUND").await.json();
    let found = &found["errors"][0];
    assert_eq!(found["count"], SAMPLES + 5);
    let samples = found["samples"].as_array().unwrap();
    assert_eq!((samples.len(), &samples[0]["request_id"]), (SAMPLES, &json!(last)), "the newest first");
    let counted = common::scrape::metric("neodyme_errors_total").label("error_type", "NOT_FOUND").read(&app).await;
    assert_eq!(counted, (SAMPLES + 5) as f64);
}

on_both_databases!(every_refusal_is_kept_under_its_request, what_is_counted_is_what_the_metrics_count);

#[tokio::test]
async fn an_unknown_type_or_parameter_is_refused_with_those_there_are() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    for (query, accepted) in [
        ("type=canary", "DATABASE_ERROR, AUTHENTICATION_FAILURE"),
        ("type=", "DATABASE_ERROR"),
        ("type=database_error", "DATABASE_ERROR"),
        ("canary=1", "type, request_id"),
    ] {
        let answer = app.get_ops(&format!("/errors?{query}")).await;
        answer.assert_problem(400, "INVALID_PARAMETER");
        assert!(answer.json()["detail"].as_str().unwrap().contains(accepted), "{}", answer.text());
        assert!(!answer.text().contains("canary"), "{}", answer.text());
    }
    let nobody = app.get_ops("/errors?request_id=canary").await.json();
    assert_eq!(nobody["errors"], json!([]));
}

#[tokio::test]
async fn a_browser_gets_a_page_and_a_script_json() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for (path, accept, page) in [
        ("/errors", browser, true),
        ("/errors/", browser, true),
        ("/errors", "*/*", false),
        ("/errors/", "*/*", true),
        ("/errors/", "application/json", false),
        ("/errors/?type=TIMEOUT", browser, true),
    ] {
        let answer = with_accept(&app, path, accept).await;
        let expected = if page { "text/html; charset=utf-8" } else { "application/json" };
        assert_eq!((answer.status, answer.header("content-type")), (200, expected), "{path} {accept}");
        assert_eq!(answer.header("vary"), "Accept");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_fails_is_kept_with_its_causes_and_no_secret() {
    let cluster = Cluster::start();
    let url = cluster.create_database().replace("postgres@", "postgres:canary-password@");
    let options = AppOptions::on_database(Database::Postgres(url)).set("database_acquire_timeout", "300ms");
    let app = TestApp::spawn(options).await;
    cluster.stop(StopMode::Immediate);
    let answer = app.register("canary@example.com").await;
    answer.assert_problem(503, "DATABASE_ERROR");
    let found = kept(&app, "DATABASE_ERROR", answer.header("x-request-id")).await;
    assert_eq!(found["kind"], "critical");
    let sample = &found["samples"][0];
    assert_eq!(sample["step"], "check_existing");
    assert!(sample["chain"].as_array().unwrap().len() > 1, "{sample}");
    for path in ["/errors", "/errors/"] {
        assert!(!app.get_ops(path).await.text().contains("canary"), "{path}");
    }
}

#[tokio::test]
async fn a_mail_that_fails_is_kept_under_the_request_that_caused_it() {
    let options = AppOptions::on(Backend::Sqlite).set("smtp_host", "127.0.0.1").set("smtp_tls", "none");
    let app = TestApp::spawn(options.set("smtp_port", lasting_port())).await;
    let answer = app.post(&user("canary@example.com")).await;
    assert_eq!(answer.status, 201);
    let found = kept(&app, "EMAIL_SERVICE_ERROR", answer.header("x-request-id")).await;
    let sample = &found["samples"][0];
    assert_eq!((&sample["route"], &sample["step"]), (&json!("outbox"), &json!("welcome_email")));
    assert_eq!(sample["user_id"], answer.json()["id"]);
    assert!(!app.get_ops("/errors").await.text().contains("canary"));
}

#[test]
fn every_error_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let table = AppOptions::bare().run(&["errors"], folder.path());
    let table = String::from_utf8(table.stdout).unwrap();
    assert_eq!(table.lines().count(), ErrorCode::ALL.len() + 1);
}
