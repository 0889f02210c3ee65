//! From where the API is called, beside its own paths: from pages of other origins, and below a prefix.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use common::app::{AppOptions, TestApp, fresh_email, user};
use common::browser;
use common::database::Backend;
use common::http::Answer;
use common::scrape::metric;
use common::users::PASSWORD;
use neodyme::config::FIRST_SEGMENTS;
use neodyme::operations::{self, Listener};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const ORIGIN: &str = "https://app.example.com";
const OTHER: &str = "http://localhost:5173";

fn with_origins() -> AppOptions {
    AppOptions::on(Backend::Sqlite).set("cors_allowed_origins", format!("{ORIGIN}, HTTP://LocalHost:5173"))
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.get(name).map(|value| value.to_str().unwrap())
}

/// Fails where a page of another origin could read the answer.
fn assert_closed(answer: &Answer) {
    let opened = answer.headers.keys().find(|name| name.as_str().starts_with("access-control-"));
    assert_eq!(opened, None, "{answer:?}");
}

/// Fails unless pages of this origin can read the answer, and of no other.
fn assert_open(answer: &Answer, origin: &str) {
    assert_eq!(header(answer, "access-control-allow-origin"), Some(origin), "{answer:?}");
    assert_eq!(header(answer, "access-control-allow-credentials"), None);
    assert_eq!(header(answer, "vary"), Some("Origin"));
    let exposed = header(answer, "access-control-expose-headers").unwrap().to_lowercase();
    for name in ["etag", "location", "retry-after", "ratelimit", "ratelimit-policy", "x-request-id"] {
        assert!(exposed.split(", ").any(|exposed| exposed == name), "{name} in {exposed}");
    }
}

/// What a browser asks before it sends a request for a page.
async fn preflight(app: &TestApp, path: &str, origin: &str, method: &str) -> Answer {
    let request = app.request("OPTIONS", path).header("origin", origin);
    let request = request.header("access-control-request-method", method);
    let answer = request.header("access-control-request-headers", "authorization,content-type");
    Answer::to(answer).await.unwrap()
}

#[tokio::test]
async fn browsers_are_told_what_pages_of_listed_origins_may_send() {
    let app = TestApp::spawn(with_origins()).await;
    for origin in [ORIGIN, OTHER] {
        let answer = preflight(&app, "/users/01a2", origin, "PATCH").await;
        assert_eq!((answer.status, answer.text()), (204, ""));
        assert_open(&answer, origin);
        assert_eq!(answer.header("access-control-max-age"), "7200");
        let sorted = |name: &str| {
            let mut names: Vec<String> = answer.header(name).split(", ").map(str::to_lowercase).collect();
            names.sort();
            names.join(" ")
        };
        assert_eq!(sorted("access-control-allow-methods"), "delete get head patch put");
        let expected = "authorization content-type idempotency-key if-match traceparent x-request-id";
        assert_eq!(sorted("access-control-allow-headers"), expected);
    }
    let counted = metric("neodyme_http_requests_total").label("route", "unmatched").label("code", 204);
    counted.value(2.0).assert_in(&app).await;

    let nowhere = preflight(&app, "/nothing", ORIGIN, "GET").await;
    assert_eq!(nowhere.status, 204, "the page may read that there is nothing");
    assert_open(&nowhere, ORIGIN);
    let no_preflight = app.request("OPTIONS", "/users/").header("origin", ORIGIN);
    Answer::to(no_preflight).await.unwrap().assert_problem(405, "METHOD_NOT_ALLOWED");
}

