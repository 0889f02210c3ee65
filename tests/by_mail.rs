//! What users do with the codes that emails carry, from the mail in a real SMTP conversation: they show that an address is their
//! own, choose another password, change the address and take that back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

#[path = "by_mail/address.rs"]
mod address;
mod common;
#[path = "by_mail/hiding.rs"]
mod hiding;
#[path = "by_mail/unverified.rs"]
mod unverified;

use std::collections::BTreeMap;

use common::app::{AppOptions, TestApp, fresh_email};
use common::database::Backend;
use common::eventually;
use common::http::{self, Answer};
use common::scrape::{Matcher, metric};
use common::smtp::{Behaviour, Received, SmtpSink};
use common::users::PASSWORD;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Another good password.
const NEW: &str = "three otters in a bathtub";
/// How many characters a code has.
const CODE: usize = 43;

on_both_databases!(
    the_code_of_a_welcome_verifies_the_address,
    a_code_is_used_once_by_one_of_many,
    a_code_ends,
    who_is_not_verified_is_not_signed_in_where_that_is_asked_for,
    a_forgotten_password_is_replaced,
    whoever_asks_is_answered_the_same,
    of_many_emails_to_one_address_few_are_sent,
    who_is_erased_and_comes_back_is_sent_no_more,
    of_many_users_who_ask_at_once_few_have_an_address_written_to,
    what_was_asked_for_survives_a_crash_and_ends_with_the_user,
);

async fn app_and_sink(backend: Backend, more: impl FnOnce(AppOptions) -> AppOptions) -> (TestApp, SmtpSink) {
    let sink = SmtpSink::start(Behaviour::Normal).await;
    let options = AppOptions::on(backend).set_all(sink.settings()).set("outbox_poll_interval", "100ms");
    (TestApp::spawn(more(options)).await, sink)
}

async fn post(app: &TestApp, path: &str, body: Value) -> Answer {
    Answer::to(app.request("POST", path).json(&body)).await.unwrap()
}

/// The code that an email shows, the same in both parts.
fn code_in(mail: &Received) -> String {
    let [text, html] = mail.parts();
    let is_code =
        |line: &&str| line.len() == CODE && line.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    let code = text.lines().map(str::trim).find(is_code).unwrap_or_else(|| panic!("no code in {text}"));
    assert!(html.contains(&format!(">{code}<")), "{html}");
    code.to_owned()
}

/// The only fault of an answer is this code.
fn assert_code_refused(answer: &Answer) {
    answer.assert_problem(422, "VALIDATION_FAILED");
    let errors = answer.json()["errors"].clone();
    assert_eq!(
        (&errors[0]["field"], &errors[0]["code"], errors.as_array().unwrap().len()),
        (&json!("code"), &json!("invalid"), 1)
    );
}

fn codes(purpose: &'static str, event: &'static str) -> Matcher {
    metric("neodyme_email_codes_total").label("purpose", purpose).label("event", event)
}

async fn verified_at(app: &TestApp, email: &str, password: &str) -> Value {
    app.login(email, password).await.json()["user"]["email_verified_at"].clone()
}

async fn the_code_of_a_welcome_verifies_the_address(backend: Backend) {
    let (app, sink) = app_and_sink(backend, |options| options).await;
    let email = fresh_email();
    assert_eq!(app.register(&email).await.status, 201);
    let code = code_in(&sink.mail_to(&email, "Welcome", 0).await);
    assert_eq!(verified_at(&app, &email, PASSWORD).await, Value::Null);

    let verified = post(&app, "/auth/verify-email", json!({ "code": code })).await;
    assert_eq!((verified.status, verified.body.len()), (204, 0), "{}", verified.text());
    let user = app.sign_in(&email).await;
    let me = app.call("GET", "/auth/me", &user.access).await.json();
    assert!(me["email_verified_at"].is_string(), "{me}");
    assert_code_refused(&post(&app, "/auth/verify-email", json!({ "code": code })).await);

    let action = format!("user.verified by {}", user.id);
    assert_eq!(app.audited().await.iter().filter(|entry| **entry == action).count(), 1);
    let line = app.wait_for_request_log("User action: user_verified", verified.header("x-request-id")).await;
    assert_eq!(line["user_id"], json!(user.id));
    for (event, count) in [("asked", 0.0), ("issued", 1.0), ("used", 1.0), ("refused", 1.0), ("withheld", 0.0)] {
        codes("verify_email", event).value(count).assert_in(&app).await;
    }
    metric("neodyme_user_changes_total")
        .label("change", "verified")
        .label("by", "oneself")
        .value(1.0)
        .assert_in(&app)
        .await;
    // Whoever is verified needs no more, and is sent no more.
    assert_eq!(post(&app, "/auth/verify-email/send", json!({ "email": email })).await.status, 202);
    app.wait_for_log("it is withheld", |line| {
        line["message"] == "Code withheld" && line["context"]["why"] == "the address is verified"
    })
    .await;
    assert!(!app.output().contains(&code), "no code is logged");
    let kept = "SELECT CAST(payload AS text) AS text FROM outbox_jobs";
    eventually("no code is kept", async || {
        app.database
            .texts(kept)
            .await
            .iter()
            .all(|payload| payload == "{}" || payload.contains("withheld"))
            .then_some(())
    })
    .await;
}

