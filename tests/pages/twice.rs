//! Forms that are sent twice: by a double tap, by loading the page after them anew, by going back.

use futures_util::future::join_all;
use serde_json::json;

use crate::common::app::{TestApp, fresh_email};
use crate::common::database::Backend;
use crate::common::http::Answer;
use crate::common::smtp::{Behaviour, SmtpSink};
use crate::common::users::PASSWORD;
use crate::visit::{OURS, assert_page, done, post, with_pages};
use crate::{LINKS, NEW, app_and_sink, assert_says, drive, link_in_mail, on_both_databases};

on_both_databases!(
    a_sign_up_that_is_sent_twice_registers_once,
    a_hidden_sign_up_that_is_sent_twice_tells_no_owner,
    a_link_that_is_used_twice_has_worked,
);

/// What the page brings so that its form works once.
async fn key_of_page(app: &TestApp) -> String {
    let page = app.get("/account/sign-up").await;
    let key = page.text().split("name=\"key\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    key.to_owned()
}

async fn sign_up(app: &TestApp, key: &str, email: &str, password: &str) -> Answer {
    let form = [("key", key), ("email", email), ("full_name", "Ada"), ("password", password)];
    post(app, "/account/sign-up", &form, Some(OURS)).await
}

async fn topics(app: &TestApp) -> Vec<String> {
    app.database.texts("SELECT topic AS text FROM outbox_jobs ORDER BY id").await
}

async fn a_sign_up_that_is_sent_twice_registers_once(backend: Backend) {
    let app = TestApp::spawn(with_pages(backend)).await;
    let (key, email) = (key_of_page(&app).await, fresh_email());
    assert_ne!(key, key_of_page(&app).await);
    let taps = join_all((0..3).map(|_| sign_up(&app, &key, &email, PASSWORD))).await;
    for tap in taps.iter().chain([&sign_up(&app, &key, &email, PASSWORD).await]) {
        done(&app, tap).await;
    }
    assert_eq!((app.database.emails().await.len(), topics(&app).await), (1, vec!["welcome_email".to_owned()]));

    let other_password = sign_up(&app, &key, &email, NEW).await;
    assert_page(&other_password, 422);
    assert!(other_password.text().contains("It is registered already."), "{}", other_password.text());
    let other_form = sign_up(&app, &key_of_page(&app).await, &email, PASSWORD).await;
    assert_page(&other_form, 409);
    assert!(other_form.text().contains("name=\"key\""), "{}", other_form.text());
    // Who goes back has mistyped the address, perhaps.
    done(&app, &sign_up(&app, &key, &fresh_email(), PASSWORD).await).await;
    assert_eq!(app.database.emails().await.len(), 2);
    for long in ["k".repeat(256), String::new()] {
        done(&app, &sign_up(&app, &long, &fresh_email(), PASSWORD).await).await;
    }
}

async fn a_hidden_sign_up_that_is_sent_twice_tells_no_owner(backend: Backend) {
    let sink = SmtpSink::start(Behaviour::Normal).await;
    let options = with_pages(backend).set_all(sink.settings()).set("mail_links_url", LINKS);
    let options = options.set("registration_conflict", "hide").set("require_verified_email", "true");
    let app = TestApp::spawn(options.set("outbox_poll_interval", "100ms")).await;
    let (key, email) = (key_of_page(&app).await, fresh_email());
    let taps = join_all((0..3).map(|_| sign_up(&app, &key, &email, PASSWORD))).await;
    for tap in
        taps.iter().chain([&sign_up(&app, &key, &email, PASSWORD).await, &sign_up(&app, &key, &email, NEW).await])
    {
        done(&app, tap).await;
    }
    let link = link_in_mail(&app, &sink, &email, "Welcome").await;
    use_thrice(&app, &link, &[]).await;
    assert_eq!(topics(&app).await, ["welcome_email"], "no owner is told");
    assert_eq!(app.login(&email, NEW).await.status, 401, "the first password counts");
    assert_eq!(app.login(&email, PASSWORD).await.status, 200);
    done(&app, &sign_up(&app, &key, &fresh_email(), PASSWORD).await).await;
    assert_eq!(topics(&app).await, ["welcome_email", "welcome_email"]);
    done(&app, &sign_up(&app, &key_of_page(&app).await, &email, PASSWORD).await).await;
    assert_eq!(topics(&app).await, ["welcome_email", "welcome_email", "account_email"]);
}

/// Sends the form of a link three times, twice of those at once.
async fn use_thrice(app: &TestApp, link: &str, form: &[(&str, &str)]) {
    let path = link.strip_prefix(&app.api_url()).unwrap();
    let mut form = form.to_vec();
    form.push(("code", path.split_once("code=").unwrap().1));
    let taps = join_all((0..2).map(|_| post(app, path, &form, None))).await;
    for tap in taps.iter().chain([&post(app, path, &form, None).await]) {
        done(app, tap).await;
    }
}

async fn a_link_that_is_used_twice_has_worked(backend: Backend) {
    let (app, sink) = app_and_sink(backend).await;
    let (user, new) = (app.signed_in().await, fresh_email());
    let welcome = link_in_mail(&app, &sink, &user.email, "Welcome").await;
    use_thrice(&app, &welcome, &[]).await;

    let wanted = json!({ "new_email": new, "password": PASSWORD });
    let request = app.request("POST", "/auth/change-email/send").bearer_auth(&user.access).json(&wanted);
    assert_eq!(Answer::to(request).await.unwrap().status, 202);
    use_thrice(&app, &link_in_mail(&app, &sink, &new, "new address").await, &[]).await;
    use_thrice(&app, &link_in_mail(&app, &sink, &user.email, "was changed").await, &[]).await;
    let old = welcome.strip_prefix(&app.api_url()).unwrap();
    let code = old.split_once("code=").unwrap().1;
    done(&app, &post(&app, old, &[("code", code)], None).await).await;

    post(&app, "/account/forgot-password", &[("email", &*user.email)], None).await;
    let reset = link_in_mail(&app, &sink, &user.email, "another password").await;
    use_thrice(&app, &reset, &[("new_password", NEW)]).await;
    let path = reset.strip_prefix(&app.api_url()).unwrap();
    let form = [("code", path.split_once("code=").unwrap().1), ("new_password", "four otters in a bathtub")];
    let other = post(&app, path, &form, None).await;
    assert_page(&other, 422);
    assert!(other.text().contains("This link was used before"), "{}", other.text());
    assert_eq!(app.login(&user.email, NEW).await.status, 200);
    let changes = app.audited().await.into_iter().filter(|did| did.starts_with("user.password_reset by")).count();
    assert_eq!(changes, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_double_tap_in_a_browser_signs_up_once_and_resets_once() {
    let (app, sink) = app_and_sink(Backend::Sqlite).await;
    let (email, url) = (fresh_email(), app.api_url() + "/account/");
    let filled = json!({ "email": email, "full_name": "Ada Lovelace", "password": PASSWORD });
    let seen = drive(json!([
        { "goto": format!("{url}sign-up"), "fill": filled, "press": "button", "twice": true },
        { "goto": format!("{url}forgot-password"), "fill": { "email": email }, "press": "button" },
    ]))
    .await;
    assert_says(&seen[0], &format!("We have sent an email to {email}."));
    let link = link_in_mail(&app, &sink, &email, "another password").await;
    let seen =
        drive(json!([{ "goto": link, "fill": { "new_password": NEW }, "press": "button", "twice": true }])).await;
    assert_says(&seen[0], "Your password is changed");
    assert_eq!(app.database.emails().await, [email]);
}