#[tokio::test]
async fn pages_of_listed_origins_can_read_why_something_failed() {
    let options = with_origins().slow_hashing().set("http_request_timeout", "100ms").set("http_max_body_bytes", 1000);
    let app = TestApp::spawn(options.set("http_requests_per_client", 8).set("http_requests_period", "1h")).await;
    let from_page = |method: &str, path: &str| app.request(method, path).header("origin", ORIGIN);
    let of_user = || from_page("POST", "/users/").json(&user(&fresh_email()));
    let large = json!({ "full_name": "a".repeat(2000) });
    for (request, status, code) in [
        (from_page("GET", "/nothing"), 404, "NOT_FOUND"),
        (from_page("GET", "/auth/me"), 401, "UNAUTHORIZED"),
        (from_page("GET", "/auth/login"), 405, "METHOD_NOT_ALLOWED"),
        (from_page("POST", "/users/").json(&large), 413, "BODY_TOO_LARGE"),
        (from_page("POST", "/users/").body("{}"), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (from_page("POST", "/users/").json(&json!({})), 422, "VALIDATION_FAILED"),
        (of_user(), 503, "TIMEOUT"),
        (of_user(), 503, "TIMEOUT"),
        (of_user(), 429, "RATE_LIMITED"),
    ] {
        let answer = Answer::to(request).await.unwrap();
        answer.assert_problem(status, code);
        assert_open(&answer, ORIGIN);
    }
    let health = Answer::to(from_page("GET", "/health/")).await.unwrap();
    assert_eq!(health.status, 200);
    assert_open(&health, ORIGIN);
}

#[tokio::test]
async fn others_get_the_answer_as_usual_and_their_pages_cannot_read_it() {
    let app = TestApp::spawn(with_origins()).await;
    for origin in [
        "https://evil.example",
        "https://app.example.com.evil.example",
        "https://app.example.com:8443",
        "http://app.example.com",
        "https://APP.example.com",
        "https://app.example.com/",
        "http://localhost",
        "null",
        "*",
        "",
    ] {
        let answer = Answer::to(app.request("GET", "/.well-known/jwks.json").header("origin", origin)).await.unwrap();
        assert_eq!(answer.status, 200, "{origin}");
        assert_eq!(header(&answer, "vary"), Some("Origin"), "a cache must not give it to others: {origin}");
        assert_closed(&answer);
        let refused = preflight(&app, "/users/", origin, "POST").await;
        refused.assert_problem(405, "METHOD_NOT_ALLOWED");
        assert_closed(&refused);
    }
    let without = app.get("/.well-known/jwks.json").await;
    assert_eq!(header(&without, "vary"), Some("Origin"));
    assert_closed(&without);
    let operations = app.client.get(format!("{}/health/", app.ops_url())).header("origin", ORIGIN);
    let operations = Answer::to(operations).await.unwrap();
    assert_eq!((operations.status, header(&operations, "vary")), (200, None));
    assert_closed(&operations);
}

#[tokio::test]
async fn no_origin_is_listed_unless_one_is_set() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let answer = Answer::to(app.request("GET", "/.well-known/jwks.json").header("origin", ORIGIN)).await.unwrap();
    assert_eq!((answer.status, header(&answer, "vary")), (200, None));
    assert_closed(&answer);
    let refused = preflight(&app, "/users/", ORIGIN, "POST").await;
    refused.assert_problem(405, "METHOD_NOT_ALLOWED");
    assert_closed(&refused);
}

/// What a page tries: with all that it may send, and what it reads of the answer.
const SCRIPT: &str = r#"
const request = new XMLHttpRequest();
request.open("PATCH", "API/users/7", false);
for (const [name, value] of [
  ["Authorization", "Bearer x"], ["Content-Type", "application/json"], ["If-Match", '"1"'], ["Idempotency-Key", '"1"'],
  ["X-Request-ID", "from-a-page"], ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
]) request.setRequestHeader(name, value);
let read;
try {
  request.send("{}");
  const names = ["X-Request-ID", "RateLimit-Policy", "WWW-Authenticate"];
  read = [request.status, JSON.parse(request.responseText).code, ...names.map((name) => request.getResponseHeader(name))];
} catch (error) {
  read = [error.name];
}
document.body.textContent = `read: ${read.join(" ")}.`;
"#;

