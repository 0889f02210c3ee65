//! Every page and the emails as people see them who need contrast, labels, a phone, a zoom or the dark: axe finds
//! nothing to complain of, in Chromium.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use common::analytics::{self, AnalyticsService};
use common::app::{AppOptions, TestApp, fresh_email};
use common::database::Backend;
use common::eventually;
use common::http::Answer;
use common::programs::program;
use common::smtp::{self, SmtpSink};
use common::users::PASSWORD;
use neodyme::mail::MailKind;
use serde_json::json;

/// What the checker says of these pages, opened with this cookie.
async fn check(urls: Vec<String>, cookie: Option<&str>) -> Output {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/accessibility");
    assert!(folder.join("node_modules/axe-core").is_dir(), "axe is not installed: run `make deps`");
    let cookie: Vec<String> = cookie.into_iter().flat_map(|cookie| ["--cookie", cookie]).map(str::to_owned).collect();
    let checking = move || {
        let mut command = Command::new(program("node"));
        let command = command.arg("check.mjs").args(cookie).arg(program("chromium")).args(urls);
        command.current_dir(folder).output().unwrap()
    };
    tokio::task::spawn_blocking(checking).await.unwrap()
}

async fn assert_nothing_found(urls: Vec<String>) {
    assert_nothing_found_with(urls, None).await;
}

