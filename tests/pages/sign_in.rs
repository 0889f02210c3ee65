//! Signing in on a page: as at the API, and the browser keeps a cookie.

use serde_json::{Value, json};

use crate::common::app::{TestApp, fresh_email};
use crate::common::database::Backend;
use crate::common::http::Answer;
use crate::common::scrape::{Matcher, metric};
use crate::common::users::PASSWORD;
use crate::visit::{
    OURS, SIGN_IN, assert_led_to_sign_in, assert_never_told, assert_page, cookie_of, open, post, secret_of,
    sessions_of, sign_in, with_pages,
};
use crate::{app_and_sink, assert_says, drive, link_in_mail, on_both_databases};

on_both_databases!(
    who_signs_in_gets_a_cookie_for_this_host_alone,
    a_wrong_password_is_told_on_the_page_and_the_next_one_waits,
    a_form_of_another_site_signs_nobody_in,
    who_signs_in_again_ends_the_session_of_the_cookie_so_far,
    who_is_not_verified_is_told_so,
    who_forgot_the_password_is_sent_an_email_after_a_click,
    a_cookie_opens_nothing_of_the_api_and_a_token_no_page,
);

fn sign_ins(outcome: &str) -> Matcher {
    metric("neodyme_sign_ins_total").label("outcome", outcome)
}

