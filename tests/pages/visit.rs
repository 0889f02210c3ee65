//! A browser as the service sees it: forms that its own pages send, and the cookie that it keeps.

use serde_json::Value;

use crate::common::app::{AppOptions, TestApp};
use crate::common::database::Backend;
use crate::common::http::{self, Answer};
use crate::common::users::PASSWORD;

/// What a browser says of a form of the page itself.
pub const OURS: (&str, &str) = ("sec-fetch-site", "same-origin");
/// Where who is not signed in is led.
pub const SIGN_IN: &str = "/account/sign-in";

/// An app with pages.
pub fn with_pages(backend: Backend) -> AppOptions {
    AppOptions::on(backend).set("hosted_pages", "true")
}

/// Sends a form.
pub async fn post(app: &TestApp, path: &str, form: &[(&str, &str)], header: Option<(&str, &str)>) -> Answer {
    app.send_form(path, form, header.as_slice()).await
}

/// Sends a form with a cookie, as our pages do.
pub async fn act(app: &TestApp, path: &str, form: &[(&str, &str)], cookie: &str) -> Answer {
    app.send_form(path, form, &[OURS, ("cookie", cookie)]).await
}

/// Opens a page with a cookie.
pub async fn open(app: &TestApp, path: &str, cookie: &str) -> Answer {
    Answer::to(http::client().get(app.api_url() + path).header("cookie", cookie)).await.unwrap()
}

/// The page that a form which has worked leads to: its own, which says so.
pub async fn done(app: &TestApp, answer: &Answer) -> Answer {
    let way = answer.header("location");
    assert!(answer.status == 303 && way.contains("?done"), "{answer:?}");
    let page = Answer::to(http::client().get(app.api_url() + way)).await.unwrap();
    assert_page(&page, 200);
    page
}

/// A try to sign in on the page.
pub async fn sign_in(app: &TestApp, email: &str, password: &str) -> Answer {
    post(app, SIGN_IN, &[("email", email), ("password", password)], Some(OURS)).await
}

/// Signs a user in on the page; what the browser keeps.
pub async fn cookie_of(app: &TestApp, email: &str) -> String {
    let answer = sign_in(app, email, PASSWORD).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/account/"), "{}", answer.text());
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

/// What of a cookie is secret.
pub fn secret_of(cookie: &str) -> &str {
    cookie.split_once('=').unwrap().1
}

/// Fails unless the answer leads to where one signs in, and is told that one is not signed in any more.
pub fn assert_led_to_sign_in(answer: &Answer) {
    assert_eq!((answer.status, answer.header("location")), (303, "/account/sign-in?news=session-ended"), "{answer:?}");
}

/// Fails unless it is a page with this status, as all pages are.
pub fn assert_page(answer: &Answer, status: u16) {
    assert_eq!((answer.status, answer.header("content-type")), (status, "text/html; charset=utf-8"), "{answer:?}");
    assert_eq!((answer.header("referrer-policy"), answer.header("cache-control")), ("no-referrer", "no-store"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
}

/// Fails where any of these is in what the app has said, in logs or in metrics.
pub async fn assert_never_told(app: &TestApp, secrets: &[&str]) {
    let (output, metrics) = (app.output(), app.metrics_text().await);
    for secret in secrets {
        assert!(!output.contains(secret) && !metrics.contains(secret), "a secret is told");
    }
}

/// How many sessions a user has, as the API tells.
pub async fn sessions_of(app: &TestApp, access: &str) -> Vec<Value> {
    let sessions = app.call("GET", "/auth/sessions", access).await.json();
    sessions["sessions"].as_array().unwrap().clone()
}