async fn assert_nothing_found_with(urls: Vec<String>, cookie: Option<&str>) {
    let checked = check(urls, cookie).await;
    let said = [checked.stdout, checked.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(checked.status.success(), "{}", said.concat());
}

/// The page that a browser gets, where there is one.
async fn page(app: &TestApp, path: &str) -> Option<String> {
    let answer = Answer::to(app.client.get(app.ops_url() + path).header("accept", "text/html")).await.unwrap();
    let is_page = answer.status == 200 && answer.header("content-type").starts_with("text/html");
    is_page.then(|| answer.text().replace("&#x2f;", "/"))
}

/// Every page that the index leads to, and those lead to; one query of a kind, one runbook and one document stand for the
/// others.
async fn pages(app: &TestApp) -> Vec<String> {
    let (mut open, mut seen, mut pages) = (vec!["/".to_owned()], BTreeSet::new(), Vec::new());
    while let Some(path) = open.pop() {
        let kind = path.split_once('=').map_or(path.as_str(), |(kind, _)| kind);
        let folders = ["/docs/runbooks/", "/docs/", "/runbooks/"];
        let of_many = |folder: &&&str| kind.strip_prefix(**folder).is_some_and(|name| !name.is_empty());
        let kind = folders.iter().find(of_many).map_or(kind.to_owned(), |folder| format!("{folder}NAME"));
        if !seen.insert(kind) {
            continue;
        }
        let Some(text) = page(app, &path).await else { continue };
        let links = text.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
        let links = links.filter(|link| link.starts_with('/')).map(|link| link.split('#').next().unwrap().to_owned());
        open.extend(links);
        pages.push(app.ops_url() + &path);
    }
    pages
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_can_be_read_by_everybody_in_a_faulty_hour() {
    let (sink, service) = (SmtpSink::start(smtp::Behaviour::Normal).await, AnalyticsService::start().await);
    let options =
        AppOptions::on(Backend::Sqlite).set_all(sink.settings()).set("analytics_base_url", service.base_url());
    let app = TestApp::spawn(options.set("outbox_poll_interval", "100ms")).await;
    sink.behave(smtp::Behaviour::RefuseDomain("gone.example".into()));
    service.behave(analytics::Behaviour::Status(500, None));
    for _ in 0..6 {
        assert_eq!(app.register(&fresh_email()).await.status, 201);
    }
    for status in [201, 409] {
        assert_eq!(app.register("ada@gone.example").await.status, status);
    }
    assert_eq!(app.post(&json!({})).await.status, 422);
    eventually("the faults are on the page", async || {
        let index = page(&app, "/").await.unwrap();
        let faults = ["NeodymeExternalServiceFailing", "NeodymeOutboxDeadLetters", "gone.example"];
        faults.iter().all(|fault| index.contains(fault)).then_some(())
    })
    .await;
    let pages = pages(&app).await;
    assert!(pages.len() >= 4, "the index, the errors, one type, one request: {pages:?}");
    assert_nothing_found(pages).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_can_be_read_by_everybody_when_all_is_well() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    assert_nothing_found(pages(&app).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_email_can_be_read_by_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let options =
        AppOptions::bare().set("support_address", "help@example.com").set("logo_url", "https://example.com/x");
    let options =
        options.set("product_url", "https://example.com").set("mail_links_url", "https://example.com/account");
    let write = |(kind, language): (&MailKind, &str)| {
        let arguments = ["email", "preview", kind.as_str(), "--language", language, "--format", "html"];
        let preview = options.run(&arguments, folder.path());
        assert!(preview.status.success());
        let email = folder.path().join(format!("{}.{language}.html", kind.as_str()));
        std::fs::write(&email, preview.stdout).unwrap();
        format!("file://{}", email.display())
    };
    let all = MailKind::ALL.iter().flat_map(|kind| ["en", "de"].map(|language| (kind, language)));
    assert_nothing_found(all.map(write).collect()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_for_users_can_be_read_by_everybody() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("hosted_pages", "true")).await;
    let pages = [
        "sign-up",
        "sign-in",
        "verify-email?code=x",
        "verify-email",
        "reset-password?code=x",
        "forgot-password",
        "undo-email-change",
        "sign-out",
    ];
    assert_nothing_found(pages.iter().map(|page| format!("{}/account/{page}", app.api_url())).collect()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_who_is_signed_in_can_be_read_by_everybody() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("hosted_pages", "true")).await;
    let user = app.signed_in().await;
    let form = [("email", user.email.as_str()), ("password", PASSWORD)];
    let signed_in = form_sent(&app, "sign-in", &form).await;
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap();
    let pages = ["", "change-password", "change-address", "change-name", "download-data", "delete-account"];
    let pages = pages.map(|page| format!("{}/account/{page}", app.api_url()));
    for page in &pages {
        let request = app.client.get(page).header("cookie", cookie);
        assert_eq!(Answer::to(request).await.unwrap().status, 200, "{page}");
    }
    assert_nothing_found_with(pages.into(), Some(cookie)).await;
    let (german, folder) = (("accept-language", "de"), tempfile::tempdir().unwrap());
    let headers = [("sec-fetch-site", "same-origin"), ("cookie", cookie), german];
    let wrong = [("new_email", "new@example.com"), ("password", "wrong horse battery")];
    let mut answers = Vec::new();
    for (page, form) in
        [("change-address", &wrong[..]), ("change-name", &[("full_name", " ")]), ("delete-account", &wrong[1..])]
    {
        answers.push(app.send_form(&format!("/account/{page}"), form, &headers).await);
        assert!(answers.last().unwrap().text().contains("role=\"alert\""), "{page}");
    }
    for page in ["?news=address", "sign-in?news=deleted", "delete-account", "download-data"] {
        let request = app.request("GET", &format!("/account/{page}"));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        answers.push(Answer::to(request).await.unwrap());
    }
    let file = |(n, answer): (usize, &Answer)| {
        let file = folder.path().join(format!("{n}.html"));
        std::fs::write(&file, answer.text()).unwrap();
        format!("file://{}", file.display())
    };
    assert_nothing_found(answers.iter().enumerate().map(file).collect()).await;
}

async fn form_sent(app: &TestApp, page: &str, form: &[(&str, &str)]) -> Answer {
    app.send_form(&format!("/account/{page}"), form, &[("sec-fetch-site", "same-origin")]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_form_is_answered_can_be_read_by_everybody() {
    let options = AppOptions::on(Backend::Sqlite).set("hosted_pages", "true").set("require_verified_email", "true");
    let (app, folder) = (TestApp::spawn(options).await, tempfile::tempdir().unwrap());
    let good = [("email", "ada@example.com"), ("full_name", "Ada"), ("password", PASSWORD)];
    let mut urls = Vec::new();
    let mut look = |answer: &Answer| {
        let file = folder.path().join(format!("{}.html", urls.len()));
        std::fs::write(&file, answer.text()).unwrap();
        urls.push(format!("file://{}", file.display()));
    };
    for page in
        ["sign-up", "sign-in", "verify-email", "reset-password?code=x", "sign-in?news=session-ended", "sign-out"]
    {
        let german = app.request("GET", &format!("/account/{page}")).header("accept-language", "de");
        look(&Answer::to(german).await.unwrap());
    }
    for (page, form, status) in [
        ("sign-up", &[("email", "x"), ("full_name", "Ada"), ("password", "short")][..], 422),
        ("sign-up", &good, 303),
        ("sign-up", &good, 409),
        ("sign-in", &[good[0], good[2]], 403),
        ("sign-in", &[good[0], ("password", "wrong horse battery")], 401),
        ("verify-email?code=x", &[("code", "x")], 422),
    ] {
        let answer = form_sent(&app, page, form).await;
        assert_eq!(answer.status, status, "{page}: {}", answer.text());
        match answer.status {
            303 => look(&app.get(answer.header("location")).await),
            _ => look(&answer),
        }
    }
    assert_nothing_found(urls).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.html");
    let text = "<!doctype html><html lang=\"en\"><meta name=\"viewport\" content=\"width=device-width\">\
                <title>Bad</title><main><h1>Bad</h1><p style=\"color: #bbb\">Pale</p>\
                <svg role=\"img\"></svg><pre>A line that is much too long for a phone, and does not break anywhere</pre></main>";
    std::fs::write(&bad, text).unwrap();
    let checked = check(vec![format!("file://{}", bad.display())], None).await;
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert_eq!(checked.status.code(), Some(1), "{said}");
    for finding in
        ["(light): color-contrast", "(phone): svg-img-alt", "(phone): 1", "pixels are to be scrolled sideways"]
    {
        assert!(said.contains(finding), "{finding} in {said}");
    }
}
