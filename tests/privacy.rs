//! What was entrusted to the service stays inside: passwords, addresses and names are in no log, metric or error.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use common::app::{AppOptions, TestApp};
use common::database::{Backend, Database};
use common::http::Answer;
use common::postgres::{Cluster, StopMode};
use serde_json::{Value, json};

const PASSWORD: &str = "kanarienvogel-im-kirschbaum";
const LOCAL_PART: &str = "kanarien.adresse";
const NAME: &str = "Kanaria Vogelsang";
/// What no output may hold, whatever its case.
const CANARIES: [&str; 5] = ["kanarienvogel", LOCAL_PART, "Vogelsang", "datenbankgeheimnis", "schluesselgeheimnis"];

fn bodies() -> Vec<Value> {
    let email = format!("{LOCAL_PART}@example.com");
    let good = json!({"email": email, "full_name": NAME, "password": PASSWORD});
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    vec![
        good.clone(),
        good.clone(),
        with("email", LOCAL_PART.into()),
        with("email", json!([email])),
        with("password", PASSWORD.repeat(20).into()),
        with("password", json!({PASSWORD: PASSWORD})),
        with("full_name", NAME.repeat(40).into()),
        with("full_name", format!("{NAME}\u{0}").into()),
        with("nickname", LOCAL_PART.into()),
        json!([email, PASSWORD]),
        json!(PASSWORD),
    ]
}

fn assert_private(what: &str, text: &str) {
    let text = text.to_lowercase();
    for canary in CANARIES.map(str::to_lowercase) {
        let at = text.find(&canary);
        let line = at.map(|at| text[..at].lines().count()).and_then(|n| text.lines().nth(n.saturating_sub(1)));
        assert!(at.is_none(), "{canary} in {what}: {line:?}");
    }
}

/// Sends everything that could tempt the service to repeat it, and checks each error.
async fn tempt(app: &TestApp) {
    let mut answers = Vec::new();
    for body in bodies() {
        answers.push(app.post(&body).await);
    }
    // A client reads the name of the field that it made up, but nobody else does.
    assert_eq!(app.post(&json!({PASSWORD: LOCAL_PART})).await.status, 422);
    for broken in [&bodies()[0].to_string()[1..], &bodies()[0].to_string()[..90]] {
        let request = app.request("POST", "/users/").header("content-type", "application/json").body(broken.to_owned());
        answers.push(Answer::to(request).await.unwrap());
    }
    let authorized = app.request("POST", "/users/").header("authorization", PASSWORD).header("cookie", PASSWORD);
    answers.push(Answer::to(authorized.json(&bodies()[0])).await.unwrap());
    answers.push(app.get(&format!("/users/?email={LOCAL_PART}@example.com&password={PASSWORD}")).await);
    for answer in answers.iter().filter(|answer| answer.status >= 400) {
        assert_private("an error body", answer.text());
        assert_private("an error's header", &format!("{:?}", answer.headers));
    }
}

async fn no_canary_gets_out(backend: Backend) {
    let options =
        AppOptions::on(backend).set("log_level", "trace").set("error_user_hash_key", "schluesselgeheimnis-123456789");
    let mut app = TestApp::spawn(options).await;
    tempt(&app).await;
    let metrics = app.metrics_text().await;
    assert!(app.stop().await.success());

    assert_private("the metrics", &metrics);
    assert_private("the logs", &app.output());
    assert!(app.output().contains("k***@example.com"), "the masked address is there");
    let columns = app.database.texts("SELECT password_hash AS text FROM users").await;
    assert_private("the stored hash", &columns.join("\n"));
}

on_both_databases!(no_canary_gets_out);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_canary_gets_out_when_the_database_fails() {
    let cluster = Cluster::start();
    let url = cluster.create_database().replace("postgres@", "postgres:datenbankgeheimnis@");
    let options = AppOptions::on_database(Database::Postgres(url)).set("log_level", "trace");
    let mut app = TestApp::spawn(options.set("database_acquire_timeout", "300ms")).await;
    assert_eq!(app.post(&bodies()[0]).await.status, 201);
    cluster.stop(StopMode::Immediate);
    let answer = app.post(&bodies()[0]).await;
    assert_eq!(answer.status, 503);
    for inside in ["127.0.0.1", "postgres", "refused", "panicked", "src/"] {
        assert!(!answer.text().contains(inside), "{inside} in {}", answer.text());
    }
    tempt(&app).await;
    let metrics = app.metrics_text().await;
    app.stop().await;
    assert_private("the metrics", &metrics);
    assert_private("the logs", &app.output());
}

#[tokio::test]
async fn an_operator_may_ask_for_whole_addresses() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("log_full_emails", true)).await;
    let answer = app.post(&bodies()[0]).await;
    assert_eq!(answer.status, 201);
    app.wait_for_request_log("Request completed", answer.header("x-request-id")).await;
    assert!(app.output().contains(LOCAL_PART), "the address is there");
    assert!(!app.output().contains(PASSWORD), "the password never is");
}
