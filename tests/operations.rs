//! The operations listener: who may ask, what it answers, and what changes there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;
#[path = "operations/pages.rs"]
mod pages;
#[path = "operations/scrapes.rs"]
mod scrapes;

use std::collections::BTreeSet;

use common::app::{AppOptions, TestApp, fresh_email};
use common::browser;
use common::database::Backend;
use common::eventually;
use common::http::Answer;
use common::scrape::metric;
use neodyme::operations;
use serde_json::{Value, json};

const TOKEN: &str = "canary-ops-token-0123456789";
/// What the operations listener serves: path, and methods as `Allow` names them.
const ENDPOINTS: [(&str, &str); 12] = [
    ("/", "GET, HEAD"),
    ("/metrics", "GET, HEAD"),
    ("/errors", "GET, HEAD"),
    ("/log-level", "GET, PUT, HEAD"),
    ("/config", "GET, HEAD"),
    ("/version", "GET, HEAD"),
    ("/health/", "GET, HEAD"),
    ("/health/live", "GET, HEAD"),
    ("/health/ready", "GET, HEAD"),
    ("/health/detailed", "GET, HEAD"),
    ("/health/metrics", "GET, HEAD"),
    ("/runbooks/", "GET, HEAD"),
];

fn options() -> AppOptions {
    AppOptions::on(Backend::Sqlite)
}

async fn ask(app: &TestApp, method: &str, path: &str, authorization: Option<&str>) -> Answer {
    let request = app.client.request(method.parse().unwrap(), format!("{}{path}", app.ops_url()));
    let request = authorization.into_iter().fold(request, |request, value| request.header("authorization", value));
    Answer::to(request).await.unwrap()
}

async fn put_level(app: &TestApp, authorization: Option<&str>, body: &Value) -> Answer {
    let request = app.client.put(format!("{}/log-level", app.ops_url())).json(body);
    let request = authorization.into_iter().fold(request, |request, value| request.header("authorization", value));
    Answer::to(request).await.unwrap()
}

