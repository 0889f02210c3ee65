//! What users do with the codes that emails carry, from the mail in a real SMTP conversation: they show that an address is their
//! own, choose another password, change the address and take that back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use common::app::{AppOptions, TestApp, fresh_email};
use common::database::Backend;
use common::http::{self, Answer};
use common::scrape::{Matcher, metric};
use common::smtp::{Behaviour, Received, SmtpSink};
use common::users::PASSWORD;
use common::{eventually, within};
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
    a_new_address_is_confirmed_and_the_old_one_can_take_it_back,
    an_address_is_kept_for_whom_it_was_taken_from,
    a_thief_keeps_nothing_that_was_prepared,
    what_was_asked_for_survives_a_crash_and_ends_with_the_user,
    who_never_verifies_is_erased_where_that_is_set,
    whether_an_address_is_taken_is_told_to_its_owner_alone,
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

/// The next email to this address with a subject like this, after so many to it.
async fn mail_to(sink: &SmtpSink, email: &str, subject: &str, before: usize) -> Received {
    let what = format!("a mail to {email}: {subject}");
    eventually(&what, async || {
        let fits = |mail: &Received| mail.to == email && mail.header("Subject").contains(subject);
        sink.received().into_iter().filter(fits).nth(before)
    })
    .await
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
    let code = code_in(&mail_to(&sink, &email, "Welcome", 0).await);
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
        app.database.texts(kept).await.iter().all(|payload| payload == "{}").then_some(())
    })
    .await;
}

async fn a_code_is_used_once_by_one_of_many(backend: Backend) {
    let (app, sink) = app_and_sink(backend, |options| options).await;
    let email = fresh_email();
    assert_eq!(app.register(&email).await.status, 201);
    sink.until_received(1).await;
    assert_eq!(post(&app, "/auth/reset-password/send", json!({ "email": email })).await.status, 202);
    let code = code_in(&mail_to(&sink, &email, "another password", 0).await);
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
    let welcome = code_in(&mail_to(&sink, &email, "Welcome", 0).await);
    assert_eq!(post(&app, "/auth/reset-password/send", json!({ "email": email })).await.status, 202);
    let reset = code_in(&mail_to(&sink, &email, "another password", 0).await);
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
    let later = code_in(&mail_to(&sink, &email, "another password", 1).await);
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
    let first = code_in(&mail_to(&sink, &email, "Welcome", 0).await);
    app.login(&email, "wrong horse battery").await.assert_problem(401, "INVALID_CREDENTIALS");
    app.login(&email, PASSWORD).await.assert_problem(403, "EMAIL_NOT_VERIFIED");
    assert_eq!(post(&app, "/auth/verify-email/send", json!({ "email": email.to_uppercase() })).await.status, 202);
    let second = code_in(&mail_to(&sink, &email, "Verify your address", 0).await);
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
    let mail = mail_to(&sink, &user.email, "another password", 0).await;
    assert_eq!(mail.header("X-Request-ID"), asked.header("x-request-id"));
    let reset = post(&app, "/auth/reset-password", json!({ "code": code_in(&mail), "new_password": NEW })).await;
    assert_eq!((reset.status, reset.body.len()), (204, 0), "{}", reset.text());

    app.refresh(&user.refresh).await.assert_problem(401, "UNAUTHORIZED");
    // It opens the password again, and shows that the address is the user's own.
    assert!(verified_at(&app, &user.email, NEW).await.is_string());
    app.login(&user.email, PASSWORD).await.assert_problem(401, "INVALID_CREDENTIALS");
    mail_to(&sink, &user.email, "was changed", 0).await;
    let trail = app.audited().await;
    for action in
        ["user.password_reset_requested by anonymous".to_owned(), format!("user.password_reset by {}", user.id)]
    {
        assert_eq!(trail.iter().filter(|entry| **entry == action).count(), 1, "{action} in {trail:?}");
    }
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
    mail_to(&sink, &known.email, "another password", 0).await;
    mail_to(&sink, &known.email, "Verify", 0).await;
    for purpose in ["reset_password", "verify_email"] {
        eventually("the others are withheld", async || {
            (codes(purpose, "withheld").read(&app).await == 2.0).then_some(())
        })
        .await;
        codes(purpose, "asked").value(3.0).assert_in(&app).await;
    }
    assert_eq!(sink.received().len(), 4, "two welcomes, and two for who there is");
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
    assert_eq!(post(&app, "/auth/reset-password/send", json!({ "email": email })).await.status, 202);
    sink.until_received(4).await;
    // And one client has no more than its share, whoever it asks for.
    post(&app, "/auth/reset-password/send", json!({ "email": fresh_email() }))
        .await
        .assert_problem(429, "RATE_LIMITED");
}

