//! Kinds of clients: HTTP/2 from the first byte, HTTP/1.0, HEAD, those behind proxies, and those made of the OpenAPI document.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;
#[path = "clients/openapi.rs"]
mod openapi;

use std::collections::BTreeSet;

use common::app::{AppOptions, TestApp, fresh_email, user};
use common::database::Backend;
use common::http::{self, Answer};
use common::raw::RawClient;
use tokio::task::JoinSet;

async fn http2_with_prior_knowledge_is_served(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let client = http::http2_client();
    // One first, so that all others share its connection.
    let health = client.get(format!("{}/health/", app.api_url())).send().await.unwrap();
    assert_eq!(health.version(), reqwest::Version::HTTP_2);
    let mut requests = JoinSet::new();
    for _ in 0..20 {
        requests.spawn(Answer::to(client.post(format!("{}/users/", app.api_url())).json(&user(&fresh_email()))));
    }
    for answer in requests.join_all().await {
        assert_eq!(answer.unwrap().status, 201);
    }
    let answer = Answer::to(client.get(format!("{}/none", app.api_url()))).await.unwrap();
    answer.assert_problem(404, "NOT_FOUND");
    assert_eq!(app.database.count("users").await, 20);
}

on_both_databases!(http2_with_prior_knowledge_is_served);

#[tokio::test]
async fn http_1_0_is_served_and_closed() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let mut client = RawClient::connect(app.api_address()).await;
    client.send("GET /health/ HTTP/1.0\r\n\r\n").await;
    let said = client.until_closed().await;
    assert!(said.starts_with("HTTP/1.0 200") || said.starts_with("HTTP/1.1 200"), "{said}");
}

#[tokio::test]
async fn health_answers_status_time_and_version() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    for answer in [app.get("/health/").await, app.get("/health").await, app.get_ops("/health/").await] {
        assert_eq!(answer.status, 200, "{}", answer.text());
        let body = answer.json();
        assert_eq!(body["status"], "healthy", "{body}");
        assert_eq!(body["version"], env!("CARGO_PKG_VERSION"), "{body}");
        assert!(body["timestamp"].as_str().unwrap().ends_with('Z'), "{body}");
    }
}

#[tokio::test]
async fn head_answers_as_get_without_a_body() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let answer = Answer::to(app.request("HEAD", "/health/")).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.body.is_empty());
    assert!(answer.header("content-length").parse::<u64>().unwrap() > 0);
}

#[tokio::test]
async fn the_operations_page_links_what_is_there() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let page = app.get_ops("/").await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
    let text = page.text().replace("&#x2f;", "/");
    let links: BTreeSet<&str> = text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(links.contains("/metrics") && links.contains("/health/"), "{links:?}");
    for link in links {
        assert_eq!(app.get_ops(link).await.status, 200, "{link}");
    }
}

/// What the log takes for the client's address.
async fn client_ip(trusted: Option<&str>, forwarded: &[&str]) -> String {
    let options = AppOptions::on(Backend::Sqlite);
    let options = trusted.into_iter().fold(options, |options, proxies| options.set("trusted_proxies", proxies));
    let app = TestApp::spawn(options).await;
    let request = forwarded.iter().fold(app.request("GET", "/none"), |r, value| r.header("x-forwarded-for", *value));
    let answer = Answer::to(request).await.unwrap();
    let line = app.wait_for_request_log("Request started", answer.header("x-request-id")).await;
    line["context"]["client_ip"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_forwarded_address_is_not_believed_by_default() {
    assert_eq!(client_ip(None, &["203.0.113.7"]).await, "127.0.0.1");
    assert_eq!(client_ip(Some("10.0.0.0/8"), &["203.0.113.7"]).await, "127.0.0.1");
}

#[tokio::test]
async fn a_trusted_proxy_names_its_client() {
    assert_eq!(client_ip(Some("127.0.0.1"), &["203.0.113.7"]).await, "203.0.113.7");
    assert_eq!(client_ip(Some("127.0.0.0/8"), &["2001:db8::7"]).await, "2001:db8::7");
}

#[tokio::test]
async fn the_last_address_that_is_no_proxy_is_the_client() {
    let trusted = Some("127.0.0.1,10.0.0.0/8");
    // The client wrote the first one itself.
    assert_eq!(client_ip(trusted, &["198.51.100.1, 203.0.113.7, 10.1.2.3"]).await, "203.0.113.7");
    assert_eq!(client_ip(trusted, &["198.51.100.1", "203.0.113.7, 10.1.2.3"]).await, "203.0.113.7");
    assert_eq!(client_ip(trusted, &["10.9.9.9, 10.1.2.3"]).await, "10.9.9.9");
}

#[tokio::test]
async fn nonsense_in_the_header_is_not_an_address() {
    let trusted = Some("127.0.0.1");
    for nonsense in ["", "unknown", "<script>", "203.0.113.7, ", "999.1.1.1"] {
        let address = client_ip(trusted, &[nonsense]).await;
        assert!(address.parse::<std::net::IpAddr>().is_ok(), "{nonsense:?} became {address:?}");
    }
}