async fn who_signs_in_gets_a_cookie_for_this_host_alone(backend: Backend) {
    let app = TestApp::spawn(with_pages(backend).set("log_level", "trace")).await;
    let user = app.signed_in().await;
    let answer = sign_in(&app, &user.email.to_uppercase(), PASSWORD).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/account/"));
    let (cookie, attributes) = answer.header("set-cookie").split_once("; ").unwrap();
    assert!(cookie.starts_with("__Host-") && secret_of(cookie).len() == 43, "{cookie}");
    let (age, rest): (Vec<&str>, Vec<&str>) = attributes.split("; ").partition(|part| part.starts_with("Max-Age="));
    assert_eq!(rest, ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"]);
    let age: u32 = age[0].trim_start_matches("Max-Age=").parse().unwrap();
    assert!((2_591_900..=2_592_000).contains(&age), "30 days: {age}");

    sign_ins("success").value(2.0).assert_in(&app).await;
    assert_eq!(app.audited().await.last().unwrap(), &format!("user.signed_in by {}", user.id));
    let sessions = sessions_of(&app, &user.access).await;
    assert_eq!((sessions.len(), &sessions[1]["is_current"]), (2, &Value::Bool(true)), "{sessions:?}");
    assert_eq!(app.database.count("refresh_tokens").await, 1, "the cookie is none");
    app.wait_for_request_log("User signed in", answer.header("x-request-id")).await;
    assert_eq!(open(&app, "/account/", cookie).await.status, 200);
    assert_never_told(&app, &[secret_of(cookie), PASSWORD]).await;
    let hash = match backend {
        Backend::Sqlite => "SELECT lower(hex(cookie_hash)) AS text FROM sessions WHERE cookie_hash IS NOT NULL",
        Backend::Postgres => "SELECT encode(cookie_hash, 'hex') AS text FROM sessions WHERE cookie_hash IS NOT NULL",
    };
    let expected = neodyme::sealing::hash(secret_of(cookie).as_bytes()).map(|byte| format!("{byte:02x}")).concat();
    assert_eq!(app.database.texts(hash).await, [expected], "only its hash is stored");
}

async fn a_wrong_password_is_told_on_the_page_and_the_next_one_waits(backend: Backend) {
    let app = TestApp::spawn(with_pages(backend).set("login_free_failures", 1)).await;
    let email = fresh_email();
    assert_eq!(app.register(&email).await.status, 201);
    let wrong = sign_in(&app, &email, "wrong horse battery").await;
    assert_page(&wrong, 401);
    assert!(wrong.text().contains("The email address or the password is wrong."), "{}", wrong.text());
    assert!(wrong.text().contains(&format!("value=\"{email}\"")) && !wrong.text().contains("wrong horse"));
    assert!(!wrong.headers.contains_key("set-cookie"));
    sign_ins("wrong").value(1.0).assert_in(&app).await;
    metric("neodyme_errors_total").label("error_type", "INVALID_CREDENTIALS").value(1.0).assert_in(&app).await;
    // However slow this machine is, the wait is not over.
    app.database.set_back("login_failures", "last_failed_at", -3600).await;
    let delayed = sign_in(&app, &email, PASSWORD).await;
    assert_page(&delayed, 429);
    assert_eq!(delayed.header("retry-after"), "1");
    assert!(!delayed.headers.contains_key("set-cookie"));
    assert!(
        delayed.text().contains("Wrong passwords were entered for this email address. Try again in 1 second."),
        "{}",
        delayed.text()
    );
    assert_eq!(app.database.count("sessions").await, 0);
    let empty = sign_in(&app, "ada", "").await;
    assert_page(&empty, 422);
    assert!(empty.text().contains("id=\"email-fault\"") && empty.text().contains("id=\"password-fault\""));
}

async fn a_form_of_another_site_signs_nobody_in(backend: Backend) {
    let app = TestApp::spawn(with_pages(backend)).await;
    let email = fresh_email();
    assert_eq!(app.register(&email).await.status, 201);
    let form = [("email", email.as_str()), ("password", PASSWORD)];
    for from in [
        None,
        Some(("sec-fetch-site", "same-site")),
        Some(("origin", "null")),
        Some(("origin", "https://evil.example")),
    ] {
        let foreign = post(&app, SIGN_IN, &form, from).await;
        assert_page(&foreign, 403);
        assert!(!foreign.headers.contains_key("set-cookie"), "{from:?}");
    }
    for from in ["same-origin", "none"] {
        let headers = [("sec-fetch-site", from), ("origin", "https://evil.example")];
        assert_page(&app.send_form(SIGN_IN, &form, &headers).await, 403);
    }
    assert_eq!(app.database.count("sessions").await, 0);
    let of_browsers = [OURS, ("origin", "null")];
    assert_eq!(app.send_form(SIGN_IN, &form, &of_browsers).await.status, 303, "our pages tell nobody where they are");
    let ours = post(&app, SIGN_IN, &form, Some(("origin", &app.api_url()))).await;
    assert_eq!(ours.status, 303, "a browser that says its origin alone");
}

async fn who_signs_in_again_ends_the_session_of_the_cookie_so_far(backend: Backend) {
    let app = TestApp::spawn(with_pages(backend).set("sessions_per_user", 2)).await;
    let [ada, bob] = [app.signed_in().await, app.signed_in().await];
    let first = cookie_of(&app, &ada.email).await;
    let sign_in_with = async |email: &str, password: &str, cookie: &str| {
        app.send_form(SIGN_IN, &[("email", email), ("password", password)], &[OURS, ("cookie", cookie)]).await
    };
    assert_page(&sign_in_with(&ada.email, "wrong horse battery", &first).await, 401);
    assert_eq!(open(&app, "/account/", &first).await.status, 200, "who signs nobody in ends nothing");
    let second = kept(&sign_in_with(&ada.email, PASSWORD, &first).await);
    assert_led_to_sign_in(&open(&app, "/account/", &first).await);
    assert_eq!(open(&app, "/account/", &second).await.status, 200);
    assert_eq!(app.call("GET", "/auth/me", &ada.access).await.status, 200, "it makes room, and displaces no other");
    let third = kept(&sign_in_with(&bob.email, PASSWORD, &second).await);
    assert_led_to_sign_in(&open(&app, "/account/", &second).await);
    assert_eq!(sessions_of(&app, &ada.access).await.len(), 1, "no session of hers opens that browser any more");
    assert_eq!(open(&app, "/account/", &third).await.status, 200);
    assert_eq!(app.call("GET", "/auth/me", &bob.access).await.status, 200);
    // One that has ended is nobody's.
    kept(&sign_in_with(&ada.email, PASSWORD, &second).await);
    let ended = metric("neodyme_sessions_ended_total").label("reason", "signed_out");
    ended.value(2.0).assert_in(&app).await;
    let out = format!("user.signed_out by {}", ada.id);
    assert_eq!(app.audited().await.iter().filter(|entry| **entry == out).count(), 2);
}

/// The cookie that a sign-in brings.
fn kept(answer: &Answer) -> String {
    assert_eq!((answer.status, answer.header("location")), (303, "/account/"), "{}", answer.text());
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

async fn who_is_not_verified_is_told_so(backend: Backend) {
    let app = TestApp::spawn(with_pages(backend).set("require_verified_email", "true")).await;
    let email = fresh_email();
    assert_eq!(app.register(&email).await.status, 201);
    let refused = sign_in(&app, &email, PASSWORD).await;
    assert_page(&refused, 403);
    assert!(refused.text().contains("not verified") && refused.text().contains("action=\"send-verification\""));
    sign_ins("unverified").value(1.0).assert_in(&app).await;
    let wrong = sign_in(&app, &email, "wrong horse battery").await;
    assert!(!wrong.text().contains("send-verification"), "{}", wrong.text());
}

async fn who_forgot_the_password_is_sent_an_email_after_a_click(backend: Backend) {
    let (app, sink) = app_and_sink(backend).await;
    let email = fresh_email();
    assert_eq!(app.register(&email).await.status, 201);
    let filled = json!({ "email": email, "password": "wrong horse battery" });
    let wrong = json!({ "goto": app.api_url() + SIGN_IN, "fill": filled, "press": "button" });
    let seen = drive(json!([wrong])).await;
    assert_says(&seen[0], &format!("We can send an email to {email} with which you choose another one."));
    assert_eq!(app.database.count("one_time_codes").await, 1, "that of the welcome");
    let seen = drive(json!([wrong, { "press": "form[action='forgot-password'] button" }])).await;
    assert_says(&seen[1], "an email is on its way");
    assert!(!seen[1]["url"].as_str().unwrap().contains(&email), "no address is in that of a page");
    link_in_mail(&app, &sink, &email, "another password").await;
}

async fn a_cookie_opens_nothing_of_the_api_and_a_token_no_page(backend: Backend) {
    let app = TestApp::spawn(with_pages(backend)).await;
    let user = app.signed_in().await;
    let cookie = cookie_of(&app, &user.email).await;
    let name = cookie.split('=').next().unwrap();
    app.call("GET", "/auth/me", secret_of(&cookie)).await.assert_problem(401, "UNAUTHORIZED");
    app.refresh(secret_of(&cookie)).await.assert_problem(401, "UNAUTHORIZED");
    for path in ["/auth/me", "/auth/sessions"] {
        open(&app, path, &cookie).await.assert_problem(401, "UNAUTHORIZED");
    }
    let mut led = vec![app.call("GET", "/account/", &user.access).await];
    for token in [&user.access, &user.refresh] {
        led.push(open(&app, "/account/", &format!("{name}={token}")).await);
    }
    for led in led {
        assert!(led.status == 303 && led.header("location").starts_with(SIGN_IN), "{led:?}");
    }
    assert_eq!(open(&app, "/account/", &format!("a=b; {cookie}; c=d")).await.status, 200);
    assert_eq!(app.refresh(&user.refresh).await.status, 200, "nothing was taken for a theft");
}

#[tokio::test]
async fn who_signs_in_too_often_waits_and_is_told_so_on_the_page() {
    let app = TestApp::spawn(with_pages(Backend::Sqlite).set("logins_per_client", 1).set("logins_period", "1h")).await;
    let email = fresh_email();
    assert_eq!(app.register(&email).await.status, 201);
    cookie_of(&app, &email).await;
    let refused = sign_in(&app, &email, PASSWORD).await;
    assert_page(&refused, 429);
    assert!(
        refused.text().contains("Too many sign-ins came from your connection. Try again in 1 hour."),
        "{}",
        refused.text()
    );
    app.login(&email, PASSWORD).await.assert_problem(429, "RATE_LIMITED");
}

#[tokio::test]
async fn below_a_prefix_people_are_led_on_below_it() {
    let app = TestApp::spawn(with_pages(Backend::Sqlite).set("api_prefix", "/api/v1")).await;
    let email = fresh_email();
    assert_eq!(app.register(&email).await.status, 201);
    let form = [("email", email.as_str()), ("password", PASSWORD)];
    let answer = post(&app, "/api/v1/account/sign-in", &form, Some(OURS)).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/api/v1/account/"));
    assert!(answer.header("set-cookie").contains("; Path=/;"), "{answer:?}");
    let cookie = answer.header("set-cookie").split(';').next().unwrap();
    let page = open(&app, "/api/v1/account", cookie).await;
    assert!(page.status == 200 && page.text().contains("action=\"account&#x2f;sign-out\""), "{}", page.text());
    let stranger = app.get("/api/v1/account/").await;
    assert_eq!((stranger.status, stranger.header("location")), (303, "/api/v1/account/sign-in"));
}
