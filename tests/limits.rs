//! No client takes more than its share: connections, headers, bodies, time and requests have limits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::time::{Duration, Instant};

use common::app::{AppOptions, TestApp, fresh_email, user};
use common::database::Backend;
use common::http::{self, Answer};
use common::raw::{RawClient, registration};
use common::scrape::metric;
use rustix::process::Resource;
use tokio::task::JoinSet;

const HEALTH: &str = "GET /health/ HTTP/1.1\r\nhost: neodyme\r\n\r\n";
const POST: &str = "POST /users/ HTTP/1.1\r\nhost: neodyme\r\ncontent-type: application/json\r\n";

/// Far below the defaults of 10 s and more, far above what a limit of 300 ms needs on a busy machine.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn connections_over_the_limit_are_closed_while_the_others_are_at_work() {
    let options = AppOptions::on(Backend::Sqlite).slow_hashing().set("http_max_connections", 2);
    let app = TestApp::spawn(options.set("http_max_connections_per_client", 0)).await;
    let mut first = RawClient::connect(app.api_address()).await;
    let mut second = RawClient::connect(app.api_address()).await;
    first.send(registration(&fresh_email())).await;
    second.send(registration(&fresh_email())).await;
    metric("neodyme_password_hash_queue_length").value(1.0).assert_in(&app).await;

    let mut third = RawClient::connect(app.api_address()).await;
    let said = third.until_closed_within(SOON).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 503"), "{said}");
    metric("neodyme_http_connections_total").label("result", "rejected").value(1.0).assert_in(&app).await;
    for client in [&mut first, &mut second] {
        assert_eq!(client.answer().await.status, 201, "the others are served on");
    }

    drop(first);
    common::eventually("a place is free again", async || {
        let mut again = RawClient::connect(app.api_address()).await;
        again.send(HEALTH).await.closed_or_answer().await.filter(|answer| answer.status == 200)
    })
    .await;
}

#[tokio::test]
async fn the_open_connections_are_counted() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = RawClient::connect(app.api_address()).await;
        assert_eq!(client.send(HEALTH).await.answer().await.status, 200);
        clients.push(client);
    }
    // Five, and the one that scrapes.
    metric("neodyme_http_connections").value(6.0).assert_in(&app).await;
    drop(clients);
    metric("neodyme_http_connections").value(1.0).assert_in(&app).await;
}

#[tokio::test]
async fn a_service_without_file_descriptors_waits_for_better_times() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    app.limit(Resource::Nofile, Some(80));
    let mut clients = Vec::new();
    for _ in 0..100 {
        clients.push(RawClient::connect(app.api_address()).await);
    }
    let is_warning = |line: &serde_json::Value| line["message"] == "Connections cannot be accepted";
    app.wait_for_log("a warning", is_warning).await;
    // It backs off to a second: a loop without a pause would fill the log.
    app.wait_for_log("a long pause", |line| is_warning(line) && line["context"]["retry_ms"].as_u64() >= Some(500))
        .await;
    assert!(app.logs().into_iter().filter(is_warning).count() < 60, "two listeners, a warning a pause");

    drop(clients);
    // Its checks may have failed as well, for want of a file descriptor.
    common::eventually("it is well again", async || (app.get("/health/").await.status == 200).then_some(())).await;
    assert_eq!(app.register(&fresh_email()).await.status, 201);
    metric("neodyme_http_connections_total").label("result", "io_error").at_least(1.0).assert_in(&app).await;
}

