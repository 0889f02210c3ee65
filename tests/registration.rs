//! A user registers: what the client gets, what the database holds, and that an address belongs to one user.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::collections::BTreeMap;

use common::app::{AppOptions, TestApp, fresh_email, user};
use common::database::Backend;
use common::http::{self, Answer};
use common::scrape::metric;
use serde_json::{Value, json};
use tokio::task::JoinSet;

async fn a_user_is_registered(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let answer = app
        .post(&json!({"email": "ada@example.com", "full_name": "  Ada Lovelace ", "password": "a difference of ﬁsh"}))
        .await;

    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/json");
    let body = answer.json();
    let id: uuid::Uuid = body["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(id.get_version_num(), 7);
    assert_eq!(answer.header("location"), format!("/users/{id}"));
    assert_eq!(
        body.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["created_at", "email", "full_name", "id", "is_active", "updated_at"]
    );
    assert_eq!(body["email"], "ada@example.com");
    assert_eq!(body["full_name"], "Ada Lovelace");
    assert_eq!(body["is_active"], true);
    assert_eq!(body["created_at"], body["updated_at"]);
    assert!(body["created_at"].as_str().unwrap().ends_with('Z'), "{body} is in UTC");
}

async fn a_registration_leaves_a_user_and_an_audit_row(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let answer = app.register("ada@example.com").await;
    assert_eq!(answer.status, 201, "{}", answer.text());

    assert_eq!(app.database.emails().await, ["ada@example.com"]);
    let hash = &app.database.texts("SELECT password_hash AS text FROM users").await[0];
    assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
    assert_eq!(app.database.count("audit_log").await, 1);
    let audited = app.database.texts("SELECT request_id AS text FROM audit_log").await;
    assert_eq!(audited, [answer.header("x-request-id")]);
}

async fn the_path_serves_with_and_without_its_slash(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    for path in ["/users/", "/users"] {
        let answer = Answer::to(app.request("POST", path).json(&user(&fresh_email()))).await.unwrap();
        assert_eq!(answer.status, 201, "{path}: {}", answer.text());
    }
}

async fn a_byte_order_mark_before_the_body_is_ignored(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let body = format!("\u{feff}{}", user("ada@example.com"));
    let request = app.request("POST", "/users/").header("content-type", "application/json").body(body);
    let answer = Answer::to(request).await.unwrap();
    assert_eq!((answer.status, &answer.json()["email"]), (201, &"ada@example.com".into()), "{}", answer.text());
}

async fn an_address_is_taken_whatever_its_case(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    assert_eq!(app.register("Ada@Example.com").await.status, 201);

    for same in ["Ada@Example.com", "ada@example.com", "ADA@EXAMPLE.COM", " ada@example.com "] {
        let answer = app.register(same).await;
        answer.assert_problem(409, "EMAIL_ALREADY_EXISTS");
    }
    assert_eq!(app.register("ada2@example.com").await.status, 201);
    assert_eq!(app.database.count("users").await, 2);
    assert_eq!(app.database.count("audit_log").await, 2);
}

async fn fifty_at_once_for_one_address_give_one_user(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let mut requests = JoinSet::new();
    for _ in 0..50 {
        // A client each: its own connection, so that all fifty are there at once.
        let request = http::client().post(format!("{}/users/", app.api_url())).json(&user("ada@example.com"));
        requests.spawn(Answer::to(request));
    }
    let mut statuses = BTreeMap::<u16, usize>::new();
    for answer in requests.join_all().await {
        *statuses.entry(answer.unwrap().status).or_default() += 1;
    }
    assert_eq!(statuses, BTreeMap::from([(201, 1), (409, 49)]));
    assert_eq!(app.database.emails().await, ["ada@example.com"]);
    assert_eq!(app.database.count("audit_log").await, 1);

    let registrations = |outcome: &str| metric("neodyme_registrations_total").label("outcome", outcome);
    registrations("success").value(1.0).assert_in(&app).await;
    registrations("duplicate").value(49.0).assert_in(&app).await;
    registrations("error").value(0.0).assert_in(&app).await;
    metric("neodyme_registration_attempts_total").value(50.0).assert_in(&app).await;
    // The steps that turned them down did their work: an alert that names the failing step must not name these.
    let failed_steps = metric("neodyme_registration_step_duration_seconds_count").label("outcome", "error");
    failed_steps.value(0.0).assert_in(&app).await;
}

async fn a_registration_is_measured_step_by_step(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    assert_eq!(app.register("ada@example.com").await.status, 201);

    for step in ["validate", "check_existing", "hash_password", "create_user"] {
        let steps = metric("neodyme_registration_step_duration_seconds_count").label("step", step);
        steps.clone().label("outcome", "ok").value(1.0).assert_in(&app).await;
        steps.label("outcome", "error").value(0.0).assert_in(&app).await;
    }
    // The same steps on both databases, and no more: one that stays 0 on one of them would look like a failure.
    let all = metric("neodyme_registration_step_duration_seconds_count").label("outcome", "ok");
    all.value(4.0).assert_in(&app).await;
    metric("neodyme_registration_duration_seconds_count").label("outcome", "success").value(1.0).assert_in(&app).await;

    // What the client did wrong is no failure of a step.
    assert_eq!(app.register("ada@example.com").await.status, 409);
    assert_eq!(app.register("nobody").await.status, 422);
    for step in ["validate", "check_existing"] {
        let steps = metric("neodyme_registration_step_duration_seconds_count").label("step", step);
        steps.clone().label("outcome", "refused").value(1.0).assert_in(&app).await;
        steps.label("outcome", "error").value(0.0).assert_in(&app).await;
    }
    metric("neodyme_password_hash_duration_seconds_count").label("operation", "hash").value(1.0).assert_in(&app).await;
    let requests = metric("neodyme_http_requests_total").label("method", "POST").label("code", 201);
    requests.value(1.0).assert_in(&app).await;
}

async fn a_registration_tells_its_story_in_the_log(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend).set("log_level", "debug")).await;
    let answer = app.register("ada@example.com").await;
    let (request_id, user_id) = (answer.header("x-request-id").to_owned(), answer.json()["id"].clone());
    let completed = app.wait_for_request_log("Request completed", &request_id).await;
    assert_eq!(completed["logger"], "neodyme.requests");
    assert_eq!(completed["context"]["status_code"], 201);

    let lines: Vec<Value> = app.logs().into_iter().filter(|line| line["request_id"] == request_id.as_str()).collect();
    let of = |message: &str| {
        let mut fitting = lines.iter().filter(|line| line["message"] == message);
        let line = fitting.next().unwrap_or_else(|| panic!("`{message}` of {request_id}"));
        assert!(fitting.next().is_none(), "`{message}` once");
        line
    };
    of("Request started");
    assert_eq!(of("User registration started")["logger"], "neodyme.user_service");
    let done = of("User registration completed successfully");
    assert_eq!(done["user_id"], user_id);
    assert!(done["context"]["duration_ms"].as_f64().is_some(), "{done}");
    assert!(lines.iter().any(|line| line["logger"] == "neodyme.db"), "the database steps are there");
}

on_both_databases!(
    a_user_is_registered,
    a_registration_leaves_a_user_and_an_audit_row,
    the_path_serves_with_and_without_its_slash,
    a_byte_order_mark_before_the_body_is_ignored,
    an_address_is_taken_whatever_its_case,
    fifty_at_once_for_one_address_give_one_user,
    a_registration_is_measured_step_by_step,
    a_registration_tells_its_story_in_the_log,
);