#[tokio::test]
async fn each_endpoint_serves_its_methods_and_names_them_otherwise() {
    let app = TestApp::spawn(options()).await;
    for (path, allow) in ENDPOINTS {
        for path in [path.to_owned(), format!("{}/", path.trim_end_matches('/'))] {
            assert_eq!(ask(&app, "GET", &path, None).await.status, 200, "{path}");
            let head = ask(&app, "HEAD", &path, None).await;
            assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
            for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
                if !allow.contains(method) {
                    let answer = ask(&app, method, &path, None).await;
                    answer.assert_problem(405, "METHOD_NOT_ALLOWED");
                    assert_eq!(answer.header("allow"), allow, "{method} {path}");
                }
            }
        }
    }
    for path in ["/users/", "/errors/x", "/error", "/log-level/x", "/log_level", "/config.json", "/version//"] {
        ask(&app, "GET", path, None).await.assert_problem(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn with_a_token_only_health_and_runbooks_are_open() {
    let app = TestApp::spawn(options().set("ops_token", TOKEN)).await;
    let right = format!("Bearer {TOKEN}");
    let longer = format!("Bearer {TOKEN}x");
    let (missing, invalid) = ("Bearer", "Bearer error=\"invalid_token\"");
    let wrong = [
        (None, missing),
        (Some("Bearer wrong"), invalid),
        (Some(longer.as_str()), invalid),
        (Some(TOKEN), missing),
        (Some("Basic Y2FuYXJ5"), missing),
        (Some("Bearer"), missing),
    ];
    for (path, _) in ENDPOINTS {
        for (authorization, challenge) in wrong {
            let answer = ask(&app, "GET", path, authorization).await;
            if (path.starts_with("/health/") && path != "/health/metrics") || path == "/runbooks/" {
                assert_eq!(answer.status, 200);
                continue;
            }
            answer.assert_problem(401, "UNAUTHORIZED");
            assert_eq!(answer.header("www-authenticate"), challenge, "{authorization:?}");
            assert_eq!(answer.text().contains("is not the one"), challenge == invalid, "{}", answer.text());
            assert_eq!(ask(&app, "HEAD", path, authorization).await.status, 401);
        }
        assert_eq!(ask(&app, "GET", path, Some(&right)).await.status, 200, "{path}");
    }
    let body = json!({"logger": "*", "level": "debug", "for": "1m"});
    for (authorization, _) in wrong {
        put_level(&app, authorization, &body).await.assert_problem(401, "UNAUTHORIZED");
    }
    assert_eq!(put_level(&app, Some(&right), &body).await.status, 200);
    // Clients of the API need none.
    assert_eq!(app.register(&fresh_email()).await.status, 201);

    let metrics = ask(&app, "GET", "/metrics", Some(&right)).await;
    assert!(metrics.text().contains("neodyme_errors_total{error_type=\"UNAUTHORIZED\",kind=\"expected\"} 90"));
    for said in [metrics.text(), &app.output(), ask(&app, "GET", "/config", Some(&right)).await.text()] {
        assert!(!said.contains("canary") && !said.contains("Y2FuYXJ5"), "{said}");
    }
}

#[tokio::test]
async fn without_a_token_nothing_can_be_changed() {
    let app = TestApp::spawn(options()).await;
    for authorization in [None, Some("Bearer "), Some("Bearer guessed-guessed-guessed")] {
        let answer = put_level(&app, authorization, &json!({"logger": "*", "level": "debug", "for": "1m"})).await;
        answer.assert_problem(403, "FORBIDDEN");
        assert!(answer.text().contains("NEODYME_OPS_TOKEN"), "{}", answer.text());
    }
    assert_eq!(level(&app, "neodyme.db").await["level"], "info");
    metric("neodyme_errors_total").label("error_type", "FORBIDDEN").value(3.0).assert_in(&app).await;
}

/// What `/log-level` says of a logger, asked with the token, which an app without one does not mind.
async fn level(app: &TestApp, logger: &str) -> Value {
    let answer = ask(app, "GET", "/log-level", Some(&format!("Bearer {TOKEN}"))).await.json();
    let loggers = answer["loggers"].as_array().unwrap();
    loggers.iter().find(|entry| entry["logger"] == logger).unwrap().clone()
}

#[tokio::test]
async fn a_level_is_changed_for_a_while_and_falls_back() {
    let app = TestApp::spawn(options().set("ops_token", TOKEN)).await;
    let right = format!("Bearer {TOKEN}");
    let before = level(&app, "neodyme.requests").await;
    assert_eq!(before, json!({"logger": "neodyme.requests", "level": "info", "configured": "info", "until": null}));

    let change = json!({"logger": "neodyme.requests", "level": "warning", "for": "3s"});
    let answer = put_level(&app, Some(&right), &change).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let silent = app.register(&fresh_email()).await;
    let changed = level(&app, "neodyme.requests").await;
    assert_eq!((&changed["level"], &changed["configured"]), (&json!("warning"), &json!("info")));
    assert!(changed["until"].as_str().unwrap().ends_with('Z'));
    assert_eq!(level(&app, "neodyme.db").await["level"], "info", "the others are as they were");
    let audited = app.wait_for_log("the change", |line| line["message"] == "Log level changed").await;
    assert_eq!(audited["context"]["client_ip"], "127.0.0.1");
    assert_eq!(audited["context"]["logger"], "neodyme.requests");
    assert_eq!((&audited["context"]["level"], &audited["context"]["for"]), (&json!("warning"), &json!("3s")));
    assert_eq!(audited["request_id"], answer.header("x-request-id"));

    app.wait_for_log("the end of the change", |line| line["message"] == "Log level fell back").await;
    assert_eq!(level(&app, "neodyme.requests").await, before);
    let told = app.register(&fresh_email()).await;
    app.wait_for_request_log("Request completed", told.header("x-request-id")).await;
    let of_silent =
        |line: &Value| line["logger"] == "neodyme.requests" && line["request_id"] == silent.header("x-request-id");
    assert!(!app.logs().iter().any(of_silent), "meanwhile it was silent");
}

#[tokio::test]
async fn a_bad_change_of_levels_is_refused() {
    let app = TestApp::spawn(options().set("ops_token", TOKEN)).await;
    let right = format!("Bearer {TOKEN}");
    for body in [
        json!({"logger": "neodyme.nothing", "level": "debug", "for": "1m"}),
        json!({"logger": "*", "level": "loud", "for": "1m"}),
        json!({"logger": "*", "level": "debug", "for": "61m"}),
        json!({"logger": "*", "level": "debug"}),
        json!([]),
    ] {
        put_level(&app, Some(&right), &body).await.assert_problem(422, "VALIDATION_FAILED");
    }
    let request = app.client.put(format!("{}/log-level", app.ops_url())).header("authorization", &right);
    let broken = request.header("content-type", "application/json").body("{");
    Answer::to(broken).await.unwrap().assert_problem(400, "MALFORMED_JSON");
    assert_eq!(level(&app, "neodyme.db").await["until"], Value::Null);
}

#[tokio::test]
async fn the_settings_are_shown_without_their_secrets() {
    let app = TestApp::spawn(
        options()
            .set("error_user_hash_key", "canary-canary-canary")
            .set("smtp_username", "mailer")
            .set("smtp_password", "canary-canary-canary")
            .set("http_max_body_bytes", 4096),
    )
    .await;
    let answer = app.get_ops("/config").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    assert!(!answer.text().contains("canary"), "{}", answer.text());
    let shown = answer.json();
    let setting = |name: &str| {
        let settings = shown["settings"].as_array().unwrap();
        settings.iter().find(|entry| entry["setting"] == name).unwrap_or_else(|| panic!("no {name}")).clone()
    };
    let source = "NEODYME_HTTP_MAX_BODY_BYTES";
    let expected = json!({"setting": "http_max_body_bytes", "value": "4096", "source": source});
    assert_eq!(setting("http_max_body_bytes"), expected);
    assert_eq!(setting("smtp_password")["value"], "***");
    assert_eq!(setting("ops_token"), json!({"setting": "ops_token", "value": "", "source": "default"}));
    assert_eq!(shown["settings"].as_array().unwrap().len(), neodyme::config::SETTINGS.len());
}

#[tokio::test]
async fn the_version_is_what_was_built() {
    let app = TestApp::spawn(options()).await;
    let version = app.get_ops("/version").await.json();
    assert_eq!((&version["name"], &version["version"]), (&json!("neodyme"), &json!(env!("CARGO_PKG_VERSION"))));
    assert!(version["revision"].is_string() && version["rustc"].as_str().unwrap().starts_with("1."), "{version}");
}

#[tokio::test]
async fn the_kernel_of_password_hashes_is_shown() {
    let app = TestApp::spawn(options()).await;
    let kernel = argon2id::Kernel::best().name().as_str();
    assert_eq!(app.get_ops("/version").await.json()["password_hash_kernel"], kernel);
    metric("neodyme_password_hash_kernel").label("kernel", kernel).value(1.0).assert_in(&app).await;
    metric("neodyme_password_hash_kernel").value(1.0).assert_in(&app).await;
    let folder = tempfile::tempdir().unwrap();
    let check = String::from_utf8(options().run(&["check"], folder.path()).stdout).unwrap();
    assert!(check.contains(&format!("\npassword hashes: argon2id, kernel {kernel}\n")), "{check}");
}

/// The targets of a page's links.
fn links(page: &str) -> BTreeSet<String> {
    page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap().replace("&#x2f;", "/")).collect()
}

#[tokio::test]
async fn the_index_leads_to_every_endpoint_and_loads_nothing() {
    let app = TestApp::spawn(options()).await;
    let answer = app.get_ops("/").await;
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
    let page = answer.text();
    for loads in ["<script", "<link", "<img", "@import", "url(", "://"] {
        assert!(!page.contains(loads), "{loads}");
    }
    let served = operations::ops_routes();
    let served = served
        .endpoints()
        .iter()
        .filter(|line| line.method == http::Method::GET && line.path != "/" && !line.path.contains('{'));
    let served: BTreeSet<&str> = served.map(|line| line.path.trim_end_matches('/')).collect();
    let links = links(page);
    // What is wrong now leads to its runbook, and a machine that is busy with other tests may be slow.
    let links: BTreeSet<_> = links.into_iter().filter(|link| !link.starts_with("/runbooks/Neodyme")).collect();
    let linked: BTreeSet<&str> = links.iter().map(|link| link.trim_end_matches('/')).collect();
    assert_eq!(linked, served);
    for link in &links {
        assert_eq!(app.get_ops(link).await.status, 200, "{link}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_shows_the_state_and_the_errors() {
    let app = TestApp::spawn(options().set("health_slow_after", "1m")).await;
    let email = fresh_email();
    assert_eq!(app.register(&email).await.status, 201);
    let refused = app.register(&email).await;
    assert_eq!(refused.status, 409);
    let request_id = refused.header("x-request-id");
    eventually("the error is recorded", async || {
        app.get_ops("/errors?type=EMAIL_ALREADY_EXISTS").await.text().contains(request_id).then_some(())
    })
    .await;

    let (index, errors, all) =
        (app.ops_url() + "/", app.ops_url() + "/errors/?type=EMAIL_ALREADY_EXISTS", app.ops_url() + "/errors");
    let open = |url: String| tokio::task::spawn_blocking(move || browser::open(&url));
    let index = open(index).await.unwrap();
    let figures =
        ["number success", "number duplicate", "number expected"].map(|of| format!("<td class=\"{of}\">1</td>"));
    for shown in figures.iter().map(String::as_str).chain(["neodyme is <span class=\"good\">healthy</span>"]) {
        assert!(index.contains(shown), "{shown} in {index}");
    }
    let errors = open(errors).await.unwrap();
    assert!(errors.contains("EMAIL_ALREADY_EXISTS") && errors.contains(request_id), "{errors}");
    assert!(errors.contains("this email address is registered already"), "{errors}");
    assert!(!errors.contains("@example.com"), "{errors}");
    let all = open(all).await.unwrap();
    assert!(
        all.contains("<h2 class=\"mono\">EMAIL_ALREADY_EXISTS</h2>"),
        "a browser gets the page without the slash, too"
    );
}