async fn ask_to_change(app: &TestApp, access: &str, new: &str, password: &str) -> Answer {
    let request = app.request("POST", "/auth/change-email/send").bearer_auth(access);
    Answer::to(request.json(&json!({ "new_email": new, "password": password }))).await.unwrap()
}

async fn a_new_address_is_confirmed_and_the_old_one_can_take_it_back(backend: Backend) {
    let (app, sink) = app_and_sink(backend, |options| options).await;
    let (user, other, new) = (app.signed_in().await, app.signed_in().await, fresh_email());
    ask_to_change(&app, &user.access, &new, "wrong horse battery").await.assert_problem(403, "INVALID_CREDENTIALS");
    ask_to_change(&app, &user.access, &other.email, PASSWORD).await.assert_problem(409, "EMAIL_ALREADY_EXISTS");
    ask_to_change(&app, &user.access, &user.email, PASSWORD).await.assert_problem(422, "VALIDATION_FAILED");
    assert_eq!(ask_to_change(&app, &user.access, &new, PASSWORD).await.status, 202);
    let code = code_in(&mail_to(&sink, &new, "new address", 0).await);
    app.login(&new, PASSWORD).await.assert_problem(401, "INVALID_CREDENTIALS");

    assert_eq!(post(&app, "/auth/change-email", json!({ "code": code })).await.status, 204);
    assert_code_refused(&post(&app, "/auth/change-email", json!({ "code": code })).await);
    app.login(&user.email, PASSWORD).await.assert_problem(401, "INVALID_CREDENTIALS");
    let changed = app.sign_in(&new).await;
    assert_eq!(changed.id, user.id);
    assert!(app.call("GET", "/auth/me", &changed.access).await.json()["email_verified_at"].is_string());
    // The session that asked goes on.
    assert_eq!(app.call("GET", "/auth/me", &user.access).await.json()["email"], json!(new));

    let undo = code_in(&mail_to(&sink, &user.email, "was changed", 0).await);
    assert_eq!(post(&app, "/auth/undo-email-change", json!({ "code": undo })).await.status, 204);
    app.refresh(&changed.refresh).await.assert_problem(401, "UNAUTHORIZED");
    app.login(&new, PASSWORD).await.assert_problem(401, "INVALID_CREDENTIALS");
    // Whoever changed it may know the password: the user is sent a code for another one.
    let reset = code_in(&mail_to(&sink, &user.email, "has its address again", 0).await);
    assert_eq!(post(&app, "/auth/reset-password", json!({ "code": reset, "new_password": NEW })).await.status, 204);
    assert_eq!(app.login(&user.email, NEW).await.status, 200);
    let trail = app.audited().await;
    for action in ["email_change_requested", "email_changed", "email_restored"] {
        let action = format!("user.{action} by {}", user.id);
        assert_eq!(trail.iter().filter(|entry| **entry == action).count(), 1, "{action} in {trail:?}");
    }
}

/// A thief changes the address twice, and registers the old one himself: the user still gets it back.
async fn an_address_is_kept_for_whom_it_was_taken_from(backend: Backend) {
    let (app, sink) = app_and_sink(backend, |options| options).await;
    let (user, second, third) = (app.signed_in().await, fresh_email(), fresh_email());
    for (n, new) in [&second, &third].into_iter().enumerate() {
        assert_eq!(ask_to_change(&app, &user.access, new, PASSWORD).await.status, 202);
        let code = code_in(&mail_to(&sink, new, "new address", 0).await);
        assert_eq!(post(&app, "/auth/change-email", json!({ "code": code })).await.status, 204, "{n}");
    }
    app.register(&user.email).await.assert_problem(409, "EMAIL_ALREADY_EXISTS");
    let other = app.signed_in().await;
    ask_to_change(&app, &other.access, &user.email, PASSWORD).await.assert_problem(409, "EMAIL_ALREADY_EXISTS");
    let undo = code_in(&mail_to(&sink, &user.email, "was changed", 0).await);
    // That of the first address is good even after the thief has taken the second change back himself, and not the other way round.
    let of_thief = code_in(&mail_to(&sink, &second, "was changed", 0).await);
    assert_eq!(post(&app, "/auth/undo-email-change", json!({ "code": of_thief })).await.status, 204);
    assert_eq!(post(&app, "/auth/undo-email-change", json!({ "code": undo })).await.status, 204);
    assert_eq!(app.login(&user.email, PASSWORD).await.status, 200);
    // What is not kept any more is free.
    assert_eq!(app.register(&third).await.status, 201);
}

