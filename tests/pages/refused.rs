//! What is refused before a page is looked at is told by a page where people read it, and by a problem document where programs do.

use crate::common::app::TestApp;
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
    assert_eq!(post(&app, "/account/forgot-password", &form, None).await.status, 200);
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
    app.get("/account/nothing").await.assert_problem(404, "NOT_FOUND");
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