async fn a_code_is_used_once_by_one_of_many(backend: Backend) {
    let (app, sink) = app_and_sink(backend, |options| options).await;
    let email = fresh_email();
    assert_eq!(app.register(&email).await.status, 201);
    sink.until_received(1).await;
    assert_eq!(post(&app, "/auth/reset-password/send", json!({ "email": email })).await.status, 202);
    let code = code_in(&sink.mail_to(&email, "another password", 0).await);
    let mut tries = JoinSet::new();
    for n in 0..8 {
        let body = json!({ "code": code, "new_password": format!("{NEW} {n}") });
        let request = http::client().post(format!("{}/auth/reset-password", app.api_url())).json(&body);
        tries.spawn(async move { (Answer::to(request).await.unwrap().status, n) });
    }
    let ended = tries.join_all().await;
    let mut statuses = BTreeMap::<u16, usize>::new();
    ended.iter().for_each(|(status, _)| *statuses.entry(*status).or_default() += 1);
    assert_eq!(statuses, BTreeMap::from([(204, 1), (422, 7)]));
    let (_, n) = ended.iter().find(|(status, _)| *status == 204).unwrap();
    assert_eq!(app.login(&email, &format!("{NEW} {n}")).await.status, 200);
}

async fn a_code_ends(backend: Backend) {
    let (app, sink) = app_and_sink(backend, |options| options).await;
    let email = fresh_email();
    assert_eq!(app.register(&email).await.status, 201);
    let welcome = code_in(&sink.mail_to(&email, "Welcome", 0).await);
    assert_eq!(post(&app, "/auth/reset-password/send", json!({ "email": email })).await.status, 202);
    let reset = code_in(&sink.mail_to(&email, "another password", 0).await);
    // A code is for one purpose.
    assert_code_refused(&post(&app, "/auth/verify-email", json!({ "code": reset })).await);
    for code in ["x", &"x".repeat(128), "no code of ours", &welcome] {
        assert_code_refused(&post(&app, "/auth/reset-password", json!({ "code": code, "new_password": NEW })).await);
    }
    // The password is held to the policy, and the code stays good for another one.
    let common = post(&app, "/auth/reset-password", json!({ "code": reset, "new_password": "passwordpassword" })).await;
    common.assert_problem(422, "VALIDATION_FAILED");
    assert_eq!(common.json()["errors"][0]["field"], "new_password");
    // The last one asked for counts.
    assert_eq!(post(&app, "/auth/reset-password/send", json!({ "email": email })).await.status, 202);
    let later = code_in(&sink.mail_to(&email, "another password", 1).await);
    assert_code_refused(&post(&app, "/auth/reset-password", json!({ "code": reset, "new_password": NEW })).await);
    app.database.set_back("one_time_codes", "expires_at", 24 * 3600 + 60).await;
    assert_code_refused(&post(&app, "/auth/reset-password", json!({ "code": later, "new_password": NEW })).await);
    assert_code_refused(&post(&app, "/auth/verify-email", json!({ "code": welcome })).await);
    assert_eq!(app.login(&email, PASSWORD).await.status, 200);
}