/// What a thief asked for in a stolen session is good for nothing once the user has ended that; and the user who goes back to the old
/// address gives the thief's no code to take that back.
async fn a_thief_keeps_nothing_that_was_prepared(backend: Backend) {
    let (app, mut sink) = app_and_sink(backend, |options| options.set("outbox_max_backoff", "500ms")).await;
    let (user, of_thief, later) = (app.signed_in().await, fresh_email(), fresh_email());
    let thief = app.sign_in(&user.email).await;
    assert_eq!(ask_to_change(&app, &thief.access, &of_thief, PASSWORD).await.status, 202);
    let prepared = code_in(&mail_to(&sink, &of_thief, "new address", 0).await);
    sink.go_down().await;
    assert_eq!(ask_to_change(&app, &thief.access, &later, PASSWORD).await.status, 202);
    let change = json!({ "current_password": PASSWORD, "new_password": NEW });
    let request = app.request("POST", "/auth/password").bearer_auth(&user.access).json(&change);
    assert_eq!(Answer::to(request).await.unwrap().status, 204);
    sink.come_back().await;
    app.wait_for_log("it is withheld", |line| line["context"]["why"] == "the session that asked for it has ended")
        .await;
    assert_code_refused(&post(&app, "/auth/change-email", json!({ "code": prepared })).await);

    let again = app.login(&user.email, NEW).await.json();
    let user = user.with(&again);
    let further = fresh_email();
    for new in [&of_thief, &further, &user.email] {
        assert_eq!(ask_to_change(&app, &user.access, new, NEW).await.status, 202);
        let before = usize::from(new == &of_thief);
        let code = code_in(&mail_to(&sink, new, "new address", before).await);
        assert_eq!(post(&app, "/auth/change-email", json!({ "code": code })).await.status, 204);
    }
    mail_to(&sink, &user.email, "was changed", 0).await;
    let told = |mail: &Received| mail.to == further && mail.header("Subject").contains("was changed");
    assert!(!sink.received().iter().any(told), "no code for the last address");
    let between = code_in(&mail_to(&sink, &of_thief, "was changed", 0).await);
    assert_code_refused(&post(&app, "/auth/undo-email-change", json!({ "code": between })).await);
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
    app.kill();
    sink.come_back().await;
    app.restart().await;
    let code = code_in(&mail_to(&sink, &user.email, "another password", 0).await);
    assert_eq!(post(&app, "/auth/reset-password", json!({ "code": code, "new_password": NEW })).await.status, 204);
}

async fn who_never_verifies_is_erased_where_that_is_set(backend: Backend) {
    let (mut app, sink) = app_and_sink(backend, |options| options.set("unverified_retention", "1h")).await;
    let (gone, verified, young) = (fresh_email(), fresh_email(), fresh_email());
    for email in [&gone, &verified, &young] {
        assert_eq!(app.register(email).await.status, 201);
    }
    let code = code_in(&mail_to(&sink, &verified, "Welcome", 0).await);
    assert_eq!(post(&app, "/auth/verify-email", json!({ "code": code })).await.status, 204);
    // Ids are in the order of registration, and tell its time as well.
    let old = uuid::Uuid::from_u128(uuid::Uuid::now_v7().as_u128() - ((3 * 3_600_000) << 80));
    let id = if backend == Backend::Postgres { format!("'{old}'") } else { format!("x'{}'", old.simple()) };
    let other = uuid::Uuid::from_u128(old.as_u128() + 1);
    let other = if backend == Backend::Postgres { format!("'{other}'") } else { format!("x'{}'", other.simple()) };
    for table in ["one_time_codes", "outbox_jobs"] {
        app.database.execute(&format!("DELETE FROM {table}")).await;
    }
    app.database.execute(&format!("UPDATE users SET id = {id} WHERE email = '{gone}'")).await;
    app.database.execute(&format!("UPDATE users SET id = {other} WHERE email = '{verified}'")).await;
    app.database.execute("DELETE FROM audit_log").await;
    for column in ["created_at", "updated_at"] {
        app.database.set_back("users", column, 7200).await;
    }
    app.kill();
    app.restart().await;
    eventually("the user is erased", async || {
        let left = app.database.texts("SELECT email AS text FROM users").await;
        (!left.contains(&gone)).then_some(())
    })
    .await;
    let mut left = app.database.texts("SELECT email AS text FROM users").await;
    left.sort();
    let mut expected = vec![verified, young];
    expected.sort();
    assert_eq!(left, expected);
    assert_eq!(app.audited().await, ["user.erased by service"]);
}

fn hiding(options: AppOptions) -> AppOptions {
    options.set("registration_conflict", "hide").set("require_verified_email", "true")
}

