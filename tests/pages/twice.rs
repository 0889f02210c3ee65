//! Forms that are sent twice: by a double tap, by loading the page after them anew, by going back.

use futures_util::future::join_all;
use serde_json::json;

use crate::common::app::{TestApp, fresh_email};
use crate::common::database::Backend;
use crate::common::http::Answer;
use crate::common::smtp::{Behaviour, SmtpSink};
use crate::common::users::PASSWORD;
use crate::visit::{OURS, act, assert_page, cookie_of, done, post, sign_in, with_pages};
use crate::{LINKS, NEW, app_and_sink, assert_says, drive, link_in_mail, on_both_databases};

on_both_databases!(
    a_sign_up_that_is_sent_twice_registers_once,
    a_hidden_sign_up_that_is_sent_twice_tells_no_owner,
    a_link_that_is_used_twice_has_worked,
    a_link_that_another_one_replaced_has_not_worked,
    what_who_is_signed_in_sends_twice_works_once,
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
    // The code in it replaces one that was sent before.
    link_in_mail(&app, &sink, &user.email, "has its address again").await;
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

async fn a_link_that_another_one_replaced_has_not_worked(backend: Backend) {
    let (app, sink) = app_and_sink(backend).await;
    let user = app.signed_in().await;
    let ask = async || post(&app, "/account/forgot-password", &[("email", &*user.email)], None).await;
    ask().await;
    let first = link_in_mail(&app, &sink, &user.email, "another password").await;
    ask().await;
    sink.mail_to(&user.email, "another password", 1).await;
    let path = first.strip_prefix(&app.api_url()).unwrap();
    let form = [("code", path.split_once("code=").unwrap().1), ("new_password", PASSWORD)];
    let refused = post(&app, path, &form, None).await;
    assert_page(&refused, 422);
    assert!(refused.text().contains("This link was used before"), "{}", refused.text());
    assert_eq!(app.call("GET", "/auth/me", &user.access).await.status, 200, "no session has ended");
}

async fn what_who_is_signed_in_sends_twice_works_once(backend: Backend) {
    let app = TestApp::spawn(with_pages(backend)).await;
    let user = app.signed_in().await;
    let cookie = cookie_of(&app, &user.email).await;
    let form = [("current_password", PASSWORD), ("new_password", NEW)];
    let taps = join_all((0..2).map(|_| act(&app, "/account/change-password", &form, &cookie))).await;
    assert!(taps.iter().any(|tap| tap.header("location") == "/account/change-password?done"), "{taps:?}");
    for tap in &taps {
        assert!(tap.status == 303 && !tap.header("set-cookie").is_empty(), "{tap:?}");
    }
    assert_eq!(app.login(&user.email, NEW).await.status, 200);
    let ends = async |path: &str, form: &[(&str, &str)], news: &str| {
        let answer = sign_in(&app, &user.email, NEW).await;
        let cookie = answer.header("set-cookie").split(';').next().unwrap();
        let taps = join_all((0..2).map(|_| act(&app, path, form, cookie))).await;
        let led: Vec<_> = taps.iter().map(|tap| tap.header("location").to_owned()).collect();
        assert!(led.contains(&format!("/account/sign-in?news={news}")), "{led:?}");
        (led, act(&app, path, form, cookie).await.header("location").to_owned())
    };
    let (led, again) = ends("/account/sign-out", &[], "signed-out").await;
    assert_eq!((&led[0], &led[1]), (&again, &again), "{led:?}");
    ends("/account/delete-account", &[("password", NEW)], "deleted").await;
    assert_eq!(app.login(&user.email, NEW).await.status, 401);
}

#[tokio::test]
async fn what_was_done_before_is_not_said_of_what_is_sent_then() {
    let app = TestApp::spawn(with_pages(Backend::Sqlite)).await;
    let form = [("email", "ada@example.com"), ("password", PASSWORD)];
    for said in ["news=signed-out", "news=deleted", "done"] {
        let wrong = post(&app, &format!("/account/sign-in?{said}"), &form, Some(OURS)).await;
        assert_page(&wrong, 401);
        let text = wrong.text();
        assert!(
            text.contains("The email address or the password is wrong.") && !text.contains("role=\"status\""),
            "{text}"
        );
    }
    for form_only in ["sign-in", "sign-in?done"] {
        let page = app.get(&format!("/account/{form_only}")).await;
        assert!(page.text().contains("id=\"password\""), "{form_only}: {}", page.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_double_tap_in_a_browser_signs_up_once_and_resets_once() {
    let (app, sink) = app_and_sink(Backend::Sqlite).await;
    let (email, url) = (fresh_email(), app.api_url() + "/account/");
    let filled = json!({ "email": email, "full_name": "Ada Lovelace", "password": PASSWORD });
    let seen = drive(json!([
        { "goto": format!("{url}sign-up"), "fill": filled, "press": "form:not([action]) button", "twice": true },
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
