//! How often one client may ask for something, and how answers tell what is left of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::time::Duration;

use common::app::{AppOptions, TestApp, fresh_email, user};
use common::database::Backend;
use common::http::Answer;
use common::raw::{HEALTH, RawClient, registration};
use common::scrape::metric;
use common::users::PASSWORD;
use serde_json::json;

/// What an answer says of limits: the policy, what is left, and when to try again.
fn told(answer: &Answer) -> [&str; 3] {
    let text = |name| answer.headers.get(name).map_or("", |value| value.to_str().unwrap());
    ["ratelimit-policy", "ratelimit", "retry-after"].map(text)
}

#[tokio::test]
async fn who_registers_too_often_is_told_when_to_try_again() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("registrations_per_client", 3)).await;
    for _ in 0..3 {
        assert_eq!(app.register(&fresh_email()).await.status, 201);
    }
    let answer = app.register(&fresh_email()).await;
    answer.assert_problem(429, "RATE_LIMITED");
    let retry_after: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=200).contains(&retry_after), "a third of ten minutes at most: {retry_after}");
    assert_eq!(app.get("/health/").await.status, 200, "it is about registrations");
    metric("neodyme_http_requests_rejected_total").label("reason", "rate_limited").value(1.0).assert_in(&app).await;
    metric("neodyme_registrations_total").label("outcome", "rate_limited").value(1.0).assert_in(&app).await;
    metric("neodyme_errors_total").label("error_type", "RATE_LIMITED").value(1.0).assert_in(&app).await;

    let mut other = RawClient::stranger(app.api_address()).await;
    assert_eq!(other.send(registration(&fresh_email())).await.answer().await.status, 201);
}

#[tokio::test]
async fn who_does_not_wait_although_told_so_is_made_to_wait() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("registrations_per_client", 1)).await;
    let mut client = RawClient::connect(app.api_address()).await;
    let began = std::time::Instant::now();
    assert_eq!(client.send(registration(&fresh_email())).await.answer().await.status, 201);
    for _ in 0..150 {
        assert_eq!(client.send(registration(&fresh_email())).await.answer().await.status, 429);
    }
    assert!(began.elapsed() >= Duration::from_secs(1), "150 refusals within {:?}", began.elapsed());
    assert_eq!(client.send(HEALTH).await.answer().await.status, 200);
}

#[tokio::test]
async fn who_asks_too_often_for_anything_is_told_when_to_try_again() {
    let options = AppOptions::on(Backend::Sqlite).set("http_requests_per_client", 5).set("http_requests_period", "1h");
    let app = TestApp::spawn(options).await;
    let mut client = RawClient::stranger(app.api_address()).await;
    for _ in 0..5 {
        assert_eq!(client.send(HEALTH).await.answer().await.status, 200);
    }
    let refused = client.send(HEALTH).await.answer().await;
    assert_eq!(refused.status, 429, "{refused:?}");
    assert!(refused.body.contains("too many requests came from this address"), "{refused:?}");
    let retry_after: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=720).contains(&retry_after), "a fifth of an hour at most: {retry_after}");
    assert_eq!(app.get("/health/").await.status, 200, "another client has its own");
    let mut operator = RawClient::stranger(app.ops_address()).await;
    let health = HEALTH.replace("neodyme", "localhost");
    for _ in 0..10 {
        assert_eq!(operator.send(&health).await.answer().await.status, 200, "operators are not limited");
    }
}

#[tokio::test]
async fn answers_tell_what_is_left() {
    let options = AppOptions::on(Backend::Sqlite)
        .set("http_requests_per_client", 6)
        .set("http_requests_period", "1h")
        .set("registrations_per_client", 2)
        .set("registrations_period", "20m");
    let app = TestApp::spawn(options).await;
    let policy = "\"requests\";q=6;w=3600";
    assert_eq!(told(&app.get("/auth/me").await), [policy, "\"requests\";r=5", ""], "401");
    assert_eq!(told(&app.get("/nothing").await), [policy, "\"requests\";r=4", ""], "404");
    let own = "\"registrations\";q=2;w=1200";
    assert_eq!(told(&app.register(&fresh_email()).await), [own, "\"registrations\";r=1", ""]);
    let last = app.post(&json!({})).await;
    assert_eq!((last.status, told(&last)[1]), (422, "\"registrations\";r=0;t=600"));
    let refused = app.register(&fresh_email()).await;
    assert_eq!(refused.status, 429);
    let [_, left, retry_after] = told(&refused);
    assert_eq!(left, format!("\"registrations\";r=0;t={retry_after}"));
    assert!((1..=600).contains(&retry_after.parse().unwrap()), "{retry_after}");

    let last = app.get("/auth/me").await;
    assert_eq!(last.status, 401);
    assert!(told(&last)[1].starts_with("\"requests\";r=0;t="), "{last:?}");
    let refused = app.register(&fresh_email()).await;
    let [told_policy, left, retry_after] = told(&refused);
    assert_eq!((refused.status, told_policy), (429, policy));
    assert_eq!(left, format!("\"requests\";r=0;t={retry_after}"));
    assert_eq!(told(&app.get("/health/").await), ["", "", ""]);
    assert_eq!(told(&app.get_ops("/version").await), ["", "", ""]);
}