async fn whether_an_address_is_taken_is_told_to_its_owner_alone(backend: Backend) {
    let (app, sink) = app_and_sink(backend, hiding).await;
    let email = fresh_email();
    let new = app.register(&email).await;
    let code = code_in(&mail_to(&sink, &email, "Welcome", 0).await);
    let seen = |answer: &Answer| {
        let mut headers: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        headers.sort();
        (answer.status, answer.text().to_owned(), headers)
    };
    assert_eq!((new.status, new.body.len()), (202, 0));
    // Somebody else's password is no better than any, whether or not the address was free.
    app.login(&email, PASSWORD).await.assert_problem(401, "INVALID_CREDENTIALS");
    assert_eq!(post(&app, "/auth/verify-email", json!({ "code": code })).await.status, 204);
    assert_eq!(app.login(&email, PASSWORD).await.status, 200);
    for _ in 0..3 {
        assert_eq!(seen(&app.register(&email.to_uppercase()).await), seen(&new));
    }
    let told = mail_to(&sink, &email, "You have an account", 0).await;
    eventually("the others are withheld", async || {
        (codes("reset_password", "withheld").read(&app).await == 2.0).then_some(())
    })
    .await;
    assert_eq!(sink.received().len(), 2, "at most once an hour");
    let reset = json!({ "code": code_in(&told), "new_password": NEW });
    assert_eq!(post(&app, "/auth/reset-password", reset).await.status, 204);
    assert_eq!(app.login(&email, NEW).await.status, 200);
    // Nor do a key, wrong passwords from before, or a change to it tell anything.
    for address in [&email, &fresh_email()] {
        for _ in 0..6 {
            app.login(address, "wrong horse battery").await;
        }
        for name in ["Ada Lovelace", "Ada King"] {
            let mut body = common::app::user(address);
            body["full_name"] = json!(name);
            let request = app.request("POST", "/users/").header("idempotency-key", "\"the-same\"").json(&body);
            assert_eq!(Answer::to(request).await.unwrap().status, 202, "{address} {name}");
        }
        app.login(address, PASSWORD).await.assert_problem(429, "RATE_LIMITED");
    }
    metric("neodyme_registrations_total").label("outcome", "duplicate").value(6.0).assert_in(&app).await;
    metric("neodyme_registrations_total").label("outcome", "success").value(2.0).assert_in(&app).await;
}

/// How long a registration takes tells nothing of whether its address is taken, nor does a request for a code.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_of_an_answer_does_not_tell_whether_an_address_is_taken() {
    const PAIRS: usize = 300;
    let unlimited = |options: AppOptions| {
        hiding(options)
            .set("password_argon2_memory_kib", 8192)
            .set("registrations_per_client", 0)
            .set("code_emails_per_client", 0)
            .set("http_requests_per_client", 0)
    };
    let (app, _sink) = app_and_sink(Backend::Sqlite, unlimited).await;
    assert_eq!(app.register("known@example.com").await.status, 202);
    let register = async |email: &str| app.register(email).await;
    let send = async |email: &str| post(&app, "/auth/reset-password/send", json!({ "email": email })).await;
    assert!(differ_by_less(0.05, PAIRS, register).await, "the medians of registrations differ by 5 % or more");
    // There is no hash here: tenths of a millisecond, of which the commit is most.
    assert!(differ_by_less(0.05, PAIRS, send).await, "the medians of requests for a code differ by 5 % or more");
}

/// Whether the medians of a known and of unknown addresses differ by less than this share. Whatever else this machine does is not in
/// every round.
async fn differ_by_less(share: f64, pairs: usize, call: impl AsyncFn(&str) -> Answer) -> bool {
    let found = within(Duration::from_secs(60), Duration::ZERO, async || {
        let mut took = [Vec::new(), Vec::new()];
        for _ in 0..pairs {
            for (times, email) in took.iter_mut().zip(["known@example.com".to_owned(), fresh_email()]) {
                let began = Instant::now();
                assert_eq!(call(&email).await.status, 202);
                times.push(began.elapsed());
            }
        }
        let [known, unknown] = took.map(|mut times| {
            times.sort();
            times[pairs / 2].as_secs_f64()
        });
        ((known / unknown - 1.0).abs() < share).then_some(())
    });
    found.await.is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_links_to_where_its_code_is_used() {
    let (app, sink) =
        app_and_sink(Backend::Sqlite, |options| options.set("mail_links_url", "https://example.com/account/")).await;
    let email = fresh_email();
    assert_eq!(app.register(&email).await.status, 201);
    let [text, html] = mail_to(&sink, &email, "Welcome", 0).await.parts();
    let link = text.lines().map(str::trim).find(|line| line.starts_with("https://")).unwrap();
    let code = link.strip_prefix("https://example.com/account/verify-email?code=").unwrap();
    assert!(html.contains(&code.to_owned()) && code.len() == CODE, "{html}");
    assert_eq!(post(&app, "/auth/verify-email", json!({ "code": code })).await.status, 204);
}