async fn who_is_not_verified_is_not_signed_in_where_that_is_asked_for(backend: Backend) {
    let (app, sink) = app_and_sink(backend, |options| options.set("require_verified_email", "true")).await;
    let email = fresh_email();
    assert_eq!(app.register(&email).await.status, 201);
    let first = code_in(&sink.mail_to(&email, "Welcome", 0).await);
    app.login(&email, "wrong horse battery").await.assert_problem(401, "INVALID_CREDENTIALS");
    app.login(&email, PASSWORD).await.assert_problem(403, "EMAIL_NOT_VERIFIED");
    assert_eq!(post(&app, "/auth/verify-email/send", json!({ "email": email.to_uppercase() })).await.status, 202);
    let second = code_in(&sink.mail_to(&email, "Verify your address", 0).await);
    // Either does: who finds the first email has shown as much.
    assert_ne!(first, second);
    assert_eq!(post(&app, "/auth/verify-email", json!({ "code": first })).await.status, 204);
    assert_code_refused(&post(&app, "/auth/verify-email", json!({ "code": second })).await);
    assert_eq!(app.login(&email, PASSWORD).await.status, 200);
    metric("neodyme_sign_ins_total").label("outcome", "unverified").value(1.0).assert_in(&app).await;
    let requested =
        app.audited().await.iter().filter(|entry| *entry == "user.verification_requested by anonymous").count();
    assert_eq!(requested, 1);
}

async fn a_forgotten_password_is_replaced(backend: Backend) {
    let settings = |options: AppOptions| options.set("login_free_failures", 1).set("login_max_failures", 1);
    let (app, sink) = app_and_sink(backend, settings).await;
    let user = app.signed_in().await;
    app.login(&user.email, "wrong horse battery").await.assert_problem(401, "INVALID_CREDENTIALS");
    app.login(&user.email, PASSWORD).await.assert_problem(403, "PASSWORD_LOCKED");
    let asked = post(&app, "/auth/reset-password/send", json!({ "email": user.email })).await;
    assert_eq!((asked.status, asked.body.len()), (202, 0), "{}", asked.text());
    let mail = sink.mail_to(&user.email, "another password", 0).await;
    assert_eq!(mail.header("X-Request-ID"), asked.header("x-request-id"));
    let reset = post(&app, "/auth/reset-password", json!({ "code": code_in(&mail), "new_password": NEW })).await;
    assert_eq!((reset.status, reset.body.len()), (204, 0), "{}", reset.text());

    app.refresh(&user.refresh).await.assert_problem(401, "UNAUTHORIZED");
    // It opens the password again, and shows that the address is the user's own.
    assert!(verified_at(&app, &user.email, NEW).await.is_string());
    app.login(&user.email, PASSWORD).await.assert_problem(401, "INVALID_CREDENTIALS");
    let [told, html] = sink.mail_to(&user.email, "was changed", 0).await.parts();
    for text in [told, html] {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            text.contains("signed out everywhere, and can sign in") && text.contains("as if you had forgotten it"),
            "{text}"
        );
    }
    let trail = app.audited().await;
    for action in
        ["user.password_reset_requested by anonymous".to_owned(), format!("user.password_reset by {}", user.id)]
    {
        assert_eq!(trail.iter().filter(|entry| **entry == action).count(), 1, "{action} in {trail:?}");
    }
    let asked_from = "SELECT client_ip AS text FROM audit_log WHERE action = 'user.password_reset_requested'";
    assert_eq!(app.database.texts(asked_from).await, ["127.0.0.1"]);
    assert!(![PASSWORD, NEW].iter().any(|secret| app.output().contains(secret)), "no secret is logged");
}

async fn whoever_asks_is_answered_the_same(backend: Backend) {
    let (app, sink) = app_and_sink(backend, |options| options.set("code_emails_per_client", 0)).await;
    let (known, inactive) = (app.signed_in().await, app.signed_in().await);
    sink.until_received(2).await;
    app.database.execute(&format!("UPDATE users SET is_active = false WHERE email = '{}'", inactive.email)).await;
    for path in ["/auth/reset-password/send", "/auth/verify-email/send"] {
        let mut answers = Vec::new();
        for email in [&known.email, &inactive.email, &fresh_email()] {
            let answer = post(&app, path, json!({ "email": email })).await;
            answers.push((answer.status, answer.body.len()));
        }
        assert_eq!(answers, [(202, 0); 3], "{path}");
    }
    sink.mail_to(&known.email, "another password", 0).await;
    sink.mail_to(&known.email, "Verify", 0).await;
    for purpose in ["reset_password", "verify_email"] {
        eventually("the others are withheld", async || {
            (codes(purpose, "withheld").read(&app).await == 2.0).then_some(())
        })
        .await;
        codes(purpose, "asked").value(3.0).assert_in(&app).await;
    }
    assert_eq!(sink.received().len(), 4, "two welcomes, and two for who there is");
    let said = "SELECT coalesce(payload ->> 'withheld', 'sent') AS text FROM outbox_jobs WHERE topic = 'account_email' ORDER BY 1";
    let expected = ["nobody has this address", "nobody has this address", "sent", "sent"];
    let expected = [&expected[..], &["the user is switched off"; 2]].concat();
    eventually("it is written down", async || (app.database.texts(said).await == expected).then_some(())).await;
    for (outcome, jobs) in [("delivered", 2.0), ("withheld", 4.0)] {
        let attempts = metric("neodyme_outbox_attempts_total").label("topic", "account_email");
        attempts.label("outcome", outcome).value(jobs).assert_in(&app).await;
    }
    // How long it took says nothing of an email that was for nobody.
    let latency = metric("neodyme_outbox_delivery_latency_seconds_count").label("topic", "account_email");
    latency.value(2.0).assert_in(&app).await;
}

