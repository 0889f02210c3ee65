//! What a client is told when its request cannot be served: each status, its code, and never its own values.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use common::app::{AppOptions, TestApp, user};
use common::database::Backend;
use common::http::Answer;
use common::raw::{RawClient, registration};
use common::scrape::metric;
use serde_json::{Value, json};

async fn post_raw(app: &TestApp, content_type: Option<&str>, body: impl Into<reqwest::Body>) -> Answer {
    let request = app.request("POST", "/users/").body(body);
    let request = content_type.into_iter().fold(request, |request, kind| request.header("content-type", kind));
    Answer::to(request).await.unwrap()
}

/// The faults of a 422 as (field, code).
fn faults(answer: &Answer) -> Vec<(String, String)> {
    answer.assert_problem(422, "VALIDATION_FAILED");
    let text = |fault: &Value, member: &str| fault[member].as_str().unwrap().to_owned();
    let body = answer.json();
    let errors = body["errors"].as_array().unwrap();
    assert!(errors.iter().all(|fault| !text(fault, "message").is_empty()), "{body}");
    errors.iter().map(|fault| (text(fault, "field"), text(fault, "code"))).collect()
}

fn fields(answer: &Answer) -> Vec<String> {
    faults(answer).into_iter().map(|(field, _)| field).collect()
}

async fn malformed_json_is_answered_with_its_position(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    for (body, position) in [
        ("{\"email\": \"a@example.com\",\n  oops}", "line 2, column 3"),
        ("{\"email\": ", "line 1, column 10"),
        ("", "line 1, column 0"),
        ("{} {}", "line 1, column 4"),
    ] {
        let answer = post_raw(&app, Some("application/json"), body).await;
        answer.assert_problem(400, "MALFORMED_JSON");
        assert!(answer.text().contains(position), "{body:?}: {}", answer.text());
        assert!(!answer.text().contains("oops"), "{}", answer.text());
    }
}

async fn bytes_that_are_not_text_are_malformed(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    for body in [&b"{\"email\": \"\xff\xfe\"}"[..], b"{\"x\": \"\xff\"}", b"{\"\xff\": 1}", b"\xff\xfe{\0}\0"] {
        let answer = post_raw(&app, Some("application/json"), body.to_vec()).await;
        answer.assert_problem(400, "MALFORMED_JSON");
    }
}