#[tokio::test]
async fn idle_connections_of_clients_leave_files_for_everything_else() {
    let options = AppOptions::on(Backend::Sqlite).limit("nofile", 300).set("http_max_connections_per_client", 0);
    let app = TestApp::spawn(options).await;
    let line =
        app.wait_for_log("a warning", |line| line["message"] == "Fewer connections than http_max_connections").await;
    let context = &line["context"];
    let [files, kept, ops, api] = ["open_files", "kept", "ops", "api"].map(|key| context[key].as_u64().unwrap());
    assert_eq!((files, kept + ops + api), (300, 300), "{line}");
    assert!(context["remedy"].as_str().is_some_and(|text| text.contains("LimitNOFILE=")), "{line}");
    assert_eq!(app.register(&fresh_email()).await.status, 201);

    let mut clients = Vec::new();
    for _ in 0..300 {
        let mut client = RawClient::connect(app.api_address()).await;
        client.send(HEALTH).await;
        clients.push(client);
    }
    metric("neodyme_http_connections").at_least(api as f64).assert_in(&app).await;
    assert_eq!(app.register(&fresh_email()).await.status, 201);
    let mail = app.folder().join("data/mail");
    let mails = async || (std::fs::read_dir(&mail).map_or(0, Iterator::count) == 2).then_some(());
    common::eventually("both users have their mail", mails).await;
    assert_eq!(Answer::to(http::client().get(format!("{}/health/", app.ops_url()))).await.unwrap().status, 200);
    metric("neodyme_dependency_up").label("dependency", "database").value(1.0).assert_in(&app).await;
    let refused = |line: &serde_json::Value| line["message"] == "Connections cannot be accepted";
    assert!(!app.logs().iter().any(refused), "{}", app.output());
}

/// Sends the beginnings, and expects the connection to be closed soon; returns what the server said.
async fn cut_after(app: &TestApp, beginning: &str) -> String {
    let mut client = RawClient::connect(app.api_address()).await;
    client.send(beginning).await;
    client.until_closed_within(SOON).await
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_header_is_cut() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("http_header_timeout", "300ms")).await;
    // Nothing at all, a letter (which may become HTTP/2), half a header.
    for beginning in ["", "P", "PRI * HTTP/2.0\r\n", "GET /health/ HTTP/1.1\r\nhost: neo"] {
        let said = cut_after(&app, beginning).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{beginning:?}: {said}");
    }
    assert_eq!(app.get("/health/").await.status, 200);
}

#[tokio::test]
async fn a_trickling_header_is_cut_although_it_moves() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("http_header_timeout", "300ms")).await;
    let mut client = RawClient::connect(app.api_address()).await;
    let began = Instant::now();
    client.send("GET /health/ HTTP/1.1\r\n").await;
    while !client.is_closed_after(Duration::from_millis(50)).await {
        client.send("x: y\r\n").await;
        assert!(began.elapsed() < SOON, "every line bought more time");
    }
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_a_timeout() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("http_body_timeout", "300ms")).await;
    let mut client = RawClient::connect(app.api_address()).await;
    let answer = client.send(format!("{POST}content-length: 100\r\n\r\n{{")).await.answer().await;
    assert_eq!(answer.status, 408, "{answer:?}");
    assert!(answer.body.contains("\"BODY_INCOMPLETE\""), "{answer:?}");
    client.until_closed_within(SOON).await;
    metric("neodyme_http_requests_rejected_total").label("reason", "timeout").value(1.0).assert_in(&app).await;
    metric("neodyme_http_requests_in_flight").value(1.0).assert_in(&app).await;
}

#[tokio::test]
async fn a_trickling_body_is_cut_although_it_moves() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("http_body_timeout", "300ms")).await;
    let mut client = RawClient::connect(app.api_address()).await;
    let began = Instant::now();
    client.send(format!("{POST}content-length: 10000\r\n\r\n{{")).await;
    while !client.is_closed_after(Duration::from_millis(50)).await {
        client.send(" ").await;
        assert!(began.elapsed() < SOON, "every byte bought more time");
    }
}