async fn of_many_emails_to_one_address_few_are_sent(backend: Backend) {
    let settings = |options: AppOptions| options.set("code_emails_per_address", 2).set("code_emails_per_client", 5);
    let (app, sink) = app_and_sink(backend, settings).await;
    let email = fresh_email();
    assert_eq!(app.register(&email).await.status, 201);
    sink.until_received(1).await;
    for _ in 0..4 {
        assert_eq!(post(&app, "/auth/reset-password/send", json!({ "email": email })).await.status, 202);
    }
    eventually("two are withheld", async || {
        (codes("reset_password", "withheld").read(&app).await == 2.0).then_some(())
    })
    .await;
    assert_eq!(sink.received().len(), 3);
    // After an hour there may be more.
    app.database.set_back("one_time_codes", "created_at", 3700).await;
    app.database.set_back("code_emails", "sent_at", 3700).await;
    assert_eq!(post(&app, "/auth/reset-password/send", json!({ "email": email })).await.status, 202);
    sink.until_received(4).await;
    // And one client has no more than its share, whoever it asks for.
    post(&app, "/auth/reset-password/send", json!({ "email": fresh_email() }))
        .await
        .assert_problem(429, "RATE_LIMITED");
}

async fn who_is_erased_and_comes_back_is_sent_no_more(backend: Backend) {
    let settings = |options: AppOptions| options.set("code_emails_per_address", 2);
    let (app, sink) = app_and_sink(backend, settings).await;
    let (victim, throwaway) = (fresh_email(), fresh_email());
    let ask = async |access: &str| {
        let request = app.request("POST", "/auth/change-email/send").bearer_auth(access);
        let asked = Answer::to(request.json(&json!({ "new_email": victim, "password": PASSWORD }))).await.unwrap();
        assert_eq!(asked.status, 202, "{}", asked.text());
    };
    for round in 0..2 {
        assert_eq!(app.register(&throwaway).await.status, 201);
        sink.mail_to(&throwaway, "Welcome", round).await;
        let user = app.sign_in(&throwaway).await;
        for _ in 0..2 {
            ask(&user.access).await;
        }
        let event = if round == 0 { "issued" } else { "withheld" };
        eventually("both are looked at", async || (codes("change_email", event).read(&app).await == 2.0).then_some(()))
            .await;
        let erasure = app.request("DELETE", &format!("/users/{}", user.id)).bearer_auth(&user.access);
        assert_eq!(Answer::to(erasure.json(&json!({ "password": PASSWORD }))).await.unwrap().status, 204);
    }
    let sent = || sink.received().iter().filter(|mail| mail.to == victim).count();
    assert_eq!(sent(), 2);
    assert_eq!(app.register(&throwaway).await.status, 201);
    let withheld = codes("verify_email", "withheld");
    eventually("nor is a third welcome sent", async || (withheld.read(&app).await == 1.0).then_some(())).await;
    let kept = app.database.count("code_emails").await;
    assert!(kept >= 2, "{kept}");
    app.database.set_back("code_emails", "sent_at", 3700).await;
    let user = app.signed_in().await;
    ask(&user.access).await;
    eventually("an hour later there is one more", async || (sent() == 3).then_some(())).await;
}

