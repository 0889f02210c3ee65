//! What is refused before a page is looked at is told by a page where people read it, and by a problem document where programs do.

use crate::common::app::{AppOptions, TestApp};
use crate::common::database::Backend;
use crate::common::http::Answer;
use crate::common::scrape::metric;
use crate::visit::{OURS, assert_page, post, with_pages};

#[tokio::test]
async fn who_asks_too_often_is_told_so_on_a_page() {
    let options = with_pages(Backend::Sqlite).set("http_requests_per_client", 1).set("http_requests_period", "1h");
    let app = TestApp::spawn(options).await;
    assert_eq!(app.get("/account/sign-in").await.status, 200);
    let refused = [app.get("/account/sign-in").await, app.get("/account/").await];
    let refused = refused.into_iter().chain([post(&app, "/account/sign-up", &[], Some(OURS)).await]);
    for refused in refused {
        assert_page(&refused, 429);
        assert!(
            refused.text().contains("Too many requests came from your connection. Try again in 1 hour."),
            "{}",
            refused.text()
        );
        assert!(refused.header("retry-after").parse::<u32>().unwrap() > 60);
    }
    app.get("/auth/me").await.assert_problem(429, "RATE_LIMITED");
}

#[tokio::test]
async fn who_wants_too_many_emails_is_told_so_on_the_page() {
    let app = TestApp::spawn(with_pages(Backend::Sqlite).set("code_emails_per_client", 1)).await;
    let form = [("email", "ada@example.com")];
    assert_eq!(post(&app, "/account/forgot-password", &form, None).await.status, 303);
    let refused = post(&app, "/account/forgot-password", &form, None).await;
    assert_page(&refused, 429);
    assert!(
        refused.text().contains("Too many emails with a code came from your connection. Try again in "),
        "{}",
        refused.text()
    );
    let counted = metric("neodyme_http_requests_total").label("route", "/account/{page}").label("code", 429);
    counted.value(1.0).assert_in(&app).await;
}

#[tokio::test]
async fn a_form_of_another_site_uses_up_nothing_of_its_client() {
    let limits = ["logins_per_client", "registrations_per_client", "code_emails_per_client"].map(|key| (key, 1));
    let app = TestApp::spawn(with_pages(Backend::Sqlite).set_all(limits)).await;
    let email = crate::common::app::fresh_email();
    let form = [("email", email.as_str()), ("password", crate::PASSWORD), ("full_name", "Ada")];
    let pages = [
        ("/account/sign-up", &form[..], 303),
        ("/account/sign-in", &form[..2], 303),
        ("/account/forgot-password", &form[..1], 303),
    ];
    for foreign in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        for (path, form, _) in pages {
            let refused = post(&app, path, form, Some(foreign)).await;
            assert_page(&refused, 403);
            assert!(!refused.headers.contains_key("ratelimit"), "{refused:?}");
        }
    }
    let counted = metric("neodyme_http_requests_total").label("route", "/account/{page}").label("code", 403);
    counted.value(6.0).assert_in(&app).await;
    for (path, form, status) in pages {
        assert_eq!(post(&app, path, form, Some(OURS)).await.status, status, "{path}");
        assert_page(&post(&app, path, form, Some(OURS)).await, 429);
    }
}

#[tokio::test]
async fn a_form_of_another_site_counts_as_a_request() {
    let options = with_pages(Backend::Sqlite).set("http_requests_per_client", 2).set("http_requests_period", "1h");
    let app = TestApp::spawn(options).await;
    for status in [403, 403, 429] {
        assert_page(&post(&app, "/account/sign-in", &[], Some(("sec-fetch-site", "cross-site"))).await, status);
    }
}

