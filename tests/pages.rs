//! The pages for users, from the mail in a real SMTP conversation to what a browser shows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

#[path = "pages/account.rs"]
mod account;
mod common;
#[path = "pages/journey.rs"]
mod journey;
#[path = "pages/languages.rs"]
mod languages;
#[path = "pages/links.rs"]
mod links;
#[path = "pages/own_data.rs"]
mod own_data;
#[path = "pages/refused.rs"]
mod refused;
#[path = "pages/sign_in.rs"]
mod sign_in;
#[path = "pages/sign_up.rs"]
mod sign_up;
#[path = "pages/templates.rs"]
mod templates;
#[path = "pages/twice.rs"]
mod twice;
#[path = "pages/visit.rs"]
mod visit;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use common::app::{AppOptions, TestApp, fresh_email};
use common::database::Backend;
use common::http::Answer;
use common::programs::program;
use common::scrape::metric;
use common::smtp::{Behaviour, SmtpSink};
use common::users::PASSWORD;
use serde_json::{Value, json};
use visit::post;

/// Another good password.
const NEW: &str = "three otters in a bathtub";
/// Where emails lead: the address of the app is known only later.
const LINKS: &str = "https://example.com/account";

async fn app_and_sink(backend: Backend) -> (TestApp, SmtpSink) {
    let sink = SmtpSink::start(Behaviour::Normal).await;
    let options =
        AppOptions::on(backend).set_all(sink.settings()).set("hosted_pages", "true").set("mail_links_url", LINKS);
    (TestApp::spawn(options.set("outbox_poll_interval", "100ms")).await, sink)
}

/// The link of the next email to this address with a subject like this.
async fn link_in_mail(app: &TestApp, sink: &SmtpSink, email: &str, subject: &str) -> String {
    let [text, _] = sink.mail_to(email, subject, 0).await.parts();
    let link = text.lines().map(str::trim).find(|line| line.starts_with(LINKS)).unwrap().to_owned();
    link.replace("https://example.com", &app.api_url())
}

/// What a browser shows after each of these steps.
async fn drive(steps: Value) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages");
    let driving = move || {
        let mut command = Command::new(program("node"));
        command.arg("drive.mjs").arg(program("chromium")).current_dir(folder);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(steps.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        serde_json::from_slice(&output.stdout).unwrap()
    };
    tokio::task::spawn_blocking(driving).await.unwrap()
}