async fn of_many_users_who_ask_at_once_few_have_an_address_written_to(backend: Backend) {
    let settings = |options: AppOptions| {
        let options = options.set("code_emails_per_address", 2).set("account_email_concurrency", 16);
        options.set("outbox_max_backoff", "500ms")
    };
    let (app, mut sink) = app_and_sink(backend, settings).await;
    let victim = fresh_email();
    let mut users = Vec::new();
    for _ in 0..16 {
        users.push(app.signed_in().await);
    }
    sink.until_received(16).await;
    // What all of them ask for waits for the mail server, and is tried at once when that is back.
    sink.go_down().await;
    assert_eq!(post(&app, "/auth/reset-password/send", json!({ "email": users[0].email })).await.status, 202);
    app.wait_for_log("nothing is tried for now", |line| line["message"] == "Circuit opened; deliveries paused").await;
    for user in &users {
        let request = app.request("POST", "/auth/change-email/send").bearer_auth(&user.access);
        let asked = Answer::to(request.json(&json!({ "new_email": victim, "password": PASSWORD }))).await.unwrap();
        assert_eq!(asked.status, 202, "{}", asked.text());
    }
    sink.come_back().await;
    eventually("the others are withheld", async || {
        (codes("change_email", "withheld").read(&app).await == 14.0).then_some(())
    })
    .await;
    codes("change_email", "issued").value(2.0).assert_in(&app).await;
}

async fn what_was_asked_for_survives_a_crash_and_ends_with_the_user(backend: Backend) {
    let (mut app, mut sink) =
        app_and_sink(backend, |options| options.set("account_email_lease", "1s").set("outbox_max_backoff", "500ms"))
            .await;
    let (user, gone) = (app.signed_in().await, app.signed_in().await);
    sink.until_received(2).await;
    sink.go_down().await;
    for email in [&user.email, &gone.email] {
        assert_eq!(post(&app, "/auth/reset-password/send", json!({ "email": email.to_uppercase() })).await.status, 202);
    }
    let erasure = app.request("DELETE", &format!("/users/{}", gone.id)).bearer_auth(&gone.access);
    assert_eq!(Answer::to(erasure.json(&json!({ "password": PASSWORD }))).await.unwrap().status, 204);
    let waiting = "SELECT CAST(payload AS text) AS text FROM outbox_jobs WHERE topic = 'account_email'";
    let payloads = app.database.texts(waiting).await;
    assert!(payloads.len() == 1 && payloads[0].contains(&user.email), "{payloads:?}");
    let export = app.call("GET", &format!("/users/{}/export", user.id), &user.access).await.json();
    let waiting = export["jobs"].as_array().unwrap().iter().find(|job| job["topic"] == "account_email").unwrap();
    assert_eq!((&waiting["payload"]["kind"], &waiting["payload"]["code"]), (&json!("reset_password"), &json!("…")));
    app.kill();
    sink.come_back().await;
    app.restart().await;
    let code = code_in(&sink.mail_to(&user.email, "another password", 0).await);
    assert_eq!(post(&app, "/auth/reset-password", json!({ "code": code, "new_password": NEW })).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_links_to_where_its_code_is_used() {
    let (app, sink) =
        app_and_sink(Backend::Sqlite, |options| options.set("mail_links_url", "https://example.com/account/")).await;
    let email = fresh_email();
    assert_eq!(app.register(&email).await.status, 201);
    let [text, html] = sink.mail_to(&email, "Welcome", 0).await.parts();
    let link = text.lines().map(str::trim).find(|line| line.starts_with("https://")).unwrap();
    let code = link.strip_prefix("https://example.com/account/verify-email?code=").unwrap();
    assert!(html.contains(&code.to_owned()) && code.len() == CODE, "{html}");
    assert_eq!(post(&app, "/auth/verify-email", json!({ "code": code })).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_did_not_choose_the_password_is_led_to_where_another_one_is_asked_for() {
    let (app, sink) =
        app_and_sink(Backend::Sqlite, |options| options.set("mail_links_url", "https://example.com/account/")).await;
    let user = app.signed_in().await;
    let passwords = json!({ "current_password": PASSWORD, "new_password": NEW });
    let change = app.request("POST", "/auth/password").bearer_auth(&user.access).json(&passwords);
    assert_eq!(Answer::to(change).await.unwrap().status, 204);
    let [text, html] = sink.mail_to(&user.email, "was changed", 0).await.parts();
    let link = "https://example.com/account/forgot-password";
    assert!(text.lines().any(|line| line == format!("    {link}")), "{text}");
    assert!(html.replace("&#x2f;", "/").contains(&format!("href=\"{link}\"")), "{html}");
    assert!(text.contains("You stay signed in where you changed it"), "{text}");
}
