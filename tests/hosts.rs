//! A request names the host that it is for: it must, and the operations listener looks whether it is meant.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use common::app::{AppOptions, TestApp};
use common::database::Backend;
use common::http::{self, Answer};
use common::raw::{RawAnswer, RawClient};
use common::scrape::metric;

fn options() -> AppOptions {
    AppOptions::on(Backend::Sqlite)
}

/// A request with these lines after its first one.
async fn ask(address: &str, target: &str, lines: &str) -> (RawAnswer, RawClient) {
    let mut client = RawClient::connect(address).await;
    let answer = client.send(format!("GET {target}\r\n{lines}\r\n")).await.answer().await;
    (answer, client)
}

/// The status of a request for this host.
async fn asked_as(app: &TestApp, path: &str, host: &str) -> u16 {
    ask(app.ops_address(), &format!("{path} HTTP/1.1"), &format!("host: {host}\r\n")).await.0.status
}

#[tokio::test]
async fn a_request_without_one_valid_host_is_refused_and_closed() {
    let app = TestApp::spawn(options()).await;
    let bad = [
        ("/health/ HTTP/1.1", ""),
        ("/health/ HTTP/1.1", "host:\r\n"),
        ("/health/ HTTP/1.1", "host: a b\r\n"),
        ("/health/ HTTP/1.1", "host: localhost\r\nhost: localhost\r\n"),
        ("/health/ HTTP/1.1", "host: user@localhost\r\n"),
        ("/health/ HTTP/1.1", "host: localhost:99999\r\n"),
        ("/health/ HTTP/1.1", "host: http://localhost/\r\n"),
        ("/health/ HTTP/1.0", "host: a b\r\n"),
        ("/health/ HTTP/1.0", "host: localhost\r\nhost: localhost\r\n"),
        ("http://localhost/health/ HTTP/1.1", ""),
        ("http://localhost/health/ HTTP/1.1", "host: a b\r\n"),
        ("/none HTTP/1.1", ""),
    ];
    for address in [app.api_address(), app.ops_address()] {
        for (target, lines) in bad {
            let (answer, mut client) = ask(address, target, lines).await;
            assert_eq!(answer.status, 400, "{target} {lines}: {answer:?}");
            answer.assert_problem("MALFORMED_REQUEST");
            assert_eq!(client.until_closed().await, "", "{target} {lines}");
        }
    }
    let refused = (2 * bad.len()) as f64;
    metric("neodyme_errors_total").label("error_type", "MALFORMED_REQUEST").value(refused).assert_in(&app).await;
    metric("neodyme_http_requests_rejected_total").label("reason", "malformed").value(refused).assert_in(&app).await;
    let answered = metric("neodyme_http_requests_total").label("route", "unmatched").label("code", 400);
    answered.value(refused).assert_in(&app).await;
    assert!(
        !app.logs().iter().any(|line| line["level"] == "error" || line["level"] == "critical"),
        "nobody's fault here"
    );
}

#[tokio::test]
async fn what_names_its_host_rightly_is_served() {
    let app = TestApp::spawn(options()).await;
    for address in [app.api_address(), app.ops_address()] {
        for (target, lines) in [
            ("/health/ HTTP/1.1", "host: localhost\r\n"),
            ("/health/ HTTP/1.1", "Host:   127.0.0.1:8000  \r\n"),
            ("/health/ HTTP/1.1", "host: [::1]:8000\r\n"),
            ("/health/ HTTP/1.1", "host: localhost:\r\n"),
            ("/health/ HTTP/1.0", ""),
            ("http://localhost/health/ HTTP/1.1", "host: evil.example\r\n"),
        ] {
            let (answer, _) = ask(address, target, lines).await;
            assert_eq!(answer.status, 200, "{target} {lines}: {answer:?}");
        }
    }
    // Clients of the API come by whatever name a balancer has.
    assert_eq!(ask(app.api_address(), "/health/ HTTP/1.1", "host: register.example.com\r\n").await.0.status, 200);
}

#[tokio::test]
async fn operations_are_not_shown_under_a_foreign_name() {
    let app = TestApp::spawn(options()).await;
    let foreign =
        ["evil.example", "evil.example:9000", "localhost.evil.example", "127.0.0.1.evil.example", "2130706433"];
    for path in ["/metrics", "/config", "/errors", "/", "/health/detailed", "/health/", "/none"] {
        for host in foreign {
            let (answer, _) = ask(app.ops_address(), &format!("{path} HTTP/1.1"), &format!("host: {host}\r\n")).await;
            assert_eq!(answer.status, 421, "{path} {host}: {answer:?}");
            answer.assert_problem("MISDIRECTED_REQUEST");
            assert!(answer.body.contains("NEODYME_OPS_ALLOWED_HOSTS") && !answer.body.contains(host), "{answer:?}");
        }
        let (absolute, _) =
            ask(app.ops_address(), &format!("http://evil.example{path} HTTP/1.1"), "host: localhost\r\n").await;
        assert_eq!(absolute.status, 421, "{path}: {absolute:?}");
    }
    for host in
        ["127.0.0.1:9000", "127.9.9.9", "[::1]:9000", "10.1.2.3:9000", "LOCALHOST:1", "neodyme.localhost", "localhost."]
    {
        assert_eq!(asked_as(&app, "/config", host).await, 200, "{host}");
    }
}

#[tokio::test]
async fn a_name_that_is_set_is_served() {
    let names = "Metrics.example.com, *.svc.cluster.local";
    let app = TestApp::spawn(options().set("ops_allowed_hosts", names).set("ops_token", "0123456789abcdef")).await;
    for (host, status) in [
        ("metrics.example.com:9000", 401),
        ("METRICS.example.com.", 401),
        ("neodyme.prod.svc.cluster.local", 401),
        ("localhost", 401),
        ("example.com", 421),
        ("svc.cluster.local", 421),
        ("metrics.example.com.evil.example", 421),
    ] {
        assert_eq!(asked_as(&app, "/config", host).await, status, "{host}");
    }
    assert_eq!(asked_as(&app, "/health/ready", "metrics.example.com").await, 200);
    assert_eq!(asked_as(&app, "/health/ready", "evil.example").await, 421);
}

#[tokio::test]
async fn http_2_names_its_host_by_authority() {
    let app = TestApp::spawn(options()).await;
    let (_, port) = app.ops_address().rsplit_once(':').unwrap();
    // The name leads to this machine, as one of a foreign page would.
    let client =
        http::builder().http2_prior_knowledge().resolve("evil.example", ([127, 0, 0, 1], 0).into()).build().unwrap();
    let answer = Answer::to(client.get(format!("http://evil.example:{port}/config"))).await.unwrap();
    answer.assert_problem(421, "MISDIRECTED_REQUEST");
    let answer = Answer::to(client.get(format!("{}/config", app.ops_url()))).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let differing = client.get(format!("{}/config", app.ops_url())).header("host", "evil.example");
    Answer::to(differing).await.unwrap().assert_problem(400, "MALFORMED_REQUEST");
}