async fn what_no_field_can_be_is_json_even_so(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let deep = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
    for value in ["1e400", "-1E+400", "1e-400", "123456789012345678901234567890", "[1e400]", r#"{"a":1e400}"#, &deep] {
        let body = format!(r#"{{"email":{value},"full_name":"Ada","password":"long enough for us","x":{value}}}"#);
        let found = faults(&post_raw(&app, Some("application/json"), body).await);
        let expected = [("x", "unknown"), ("email", "type")].map(|(field, code)| (field.to_owned(), code.to_owned()));
        assert_eq!(found, expected, "{value}");
        let bare = faults(&post_raw(&app, Some("application/json"), value.to_owned()).await);
        let fields = if value.starts_with('{') { 4 } else { 1 };
        assert_eq!(bare.len(), fields, "{value}: {bare:?}");
    }
    let halves =
        r#"{"email":"\ud800@example.com","full_name":"Ada \udc00","password":"long enough for us \ud83d","\ud800":1}"#;
    let found = fields(&post_raw(&app, Some("application/json"), halves).await);
    assert_eq!(found, ["(unnamed)", "email", "full_name", "password"]);
}

async fn a_repeated_field_is_refused(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let body = r#"{"email":"a@example.com","email":"b@example.com","full_name":"A","password":"long enough for us"}"#;
    let answer = post_raw(&app, Some("application/json"), body).await;
    assert!(matches!(answer.status, 400 | 422), "{}", answer.text());
    assert_eq!(app.database.count("users").await, 0);
}

async fn an_unknown_path_is_not_found(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    for path in ["/", "/nothing/here", "/user/1", "/userss", "/metrics", "/users//", "/%00", "/users/%2e%2e"] {
        app.get(path).await.assert_problem(404, "NOT_FOUND");
    }
    let unmatched = metric("neodyme_http_requests_total").label("route", "unmatched").label("code", 404);
    unmatched.value(8.0).assert_in(&app).await;
}

async fn a_wrong_method_names_the_right_ones(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    for (method, path, right) in [
        ("PUT", "/users/", "POST, GET, HEAD"),
        ("DELETE", "/users", "POST, GET, HEAD"),
        ("BREW", "/users/", "POST, GET, HEAD"),
        ("POST", "/health/", "GET, HEAD"),
    ] {
        let answer = Answer::to(app.request(method, path)).await.unwrap();
        answer.assert_problem(405, "METHOD_NOT_ALLOWED");
        assert_eq!(answer.header("allow"), right, "{method} {path}");
    }
}

async fn only_json_is_understood(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let body = user("ada@example.com").to_string();
    for kind in
        [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/jsonp"), Some("")]
    {
        post_raw(&app, kind, body.clone()).await.assert_problem(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let answer = post_raw(&app, Some("Application/JSON; charset=utf-8"), body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

async fn a_body_over_the_limit_is_refused(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let padded = |length: usize| {
        let body = user("ada@example.com").to_string();
        format!("{body}{}", " ".repeat(length - body.len()))
    };
    let json = Some("application/json");
    post_raw(&app, json, padded(16 * 1024 + 1)).await.assert_problem(413, "BODY_TOO_LARGE");

    // Without a Content-Length the limit is met on the way.
    let chunks = futures_util::stream::iter((0..17).map(|_| Ok::<_, std::io::Error>(" ".repeat(1024))));
    let body = http_body_util::StreamBody::new(futures_util::StreamExt::map(chunks, |chunk| {
        chunk.map(|text| hyper::body::Frame::data(bytes::Bytes::from(text)))
    }));
    post_raw(&app, json, reqwest::Body::wrap(body)).await.assert_problem(413, "BODY_TOO_LARGE");

    let rejected = metric("neodyme_http_requests_rejected_total").label("reason", "body_too_large");
    rejected.value(2.0).assert_in(&app).await;
    assert_eq!(post_raw(&app, json, padded(16 * 1024)).await.status, 201);
}

async fn all_faults_are_reported_together(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let bad = app.post(&json!({"email": "nobody", "full_name": " ", "password": "short", "admin": true})).await;
    let mut found = fields(&bad);
    found.sort();
    assert_eq!(found, ["admin", "email", "full_name", "password"]);

    let mut missing = fields(&app.post(&json!({})).await);
    missing.sort();
    assert_eq!(missing, ["email", "full_name", "password"]);

    let mut mistyped = fields(&app.post(&json!({"email": 1, "full_name": ["A"], "password": null})).await);
    mistyped.sort();
    assert_eq!(mistyped, ["email", "full_name", "password"]);
    assert_eq!(app.database.count("users").await, 0);
    metric("neodyme_registrations_total").label("outcome", "invalid").value(3.0).assert_in(&app).await;
}

async fn a_document_that_is_no_object_is_refused(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    for body in [json!([]), json!("text"), json!(1), json!(null)] {
        let found = faults(&app.post(&body).await);
        assert_eq!(found.len(), 1, "{body}: {found:?}");
    }
}

async fn each_bound_is_exact(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let with = |field: &str, value: String| {
        let mut body = user(&common::app::fresh_email());
        body[field] = value.into();
        body
    };
    // 64 of a local part, @, and labels of 63 at most: 254 in all, and one more.
    let address = |length: usize| {
        let domain = format!("{0}.{0}.{1}.example", "b".repeat(63), "c".repeat(length - 64 - 1 - 128 - 8));
        format!("{}@{domain}", "a".repeat(64))
    };
    let long = |length: usize| (0..99).flat_map(|number| format!("{number} otters ").into_bytes()).take(length);
    let long = |length| String::from_utf8(long(length).collect()).unwrap();
    for (field, good) in [
        ("email", address(254)),
        ("full_name", "x".to_owned()),
        ("full_name", "é".repeat(255)),
        ("full_name", format!("  {}  ", "x".repeat(255))),
        ("full_name", "علی\u{200c}رضا O'Brien (née Smith), Jr.".to_owned()),
        ("email", "संपर्क@डाटामेल.भारत".to_owned()),
        ("password", "vögel in bäumen".to_owned()),
        ("password", long(128)),
    ] {
        let answer = app.post(&with(field, good.clone())).await;
        assert_eq!(answer.status, 201, "{field} {good}: {}", answer.text());
    }
    for (field, bad) in [
        ("email", address(255)),
        ("email", "a@b@c".to_owned()),
        ("email", "Ada <ada@example.com>".to_owned()),
        ("email", "ada@example.com\u{0}".to_owned()),
        ("full_name", "x".repeat(256)),
        ("full_name", "Ada\nLovelace".to_owned()),
        ("full_name", "Ada\u{7f}".to_owned()),
        ("full_name", "Ada\u{200f}".to_owned()),
        ("full_name", "\u{200b}\u{feff}\u{2800}\u{3164}\u{ad}".to_owned()),
        ("email", "ada@1.2.3.4".to_owned()),
        ("email", "a\u{202e}da@example.com".to_owned()),
        ("password", "vögel in bäume".to_owned()),
        ("password", long(129)),
        ("password", "\u{fdfa}".repeat(5000)),
    ] {
        assert_eq!(fields(&app.post(&with(field, bad.clone())).await), [field], "{bad:?}");
    }
}

async fn an_error_never_echoes_what_was_sent(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    assert_eq!(app.register("canary@example.com").await.status, 201);
    let overlong = "canary".repeat(100);
    let answers = [
        app.register("canary@example.com").await,
        app.post(&json!({"email": "canary", "full_name": "canary\n", "password": "canary"})).await,
        app.post(&json!({"email": "a@example.com", "full_name": overlong, "password": overlong, "x": "canary"})).await,
        app.post(&json!({"email": {"canary": 1}, "full_name": ["canary"], "password": 1})).await,
        app.post(&json!("canary")).await,
        post_raw(&app, Some("application/json"), "canary").await,
        post_raw(&app, Some("application/canary"), "canary").await,
        app.get("/canary?canary").await,
    ];
    for answer in answers {
        assert!(answer.status >= 400);
        assert!(!answer.text().contains("canary"), "{}", answer.text());
    }
}

on_both_databases!(
    malformed_json_is_answered_with_its_position,
    bytes_that_are_not_text_are_malformed,
    what_no_field_can_be_is_json_even_so,
    a_repeated_field_is_refused,
    an_unknown_path_is_not_found,
    a_wrong_method_names_the_right_ones,
    only_json_is_understood,
    a_body_over_the_limit_is_refused,
    all_faults_are_reported_together,
    a_document_that_is_no_object_is_refused,
    each_bound_is_exact,
    an_error_never_echoes_what_was_sent,
);

#[tokio::test]
async fn a_connection_ends_where_the_end_of_a_body_can_be_read_in_two_ways() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let health = "GET /health/ HTTP/1.1\r\nhost: neodyme\r\n\r\n";
    for method in ["POST /users/", "GET /health/"] {
        let head = format!(
            "{method} HTTP/1.1\r\nhost: neodyme\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        for trailer in ["x: y\n", "x: y\r\n", "x: y\n\r\n"] {
            let mut client = RawClient::connect(app.api_address()).await;
            client.send(format!("{head}2\r\n{{}}\r\n0\r\n{trailer}\r\n{health}")).await;
            let said = client.until_closed().await;
            let answers = said.matches("HTTP/1.1 ").count();
            assert!(answers <= 1, "{method} {trailer:?}: {said}");
            assert!(answers == 0 || said.contains("connection: close"), "{method} {trailer:?}: {said}");
        }
    }
    let mut client = RawClient::connect(app.api_address()).await;
    let chunked = "POST /users/ HTTP/1.1\r\nhost: neodyme\r\ncontent-type: application/json\r\n\
                   transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    client.send(format!("{chunked}{chunked}{health}")).await;
    for status in [422, 422, 200] {
        assert_eq!(client.answer().await.status, status, "a chunked body without trailers ends clearly");
    }
}

#[tokio::test]
async fn a_body_that_will_be_refused_is_not_asked_for() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    for (headers, status) in [
        ("content-type: text/plain\r\ncontent-length: 10\r\n", 415),
        ("content-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: 10\r\n", 415),
        ("content-type: application/json\r\ncontent-length: 1000000\r\n", 413),
    ] {
        let mut client = RawClient::connect(app.api_address()).await;
        client.send(format!("POST /users/ HTTP/1.1\r\nhost: neodyme\r\nexpect: 100-continue\r\n{headers}\r\n")).await;
        assert_eq!(client.answer().await.status, status, "{headers}");
        client.until_closed().await;
    }
    let mut client = RawClient::connect(app.api_address()).await;
    let good = registration("ada@example.com");
    let (head, body) = good.split_once("\r\n\r\n").unwrap();
    client.send(format!("{head}\r\nexpect: 100-continue\r\n\r\n")).await;
    assert_eq!(client.answer().await.status, 100);
    assert_eq!(client.send(body).await.answer().await.status, 201);
}

#[tokio::test]
async fn a_compressed_body_is_refused_as_such() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let request = app.request("POST", "/users/").header("content-encoding", "gzip").json(&user("ada@example.com"));
    let answer = Answer::to(request).await.unwrap();
    answer.assert_problem(415, "UNSUPPORTED_MEDIA_TYPE");
    assert_eq!(answer.header("accept-encoding"), "identity");
    assert!(answer.json()["detail"].as_str().unwrap().contains("Content-Encoding"), "{}", answer.text());
    let request = app.request("POST", "/users/").header("content-encoding", "identity").json(&user("ada@example.com"));
    assert_eq!(Answer::to(request).await.unwrap().status, 201);
}

/// Hyper refuses what it cannot read by itself.
#[tokio::test]
async fn a_head_that_cannot_be_read_is_explained_as_well() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let huge = format!("GET /health/ HTTP/1.1\r\nhost: neodyme\r\nx: {}\r\n\r\n", "a".repeat(300_000));
    let many = format!("GET /health/ HTTP/1.1\r\nhost: neodyme\r\n{}\r\n", "x: y\r\n".repeat(101));
    let heads = [
        ("GET\r\n\r\n", 400),
        ("GET / HTTP/9.9\r\n\r\n", 400),
        ("GET /\u{7f} HTTP/1.1\r\nhost: neodyme\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: neodyme\r\nno colon\r\n\r\n", 400),
        ("POST /users/ HTTP/1.1\r\nhost: neodyme\r\ncontent-length: -1\r\n\r\n", 400),
        ("POST /users/ HTTP/1.1\r\nhost: neodyme\r\ntransfer-encoding: gzip\r\n\r\n", 400),
        (&huge, 431),
        (&many, 431),
    ];
    for address in [app.api_address(), app.ops_address()] {
        for (head, status) in heads {
            let mut client = RawClient::connect(address).await;
            let answer = client.send(head).await.answer().await;
            assert_eq!(answer.status, status, "{answer:?}");
            answer.assert_problem("MALFORMED_REQUEST");
            assert_eq!(client.until_closed().await, "");
            let id = answer.header("x-request-id").unwrap();
            let line = app.wait_for_request_log("Request refused", id).await;
            assert_eq!(line["context"]["status_code"], status, "{line}");
        }
    }
    let mut client = RawClient::connect(app.api_address()).await;
    client.send("GET /health/ HTTP/1.1\r\nhost: neodyme\r\n\r\nGET\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200, "what was asked before is answered");
    client.answer().await.assert_problem("MALFORMED_REQUEST");

    let refused = (2 * heads.len() + 1) as f64;
    metric("neodyme_http_requests_rejected_total").label("reason", "malformed").value(refused).assert_in(&app).await;
    metric("neodyme_errors_total").label("error_type", "MALFORMED_REQUEST").value(refused).assert_in(&app).await;
}

#[tokio::test]
async fn what_a_client_is_refused_is_no_warning_in_the_log() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("registrations_per_client", 4)).await;
    let good = user("ada@example.com");
    assert_eq!(app.post(&good).await.status, 201);
    let refused = [
        (409, app.post(&good).await),
        (422, app.post(&json!({"email": "nobody"})).await),
        (400, post_raw(&app, Some("application/json"), "{").await),
        (415, post_raw(&app, Some("text/plain"), "{}").await),
        (429, app.post(&good).await),
        (404, app.get("/nothing").await),
        (405, app.get("/auth/login").await),
    ];
    for (status, answer) in refused {
        assert_eq!(answer.status, status, "{}", answer.text());
        let id = answer.header("x-request-id");
        let ended = app.wait_for_request_log("Request completed", id).await;
        assert_eq!((&ended["level"], &ended["context"]["status_code"]), (&json!("info"), &json!(status)), "{ended}");
        let lines = app.logs().into_iter().filter(|line| line["request_id"] == id);
        let loud: Vec<Value> = lines.filter(|line| line["level"] != "info").collect();
        assert!(loud.is_empty(), "{loud:?}");
    }
}