#[tokio::test]
async fn a_header_over_the_limit_is_refused() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let with_header =
        |length: usize| format!("GET /health/ HTTP/1.1\r\nhost: neodyme\r\nx: {}\r\n\r\n", "a".repeat(length));
    let mut client = RawClient::connect(app.api_address()).await;
    assert_eq!(client.send(with_header(15_000)).await.answer().await.status, 200);
    assert_eq!(client.send(with_header(17_000)).await.answer().await.status, 431);
    client.until_closed_within(SOON).await;

    let mut many = String::from("GET /health/ HTTP/1.1\r\nhost: neodyme\r\n");
    (0..1000).for_each(|n| many.push_str(&format!("x{n}: y\r\n")));
    let mut client = RawClient::connect(app.api_address()).await;
    assert_eq!(client.send(many + "\r\n").await.answer().await.status, 431);
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    for nonsense in [
        "\x16\x03\x01\x02\x00\x01",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "POST /users/ HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    ] {
        let said = cut_after(&app, nonsense).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 400"), "{nonsense:?}: {said}");
    }
    assert_eq!(app.get("/health/").await.status, 200);
}

#[tokio::test]
async fn two_lengths_are_not_smuggled_past() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    for lengths in ["content-length: 5\r\ncontent-length: 6\r\n", "content-length: 4, 5\r\n"] {
        let said = cut_after(&app, &format!("{POST}{lengths}\r\n{{}}")).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 400"), "{lengths:?}: {said}");
    }
    assert_eq!(app.database.count("users").await, 0);
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("http_idle_timeout", "300ms")).await;
    let mut client = RawClient::connect(app.api_address()).await;
    assert_eq!(client.send(HEALTH).await.answer().await.status, 200);
    assert_eq!(client.send(HEALTH).await.answer().await.status, 200, "kept alive meanwhile");
    assert_eq!(client.until_closed_within(SOON).await, "");
}

#[tokio::test]
async fn requests_over_the_limit_are_refused_at_once() {
    let options = AppOptions::on(Backend::Sqlite).slow_hashing().set("http_max_requests_in_flight", 2);
    let app = TestApp::spawn(options.set("http_max_requests_per_client", 0)).await;
    let mut under_way = JoinSet::new();
    for _ in 0..2 {
        under_way
            .spawn(Answer::to(http::client().post(format!("{}/users/", app.api_url())).json(&user(&fresh_email()))));
    }
    // Both, and the scrape that looks.
    metric("neodyme_http_requests_in_flight").value(3.0).assert_in(&app).await;
    assert_eq!(app.get("/health/").await.status, 200, "a busy service is not taken out of the balancer");
    let answer = app.register(&fresh_email()).await;
    answer.assert_problem(503, "SERVICE_OVERLOADED");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
    for answer in under_way.join_all().await {
        assert_eq!(answer.unwrap().status, 201);
    }
    metric("neodyme_http_requests_rejected_total").label("reason", "overload").value(1.0).assert_in(&app).await;
    assert_eq!(app.register(&fresh_email()).await.status, 201);
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).slow_hashing().set("http_request_timeout", "100ms")).await;
    let answer = app.register(&fresh_email()).await;
    answer.assert_problem(503, "TIMEOUT");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
    metric("neodyme_errors_total").label("error_type", "TIMEOUT").value(1.0).assert_in(&app).await;
    metric("neodyme_registrations_total").label("outcome", "error").value(1.0).assert_in(&app).await;
    let request_id = answer.header("x-request-id");
    app.wait_for_request_log("Request failed", request_id).await;
    let failed = app.wait_for_request_log("User registration failed", request_id).await;
    assert_eq!(failed["context"]["error_type"], "TIMEOUT", "{failed}");
    assert!(!app.output().contains("User registration completed successfully"), "it did not");
    assert_eq!(app.database.count("users").await, 0);
    metric("neodyme_http_requests_in_flight").value(1.0).assert_in(&app).await;
    assert_eq!(app.get("/health/").await.status, 200);
}

#[tokio::test]
async fn requests_in_a_row_on_one_connection_are_all_answered() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let mut client = RawClient::connect(app.api_address()).await;
    client.send(format!("{}{HEALTH}{}", registration("a@example.com"), registration("b@example.com"))).await;
    for status in [201, 200, 201] {
        assert_eq!(client.answer().await.status, status);
    }
}