fn assert_says(seen: &Value, words: &str) {
    assert!(seen["text"].as_str().unwrap().contains(words), "{words} is missing in {seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_verifies_an_address_and_a_scanner_does_not() {
    let (app, sink) = app_and_sink(Backend::Sqlite).await;
    let email = fresh_email();
    assert_eq!(app.register(&email).await.status, 201);
    let link = link_in_mail(&app, &sink, &email, "Welcome").await;
    for _ in 0..3 {
        let page = Answer::to(app.client.get(&link)).await.unwrap();
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
        assert_eq!((page.header("referrer-policy"), page.header("cache-control")), ("no-referrer", "no-store"));
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    }
    assert_eq!(app.login(&email, PASSWORD).await.json()["user"]["email_verified_at"], Value::Null);

    let seen = drive(json!([{ "goto": link }, { "press": "button" }, { "goto": link }, { "press": "button" }])).await;
    assert_says(&seen[0], "Verify your address");
    assert_eq!(seen[0]["width"], "416px", "the style is applied");
    assert_says(&seen[1], "Your address is verified.");
    assert_says(&seen[3], "Your address is verified.");
    assert!(app.login(&email, PASSWORD).await.json()["user"]["email_verified_at"].is_string());
    let code = link.split_once("code=").unwrap().1;
    assert!(!app.output().contains(code), "no code is logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_replaces_a_forgotten_password() {
    let (app, sink) = app_and_sink(Backend::Postgres).await;
    let email = fresh_email();
    assert_eq!(app.register(&email).await.status, 201);
    let forgotten = format!("{}/account/forgot-password", app.api_url());
    let asked = drive(json!([{ "goto": forgotten }, { "fill": { "email": email }, "press": "button" }])).await;
    assert_says(&asked[1], &format!("If there is an account with {email}, an email is on its way."));
    assert!(!asked[1]["url"].as_str().unwrap().contains("example.com"), "{}", asked[1]);
    let link = link_in_mail(&app, &sink, &email, "another password").await;
    let username = format!("autocomplete=\"username\" value=\"{email}\" readonly hidden");
    for _ in 0..3 {
        let page = Answer::to(app.client.get(&link)).await.unwrap();
        assert!(page.text().contains(&username) && page.text().contains("id=\"new_password\""), "{}", page.text());
    }
    let form = [("code", link.split_once("code=").unwrap().1), ("new_password", "short")];
    let short = post(&app, "/account/reset-password", &form, None).await;
    assert!(short.status == 422 && short.text().contains(&username), "{}", short.text());
    let seen = drive(json!([
        { "goto": link },
        { "fill": { "new_password": "short" }, "press": "button" },
        { "fill": { "new_password": NEW }, "press": "button" },
        { "goto": link },
        { "goto": format!("{}/account/reset-password?code=no-code-of-ours", app.api_url()) },
    ]))
    .await;
    assert_says(&seen[1], "It must have at least 15 characters");
    assert_says(&seen[2], "Your password is changed");
    assert_eq!(
        seen[2]["url"],
        format!("{}/account/reset-password?done", app.api_url()),
        "no code, no form to send again"
    );
    for useless in [3, 4] {
        assert_says(
            &seen[useless],
            "This link was used before, is too old, is not complete, or a later email has replaced it",
        );
        assert_says(&seen[useless], "Send another email");
        assert!(!seen[useless]["text"].as_str().unwrap().contains("New password"), "{}", seen[useless]);
    }
    assert_eq!(app.login(&email, NEW).await.status, 200);
    metric("neodyme_errors_total").label("error_type", "VALIDATION_FAILED").value(2.0).assert_in(&app).await;
    assert!(!app.output().contains(NEW), "no password is logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_on_the_page_and_counted_as_anywhere() {
    let (app, _sink) = app_and_sink(Backend::Sqlite).await;
    let code = [("code", "no-code-of-ours")];
    let refused = post(&app, "/account/verify-email?code=no-code-of-ours", &code, None).await;
    assert_eq!((refused.status, refused.header("content-type")), (422, "text/html; charset=utf-8"));
    assert!(refused.text().contains("This link was used before"), "{}", refused.text());
    assert!(refused.text().contains("href=\"sign-in\"") && !refused.text().contains("<form"), "{}", refused.text());
    let pasted = post(&app, "/account/verify-email", &code, None).await;
    assert!(pasted.status == 422 && pasted.text().contains("It is wrong, was used before"), "{}", pasted.text());
    metric("neodyme_http_requests_total")
        .label("route", "/account/{page}")
        .label("code", 422)
        .value(2.0)
        .assert_in(&app)
        .await;
    metric("neodyme_errors_total").label("error_type", "VALIDATION_FAILED").value(2.0).assert_in(&app).await;

    for elsewhere in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let foreign = post(&app, "/account/verify-email", &code, Some(elsewhere)).await;
        assert!(foreign.status == 403 && foreign.text().contains("Another site sent this form"), "{}", foreign.text());
    }
    let unknown = post(
        &app,
        "/account/verify-email",
        &[("code", "<b>\"&'"), ("x", "y")],
        Some(("sec-fetch-site", "same-origin")),
    )
    .await;
    assert_eq!(unknown.status, 422);
    let json = app.request("POST", "/account/verify-email").json(&json!({ "code": "x" }));
    assert_eq!(Answer::to(json).await.unwrap().status, 415);
    let escaped =
        Answer::to(app.request("GET", "/account/reset-password?code=%3Cscript%3E%22&utm_source=x")).await.unwrap();
    assert!(escaped.status == 200 && !escaped.text().contains("<script>"), "{}", escaped.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_changed_and_restored_with_links_below_a_prefix_too() {
    let sink = SmtpSink::start(Behaviour::Normal).await;
    let options = AppOptions::on(Backend::Sqlite).set_all(sink.settings()).set("hosted_pages", "true");
    let app = TestApp::spawn(options.set("mail_links_url", LINKS).set("api_prefix", "/api/v1")).await;
    let (user, new) = (app.signed_in().await, fresh_email());
    let wanted = json!({ "new_email": new, "password": PASSWORD });
    let request = app.request("POST", "/auth/change-email/send").bearer_auth(&user.access).json(&wanted);
    assert_eq!(Answer::to(request).await.unwrap().status, 202);
    for (email, subject, done) in
        [(&new, "new address", "has this address from now on"), (&user.email, "was changed", "has its address again")]
    {
        let link = link_in_mail(&app, &sink, email, subject).await;
        let path = link.strip_prefix(&app.api_url()).unwrap();
        let code = path.split_once("code=").unwrap().1;
        let answer = post(&app, &format!("/api/v1{path}"), &[("code", code)], None).await;
        let page = visit::done(&app, &answer).await;
        assert!(page.text().contains(done), "{}", page.text());
    }
    assert_eq!(app.login(&user.email, PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_pages_unless_they_are_asked_for() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    Answer::to(app.request("GET", "/account/verify-email")).await.unwrap().assert_problem(404, "NOT_FOUND");
}