/// Serves a page with this script, whoever asks for whatever.
async fn serve_page(listener: TcpListener, script: String) {
    let page = format!("<!doctype html><body><script>{script}</script>");
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{page}", page.len());
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let answer = answer.clone();
        tokio::spawn(async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_lets_pages_of_listed_origins_read_and_no_others() {
    let [listed, other] =
        [TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap()];
    let url = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
    let urls = [url(&listed), url(&other)];
    let options = AppOptions::on(Backend::Sqlite).set("cors_allowed_origins", &urls[0]);
    let app = TestApp::spawn(options.set("http_requests_per_client", 100)).await;
    for listener in [listed, other] {
        tokio::spawn(serve_page(listener, SCRIPT.replace("API", &app.api_url())));
    }
    let [allowed, refused] = urls.map(|url| tokio::task::spawn_blocking(move || browser::open(&url)));
    let allowed = allowed.await.unwrap();
    let read = "read: 401 UNAUTHORIZED from-a-page \"requests\";q=100;w=60 Bearer error=\"invalid_token\"";
    assert!(allowed.contains(read), "{allowed}");
    let refused = refused.await.unwrap();
    assert!(refused.contains("read: NetworkError."), "{refused}");
}

#[tokio::test]
async fn what_pages_send_adds_no_series() {
    let app = TestApp::spawn(with_origins().set("api_prefix", "/api/v1")).await;
    let before = app.metrics().await.series();
    for number in 0..20 {
        let origin = format!("https://{number}.example.com");
        for origin in [ORIGIN, origin.as_str()] {
            preflight(&app, "/users/", origin, &format!("X{number}")).await;
            preflight(&app, &format!("/api/v1/{number}"), origin, "GET").await;
            preflight(&app, &format!("/api/v1/users/{number}"), origin, "GET").await;
        }
    }
    let after = app.metrics().await.series();
    assert_eq!(after.difference(&before).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[tokio::test]
async fn below_a_prefix_is_the_same_api() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("api_prefix", "/api/v1")).await;
    for (prefix, email) in [("", fresh_email()), ("/api/v1", fresh_email())] {
        let request = app.request("POST", &format!("{prefix}/users/")).json(&user(&email));
        let registered = Answer::to(request).await.unwrap();
        assert_eq!(registered.status, 201);
        let location = registered.header("location");
        let id = registered.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(location, format!("{prefix}/users/{id}"));
        let login = app.request("POST", &format!("{prefix}/auth/login"));
        let signed_in = Answer::to(login.json(&json!({ "email": email, "password": PASSWORD }))).await.unwrap();
        let token = signed_in.json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(app.call("GET", location, &token).await.status, 200, "{location}");
        assert_eq!(app.call("GET", &format!("{prefix}/users/{id}/export"), &token).await.status, 200);
        for path in ["/health/", "/health/live", "/.well-known/jwks.json", "/openapi.json"] {
            assert_eq!(app.get(&format!("{prefix}{path}")).await.status, 200, "{prefix}{path}");
        }
        let refused = app.get(&format!("{prefix}/users/{id}")).await;
        refused.assert_problem(401, "UNAUTHORIZED");
    }
    for path in ["/api/v1", "/api", "/api/v1/api/v1/health/", "/api/v10/health/", "/api/v1/nothing"] {
        assert_eq!(app.get(path).await.status, 404, "{path}");
    }
    let operations = app.get_ops("/api/v1/health/").await;
    assert_eq!(operations.status, 404);
}

#[tokio::test]
async fn a_prefix_changes_no_route_in_metrics_and_logs() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("api_prefix", "/api/v1")).await;
    let counted = || metric("neodyme_http_requests_total").label("method", "GET").label("route", "/users/{id}");
    for path in ["/users/7", "/api/v1/users/7", "/api/v1/users/7/"] {
        let answer = app.get(path).await;
        assert_eq!(answer.status, 401);
        let line = app.wait_for_request_log("Request completed", answer.header("x-request-id")).await;
        assert_eq!(line["context"]["route"], "/users/{id}");
    }
    counted().label("code", 401).value(3.0).assert_in(&app).await;
    assert!(!app.metrics_text().await.contains("/api/v1"));
}

#[tokio::test]
async fn the_document_is_of_what_is_in_force() {
    let options = AppOptions::on(Backend::Sqlite).set("api_prefix", "/api/v1").set("password_min_characters", 8);
    let app = TestApp::spawn(options).await;
    let document = app.get("/api/v1/openapi.json").await.json();
    assert_eq!(document["servers"], json!([{ "url": "/api/v1" }, { "url": "/" }]));
    let password = &document["components"]["schemas"]["Registration"]["properties"]["password"];
    assert_eq!(password["minLength"], 8, "{password}");
    let printed = operations::document(Listener::Api);
    assert_eq!(printed["servers"], json!([{ "url": "/" }]));
}

#[test]
fn no_prefix_begins_as_a_path_of_the_api_does() {
    let document = operations::document(Listener::Api);
    for path in document["paths"].as_object().unwrap().keys() {
        let first = path.split('/').nth(1).unwrap();
        assert!(FIRST_SEGMENTS.contains(&first), "{first} is missing in config::FIRST_SEGMENTS");
    }
}

#[test]
fn what_is_no_origin_or_prefix_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    for (key, value, words) in [
        ("cors_allowed_origins", "*", "name each origin in full"),
        ("cors_allowed_origins", "https://app.example.com,null", "without an origin"),
        ("cors_allowed_origins", "https://app.example.com/", "leave away the path"),
        ("cors_allowed_origins", "app.example.com", "no scheme such as https://"),
        ("api_prefix", "api/v1", "does not begin with a /"),
        ("api_prefix", "/api/v1/", "ends with a /"),
        ("api_prefix", "/users", "begins as paths of the API do"),
    ] {
        let output = AppOptions::bare().set(key, value).run(&["check"], folder.path());
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{key} = {value}: {text}");
        assert!(text.contains(&format!("{key}: ")) && text.contains(words), "{text}");
        assert!(text.contains("accepted: "), "{text}");
    }
    let options = AppOptions::bare().set("environment", "production").set("cors_allowed_origins", "http://a.example");
    let output = options.run(&["check"], folder.path());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("cors_allowed_origins: refused in production: ") && text.contains("use https"), "{text}");
}