#[tokio::test]
async fn requests_and_health_are_counted_apart() {
    let options = AppOptions::on(Backend::Sqlite).set("http_requests_per_client", 3).set("http_requests_period", "1h");
    let app = TestApp::spawn(options).await;
    for path in ["/auth/me", "/health/"] {
        for _ in 0..3 {
            assert_ne!(app.get(path).await.status, 429, "{path}");
        }
    }
    for path in ["/auth/me", "/health/"] {
        app.get(path).await.assert_problem(429, "RATE_LIMITED");
    }
}

#[tokio::test]
async fn who_refreshes_too_often_is_told_when_to_try_again() {
    let options = AppOptions::on(Backend::Sqlite).set("refreshes_per_client", 2).set("refreshes_period", "1h");
    let app = TestApp::spawn(options).await;
    let ada = app.signed_in().await;
    let renewed = ada.with(&app.refresh(&ada.refresh).await.json());
    assert_eq!(app.refresh("no such token").await.status, 401, "it counts, whatever comes of it");
    let refused = app.refresh(&renewed.refresh).await;
    refused.assert_problem(429, "RATE_LIMITED");
    assert!(refused.text().contains("too many refreshes came from this address"), "{}", refused.text());
    let [policy, left, retry_after] = told(&refused);
    assert_eq!(policy, "\"refreshes\";q=2;w=3600");
    assert_eq!(left, format!("\"refreshes\";r=0;t={retry_after}"));
    metric("neodyme_http_requests_rejected_total").label("reason", "rate_limited").value(1.0).assert_in(&app).await;
    assert_eq!(app.call("GET", "/auth/me", &renewed.access).await.status, 200, "it is about refreshes");
    let again = app.sign_in(&ada.email).await;
    let mut other = RawClient::stranger(app.api_address()).await;
    let body = json!({ "refresh_token": again.refresh }).to_string();
    let head = "POST /auth/refresh HTTP/1.1\r\nhost: neodyme\r\ncontent-type: application/json\r\ncontent-length: ";
    other.send(format!("{head}{}\r\n\r\n{body}", body.len())).await;
    assert_eq!(other.answer().await.status, 200, "another client has its own");
}

#[tokio::test]
async fn a_password_that_is_said_again_counts_as_a_sign_in() {
    let options = AppOptions::on(Backend::Sqlite).set("logins_per_client", 3).set("logins_period", "1h");
    let app = TestApp::spawn(options).await;
    let ada = app.signed_in().await;
    let erase = async |password: &str| {
        let request = app.request("DELETE", &format!("/users/{}", ada.id)).bearer_auth(&ada.access);
        Answer::to(request.json(&json!({ "password": password }))).await.unwrap()
    };
    for left in [1, 0] {
        let wrong = erase("wrong horse battery").await;
        wrong.assert_problem(403, "INVALID_CREDENTIALS");
        assert!(told(&wrong)[1].starts_with(&format!("\"sign-ins\";r={left}")), "{wrong:?}");
    }
    erase(PASSWORD).await.assert_problem(429, "RATE_LIMITED");
    assert_eq!(app.call("GET", "/auth/me", &ada.access).await.status, 200);
    assert_eq!(app.login(&ada.email, PASSWORD).await.status, 429);
    assert_eq!(app.post(&user(&fresh_email())).await.status, 201);
}

/// A browser sends it for any page, and asks nobody before.
#[tokio::test]
async fn what_a_page_of_another_site_can_send_uses_up_nothing_of_its_visitor() {
    let limits = ["registrations_per_client", "logins_per_client", "refreshes_per_client", "code_emails_per_client"];
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set_all(limits.map(|key| (key, 1)))).await;
    let email = fresh_email();
    let requests = [
        ("/users/", user(&email), 201),
        ("/auth/login", json!({ "email": email, "password": PASSWORD }), 200),
        ("/auth/refresh", json!({ "refresh_token": "no such token" }), 401),
        ("/auth/reset-password/send", json!({ "email": email }), 202),
    ];
    for (path, body, _) in &requests {
        for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("multipart/form-data")] {
            let request = app.request("POST", path).header("sec-fetch-site", "cross-site").body(body.to_string());
            let request = kind.into_iter().fold(request, |request, kind| request.header("content-type", kind));
            let refused = Answer::to(request).await.unwrap();
            refused.assert_problem(415, "UNSUPPORTED_MEDIA_TYPE");
            assert_eq!(told(&refused), ["", "", ""], "{path} {kind:?}");
        }
    }
    for (path, body, status) in &requests {
        for status in [*status, 429] {
            let answer = Answer::to(app.request("POST", path).json(body)).await.unwrap();
            assert_eq!(answer.status, status, "{path}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn what_does_not_count_by_itself_counts_as_a_request() {
    let options = AppOptions::on(Backend::Sqlite).set("http_requests_per_client", 2).set("http_requests_period", "1h");
    let app = TestApp::spawn(options).await;
    for status in [415, 415, 429] {
        let answer = Answer::to(app.request("POST", "/auth/login").body("{}")).await.unwrap();
        assert_eq!(answer.status, status, "{answer:?}");
    }
}
