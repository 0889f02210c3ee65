//! A request can be followed: its id and its trace stand in the answer and in every line about it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::collections::BTreeSet;

use common::app::{AppOptions, TestApp, fresh_email, user};
use common::database::Backend;
use common::http::Answer;
use serde_json::Value;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

async fn post_with(app: &TestApp, header: &str, value: &str) -> Answer {
    Answer::to(app.request("POST", "/users/").header(header, value).json(&user("nobody"))).await.unwrap()
}

/// The lines of a request, once its last one is there.
async fn lines_of(app: &TestApp, request_id: &str) -> Vec<Value> {
    app.wait_for_request_log("Request completed", request_id).await;
    app.logs().into_iter().filter(|line| line["request_id"] == request_id).collect()
}

/// A registration under an id: it stands in the answer, in the log, in the audit and with the jobs that follow.
async fn the_id_of_a_proxy_is_kept(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let longest = "x".repeat(128);
    let ids = [
        "0192f0c1-2b3c-4d5e-8f90-a1b2c3d4e5f6",
        "0192F0C1-2B3C-4D5E-8F90-A1B2C3D4E5F6",
        "a84dca1eb3ba9ab6b4a4b0f11d9e2a7c",
        "Root=1-67891233-abcdef012345678912345678",
        "7F000001:8296_7F00001E:1F90_4F7B0A69_0003:790E",
        "Z@kxeH8AAQEAAAGkB8sAA@AA",
        "dGhpcyBpcyBhbiBpZA+/Ew==",
        "1",
        &longest,
    ];
    for id in ids {
        let request = app.request("POST", "/users/").header("X-Request-ID", id).json(&user(&fresh_email()));
        let answer = Answer::to(request).await.unwrap();
        assert_eq!((answer.status, answer.header("x-request-id")), (201, id), "{}", answer.text());
        assert!(lines_of(&app, id).await.len() >= 3);
        let mailed = |line: &Value| line["request_id"] == id && line["logger"] == "neodyme.external_services";
        app.wait_for_log("the mail that follows", mailed).await;
    }
    for table in ["audit_log", "outbox_jobs"] {
        let stored = app.database.texts(&format!("SELECT DISTINCT request_id AS text FROM {table}")).await;
        assert_eq!(stored.iter().collect::<BTreeSet<_>>(), ids.map(str::to_owned).iter().collect(), "{table}");
    }
    let found = app.get_ops(&format!("/errors?request_id={longest}")).await;
    assert_eq!(found.json()["errors"], serde_json::json!([]));
    let refused = post_with(&app, "X-Request-ID", &longest).await;
    assert_eq!(refused.json()["request_id"], longest);
    let found = app.get_ops(&format!("/errors?request_id={longest}")).await.json();
    assert_eq!(found["errors"][0]["samples"][0]["request_id"], longest, "{found}");
}

on_both_databases!(the_id_of_a_proxy_is_kept);

#[tokio::test]
async fn anything_else_is_replaced_by_a_new_id() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let mut seen = BTreeSet::new();
    let long = "evil".repeat(1000);
    for bad in [
        "",
        "evil 1",
        "{evil}",
        "evil\"",
        "evil'",
        "evil\\",
        "evil;",
        "$(evil)",
        "<evil>",
        "evil@example.com",
        "evil\u{e9}",
        &long,
    ] {
        let answer = post_with(&app, "X-Request-ID", bad).await;
        let id = answer.header("x-request-id");
        assert!(id.parse::<uuid::Uuid>().is_ok(), "{id}");
        assert!(seen.insert(id.to_owned()), "{id} is new");
        assert_eq!(answer.json()["request_id"], id);
    }
    assert!(!app.output().contains("evil"));
}

#[tokio::test]
async fn every_answer_carries_an_id() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    for answer in
        [app.get("/health/").await, app.get("/none").await, app.get_ops("/metrics").await, app.get_ops("/").await]
    {
        answer.header("x-request-id").parse::<uuid::Uuid>().unwrap();
    }
}

#[tokio::test]
async fn a_trace_is_continued_in_every_line() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let answer = post_with(&app, "traceparent", &format!("00-{TRACE}-{PARENT}-01")).await;
    let lines = lines_of(&app, answer.header("x-request-id")).await;
    assert!(lines.len() >= 3, "{lines:#?}");
    let span = lines[0]["span_id"].as_str().unwrap();
    assert!(span.len() == 16 && span != PARENT, "a span of its own: {span}");
    for line in &lines {
        assert_eq!(line["trace_id"], TRACE, "{line}");
        assert_eq!(line["span_id"], span, "{line}");
    }
}

#[tokio::test]
async fn a_trace_is_begun_where_none_arrives() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let zero = "0".repeat(32);
    let bad = [
        String::new(),
        "garbage".to_owned(),
        format!("00-{zero}-{PARENT}-01"),
        format!("00-{TRACE}-{}-01", "0".repeat(16)),
        format!("ff-{TRACE}-{PARENT}-01"),
        format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
        format!("00-{TRACE}-{PARENT}-01-more"),
    ];
    for header in bad {
        let answer = post_with(&app, "traceparent", &header).await;
        let lines = lines_of(&app, answer.header("x-request-id")).await;
        let trace = lines[0]["trace_id"].as_str().unwrap();
        assert!(trace.len() == 32 && trace != TRACE && trace != zero, "{header:?} became {trace}");
        assert!(lines.iter().all(|line| line["trace_id"] == trace), "one trace: {lines:#?}");
    }
}

#[tokio::test]
async fn a_later_version_of_the_header_is_understood() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let answer = post_with(&app, "traceparent", &format!("01-{TRACE}-{PARENT}-00-more")).await;
    assert_eq!(lines_of(&app, answer.header("x-request-id")).await[0]["trace_id"], TRACE);
}

#[tokio::test]
async fn a_request_is_logged_from_its_start_to_its_end() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let request =
        app.request("POST", "/users/?page=1").header("user-agent", "neodyme-test/1").json(&user("ada@example.com"));
    let answer = Answer::to(request).await.unwrap();
    let id = answer.header("x-request-id");

    let completed = app.wait_for_request_log("Request completed", id).await;
    let context = &completed["context"];
    assert_eq!(context["status_code"], 201, "{completed}");
    assert_eq!(context["response_size"], answer.body.len(), "{completed}");
    assert!(context["duration_ms"].as_f64().is_some_and(|ms| ms > 0.0 && ms < 20_000.0), "{completed}");

    let started = app.wait_for_request_log("Request started", id).await;
    let context = &started["context"];
    assert_eq!(context["method"], "POST", "{started}");
    assert!(context["url"].as_str().unwrap().starts_with("/users/"), "{started}");
    assert_eq!(context["client_ip"], "127.0.0.1", "{started}");
    assert_eq!(context["user_agent"], "neodyme-test/1", "{started}");
    assert_eq!(context["content_length"], user("ada@example.com").to_string().len(), "{started}");
    for line in [&started, &completed] {
        assert_eq!(line["logger"], "neodyme.requests");
        for key in ["timestamp", "level", "module", "line", "trace_id", "span_id"] {
            assert!(!line[key].is_null(), "{key} of {line}");
        }
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
    }
}