#[tokio::test]
async fn a_form_that_is_no_text_is_refused_and_not_mended() {
    let app = TestApp::spawn(with_pages(Backend::Sqlite)).await;
    let email = crate::common::app::fresh_email();
    let send = async |path: &str, password: &str| {
        let name = if path == "/account/sign-up" { "&full_name=Ada" } else { "" };
        let body = format!("email={email}&password={password}{name}");
        let request = app.request("POST", path).header(OURS.0, OURS.1).body(body);
        Answer::to(request.header("content-type", "application/x-www-form-urlencoded")).await.unwrap()
    };
    let refused = send("/account/sign-up", "correct+horse+battery+%FF").await;
    assert_page(&refused, 400);
    assert!(refused.text().contains("This is not what the form on this page sends"), "{}", refused.text());
    assert_eq!(app.database.count("users").await, 0);
    assert_eq!(send("/account/sign-up", "correct+horse+battery+%EF%BF%BD").await.status, 303);
    for (password, status) in [("correct+horse+battery+%FE", 400), ("correct+horse+battery+%EF%BF%BD", 303)] {
        assert_eq!(send("/account/sign-in", password).await.status, status, "{password}");
    }
    metric("neodyme_errors_total").label("error_type", "MALFORMED_REQUEST").value(2.0).assert_in(&app).await;
}

#[tokio::test]
async fn a_method_that_a_page_does_not_serve_is_told_on_a_page() {
    let app = TestApp::spawn(with_pages(Backend::Sqlite)).await;
    let refused = app.get("/account/sign-out").await;
    assert_page(&refused, 405);
    assert_eq!(refused.header("allow"), "POST");
    assert!(
        refused.text().contains("href=\"./\"") || refused.text().contains("href=\".&#x2f;\""),
        "{}",
        refused.text()
    );
}

#[tokio::test]
async fn what_is_not_there_is_told_on_a_page_where_people_may_look_for_it() {
    let app = TestApp::spawn(with_pages(Backend::Sqlite).set("api_prefix", "/api/v1")).await;
    let ask = async |app: &TestApp, method: &str, path: &str, accept: &str| {
        let request = app.request(method, path).header("accept", accept).header("accept-language", "de");
        Answer::to(request).await.unwrap()
    };
    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for (method, path, status, words, way) in [
        ("GET", "/account/nothing", 404, "Diese Seite gibt es nicht.", "./"),
        ("POST", "/account/nothing/", 404, "Diese Seite gibt es nicht.", "./../"),
        ("GET", "/api/v1/account/sign-in/nothing", 404, "Diese Seite gibt es nicht.", "./../"),
        ("PUT", "/account/sign-in", 405, "Diese Seite lässt sich so nicht öffnen.", ""),
    ] {
        let refused = ask(&app, method, path, BROWSER).await;
        assert_page(&refused, status);
        assert_eq!(refused.header("content-language"), "de");
        let text = refused.text().replace("&#x2f;", "/");
        assert!(text.contains(words) && text.contains(&format!("href=\"{way}\"")), "{path}: {text}");
    }
    assert_page(&ask(&app, "GET", "/account/nothing", "*/*").await, 404);
    ask(&app, "GET", "/account/nothing", "application/json").await.assert_problem(404, "NOT_FOUND");
    for path in ["/nothing", "/users/nothing/here", "/account2/nothing", "/"] {
        ask(&app, "GET", path, BROWSER).await.assert_problem(404, "NOT_FOUND");
    }
    let counted = metric("neodyme_http_requests_total").label("route", "unmatched").label("code", 404);
    counted.value(9.0).assert_in(&app).await;
    let without = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    ask(&without, "GET", "/account/nothing", BROWSER).await.assert_problem(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_failure_of_the_service_is_told_on_a_page_without_its_causes() {
    let app = TestApp::spawn(with_pages(Backend::Sqlite)).await;
    let email = crate::common::app::fresh_email();
    assert_eq!(app.register(&email).await.status, 201);
    let cookie = crate::visit::cookie_of(&app, &email).await;
    app.database.execute("ALTER TABLE sessions RENAME TO gone").await;
    let request = app.request("GET", "/account/").header("cookie", &cookie);
    let failed = Answer::to(request).await.unwrap();
    assert_page(&failed, 503);
    assert!(failed.text().contains("Nothing was lost on your side") && !failed.text().contains("sessions"));
    metric("neodyme_errors_total").label("error_type", "DATABASE_ERROR").at_least(1.0).assert_in(&app).await;
}
