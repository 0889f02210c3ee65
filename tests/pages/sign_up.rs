//! Signing up: a registration as any other, on a page.

use crate::common::app::{AppOptions, TestApp, fresh_email};
use crate::common::database::Backend;
use crate::common::http::Answer;
use crate::common::scrape::{Matcher, metric};
use crate::common::users::PASSWORD;
use crate::on_both_databases;
use crate::visit::{self, OURS, assert_never_told, assert_page, post, with_pages};

const PATH: &str = "/account/sign-up";
/// A name that is no markup.
const NAME: &str = "<b>\"Ada\" & Co";

on_both_databases!(
    whoever_signs_up_is_registered_as_anybody,
    a_taken_address_is_told_to_its_owner_alone,
    who_signs_up_too_often_waits,
);

async fn sign_up(app: &TestApp, email: &str, password: &str) -> Answer {
    post(app, PATH, &[("email", email), ("full_name", NAME), ("password", password)], Some(OURS)).await
}

fn registrations(outcome: &str) -> Matcher {
    metric("neodyme_registrations_total").label("outcome", outcome)
}

async fn whoever_signs_up_is_registered_as_anybody(backend: Backend) {
    let app = TestApp::spawn(with_pages(backend).set("log_level", "trace")).await;
    let email = fresh_email();
    let short = sign_up(&app, &email, "otters").await;
    assert_page(&short, 422);
    assert!(short.text().contains("It must have at least 15 characters"), "{}", short.text());
    let kept = format!("value=\"{email}\"");
    assert!(short.text().contains(&kept) && short.text().contains("value=\"&lt;b&gt;&quot;Ada&quot; &amp; Co\""));
    assert!(!short.text().contains("otters") && !short.text().contains("<b>"), "{}", short.text());
    registrations("invalid").value(1.0).assert_in(&app).await;

    let done = sign_up(&app, &email, PASSWORD).await;
    let page = visit::done(&app, &done).await;
    assert!(page.text().contains(&format!("We have sent an email to <strong>{email}</strong>.")), "{}", page.text());
    assert!(page.text().contains("href=\"sign-in\"") && !page.text().contains("Do you have an account?"));
    registrations("success").value(1.0).assert_in(&app).await;
    let line = app.wait_for_request_log("User registration completed successfully", done.header("x-request-id")).await;
    assert!(line["user_id"].is_string(), "{line}");
    assert_eq!(app.audited().await, ["user.registered by anonymous"]);
    let again = post(&app, "/account/send-verification", &[("email", &*email)], None).await;
    assert!(visit::done(&app, &again).await.text().contains("that is not verified, an email is on its way."));
    let user = app.login(&email, PASSWORD).await.json()["user"].clone();
    assert_eq!(user["full_name"], NAME);

    let german = ("accept-language", "de-AT,en;q=0.5");
    let other = fresh_email();
    let form = [("email", &*other), ("full_name", "Ada"), ("password", PASSWORD)];
    assert_eq!(app.send_form(PATH, &form, &[OURS, german]).await.status, 303);
    assert_eq!(app.login(&other, PASSWORD).await.json()["user"]["locale"], "de", "as the browser says");

    let taken = sign_up(&app, &email, PASSWORD).await;
    assert_page(&taken, 409);
    assert!(taken.text().contains("It is registered already.") && taken.text().contains(&kept), "{}", taken.text());
    registrations("duplicate").value(1.0).assert_in(&app).await;
    assert_never_told(&app, &[PASSWORD, "otters"]).await;
}

fn hiding(options: AppOptions) -> AppOptions {
    options.set("registration_conflict", "hide").set("require_verified_email", "true")
}

async fn a_taken_address_is_told_to_its_owner_alone(backend: Backend) {
    let app = TestApp::spawn(hiding(with_pages(backend))).await;
    let email = fresh_email();
    let [new, taken] = [sign_up(&app, &email, PASSWORD).await, sign_up(&app, &email, PASSWORD).await];
    let said = |answer: &Answer| {
        let mut names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort();
        (answer.status, answer.text().to_owned(), names)
    };
    assert_eq!(said(&new), said(&taken));
    assert_eq!(new.header("location").len(), taken.header("location").len());
    assert_eq!(visit::done(&app, &new).await.text(), visit::done(&app, &taken).await.text());
    registrations("duplicate").value(1.0).assert_in(&app).await;
    let hashed = metric("neodyme_password_hash_duration_seconds_count").label("operation", "hash");
    hashed.value(2.0).assert_in(&app).await;
    let topics = app.database.texts("SELECT topic AS text FROM outbox_jobs ORDER BY id").await;
    assert_eq!(topics, ["welcome_email", "account_email"]);
}

async fn who_signs_up_too_often_waits(backend: Backend) {
    let options = with_pages(backend).set("registrations_per_client", 1).set("registrations_period", "1h");
    let app = TestApp::spawn(options).await;
    assert_eq!(sign_up(&app, &fresh_email(), PASSWORD).await.status, 303);
    let refused = sign_up(&app, &fresh_email(), PASSWORD).await;
    assert_page(&refused, 429);
    assert!(refused.text().contains("Too many registrations came from your connection. Try again in 1 hour."));
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 60);
    app.register(&fresh_email()).await.assert_problem(429, "RATE_LIMITED");
    registrations("rate_limited").value(2.0).assert_in(&app).await;
    assert_eq!(app.database.emails().await.len(), 1);
}

#[tokio::test]
async fn a_form_of_another_site_registers_nobody() {
    let app = TestApp::spawn(with_pages(Backend::Sqlite)).await;
    let email = fresh_email();
    let form = [("email", email.as_str()), ("full_name", "Ada"), ("password", PASSWORD)];
    for from in [None, Some(("sec-fetch-site", "cross-site")), Some(("origin", "https://evil.example"))] {
        let foreign = post(&app, PATH, &form, from).await;
        assert_page(&foreign, 403);
        assert!(foreign.text().contains("Another site sent this form"), "{}", foreign.text());
    }
    assert!(app.database.emails().await.is_empty());
    registrations("invalid").value(3.0).assert_in(&app).await;
    registrations("error").value(0.0).assert_in(&app).await;
}
