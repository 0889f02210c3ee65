//! A user chooses another password: what ends with it, what goes on, and that the user is told, whatever happens at the same time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;
#[path = "passwords/range.rs"]
#[allow(dead_code, reason = "another test uses the rest")]
mod range;

use std::collections::BTreeMap;

use common::app::{AppOptions, TestApp};
use common::database::Backend;
use common::eventually;
use common::http::{self, Answer};
use common::scrape::metric;
use common::smtp::{Behaviour, SmtpSink};
use common::users::{PASSWORD, SignedIn};
use range::RangeService;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Another good password.
const NEW: &str = "three otters in a bathtub";

on_both_databases!(
    another_password_ends_all_other_sessions,
    the_new_password_is_held_to_the_policy,
    a_wrong_current_password_counts_as_a_try,
    of_many_changes_at_once_one_counts,
    who_is_on_the_way_in_with_the_old_password_stays_outside,
    a_change_and_an_erasure_at_once_do_not_wait_for_each_other,
    the_user_is_told_even_after_a_crash,
    what_waits_for_a_user_goes_with_the_user,
);

async fn change(app: &TestApp, user: &SignedIn, current: &str, new: &str) -> Answer {
    change_with(&app.client, app, user, current, new).await
}

async fn change_with(client: &reqwest::Client, app: &TestApp, user: &SignedIn, current: &str, new: &str) -> Answer {
    let body = json!({ "current_password": current, "new_password": new });
    let request = client.post(format!("{}/auth/password", app.api_url())).bearer_auth(&user.access);
    Answer::to(request.json(&body)).await.unwrap()
}

/// The faults of an answer, by their fields.
fn faults(answer: &Answer) -> Vec<(String, String)> {
    answer.assert_problem(422, "VALIDATION_FAILED");
    let text = |fault: &Value, name: &str| fault[name].as_str().unwrap().to_owned();
    let faults = answer.json()["errors"].as_array().unwrap().clone();
    faults.iter().map(|fault| (text(fault, "field"), text(fault, "code"))).collect()
}

fn ended() -> common::scrape::Matcher {
    metric("neodyme_sessions_ended_total").label("reason", "password_changed")
}

async fn another_password_ends_all_other_sessions(backend: Backend) {
    let sink = SmtpSink::start(Behaviour::Normal).await;
    let app = TestApp::spawn(AppOptions::on(backend).set_all(sink.settings())).await;
    let user = app.signed_in().await;
    let others = [app.sign_in(&user.email).await, app.sign_in(&user.email).await];
    let stranger = app.signed_in().await;
    sink.until_received(2).await;
    let changed = change(&app, &user, PASSWORD, NEW).await;
    assert_eq!((changed.status, changed.body.len()), (204, 0), "{}", changed.text());

    for other in &others {
        app.refresh(&other.refresh).await.assert_problem(401, "UNAUTHORIZED");
        app.call("GET", "/auth/me", &other.access).await.assert_problem(401, "UNAUTHORIZED");
    }
    let user = user.with(&app.refresh(&user.refresh).await.json());
    for goes_on in [&user, &stranger] {
        assert_eq!(app.call("GET", "/auth/me", &goes_on.access).await.status, 200);
    }
    app.login(&user.email, PASSWORD).await.assert_problem(401, "INVALID_CREDENTIALS");
    assert_eq!(app.login(&user.email, NEW).await.status, 200);

    ended().value(2.0).assert_in(&app).await;
    let action = format!("user.password_changed by {}", user.id);
    assert_eq!(app.audited().await.iter().filter(|entry| **entry == action).count(), 1);
    let request_id = changed.header("x-request-id");
    let line = app.wait_for_request_log("User action: user_password_changed", request_id).await;
    assert_eq!((&line["user_id"], &line["context"]["sessions"]), (&json!(user.id), &json!(2)));
    let mail = sink.until_received(3).await.remove(2);
    assert_eq!((mail.to.as_str(), mail.header("X-Request-ID")), (user.email.as_str(), request_id.to_owned()));
    assert_eq!(mail.header("Subject"), "Your password at neodyme was changed");
    let trail = app.call("GET", &format!("/users/{}/export", user.id), &user.access).await.json()["audit_log"].clone();
    let entry = trail.as_array().unwrap().iter().find(|entry| entry["action"] == "user.password_changed").unwrap();
    let (at, [text, html]) = (entry["occurred_at"].as_str().unwrap(), mail.parts());
    for part in [&text, &html] {
        assert!(part.contains("Ada Lovelace") && part.contains(&user.email) && part.contains(&at[..10]), "{part}");
        assert!(part.contains(&format!("{} UTC", &at[11..16])), "{at} in {part}");
    }
    let delivered = metric("neodyme_outbox_attempts_total").label("topic", "account_email");
    delivered.label("outcome", "delivered").value(1.0).assert_in(&app).await;
    metric("neodyme_outbox_enqueued_total").label("topic", "account_email").value(1.0).assert_in(&app).await;
    assert!(![PASSWORD, NEW].iter().any(|secret| app.output().contains(secret)), "no secret is logged");
}

async fn the_new_password_is_held_to_the_policy(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let user = app.signed_in().await;
    for (new, code) in [
        ("three otters o", "too_short"),
        ("passwordpassword", "common"),
        ("ada lovelace neodyme", "personal"),
        (PASSWORD, "unchanged"),
    ] {
        assert_eq!(faults(&change(&app, &user, PASSWORD, new).await), [("new_password".into(), code.into())], "{new}");
    }
    // All faults at once, and nothing is tried.
    let both = faults(&change(&app, &user, "", "x").await);
    assert_eq!(
        both,
        [("current_password", "too_short"), ("new_password", "too_short")].map(|(a, b)| (a.into(), b.into()))
    );
    for (reason, count) in [("too_short", 2.0), ("common", 1.0), ("personal", 1.0)] {
        metric("neodyme_password_refusals_total").label("reason", reason).value(count).assert_in(&app).await;
    }
    assert_eq!(app.database.count("login_failures").await, 0);
    assert_eq!(app.login(&user.email, PASSWORD).await.status, 200);
    let anonymous = Answer::to(app.request("POST", "/auth/password").body("no JSON")).await.unwrap();
    anonymous.assert_problem(401, "UNAUTHORIZED");
}

async fn a_wrong_current_password_counts_as_a_try(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend).set("login_free_failures", 2).set("login_max_failures", 4)).await;
    let user = app.signed_in().await;
    let wrong = async || change(&app, &user, "wrong horse battery", NEW).await;
    let later = async |seconds| app.database.set_back("login_failures", "last_failed_at", seconds).await;
    // A client that takes the answer for that to an expired token gets another, and tries the same once more.
    let refused = wrong().await;
    refused.assert_problem(403, "INVALID_CREDENTIALS");
    assert!(refused.headers.get("www-authenticate").is_none(), "{refused:?}");
    let line = app.wait_for_request_log("Password confirmation refused", refused.header("x-request-id")).await;
    assert_eq!((&line["context"]["outcome"], &line["caller"]), (&json!("wrong"), &json!(user.id)));
    app.login(&user.email, "wrong horse battery").await.assert_problem(401, "INVALID_CREDENTIALS");
    // However slow this machine is, the wait is not over: for the right one neither.
    later(-3600).await;
    change(&app, &user, PASSWORD, NEW).await.assert_problem(429, "RATE_LIMITED");
    later(3700).await;
    assert_eq!(change(&app, &user, PASSWORD, NEW).await.status, 204);
    assert_eq!(app.database.count("login_failures").await, 0, "they are forgotten");
    for _ in 0..4 {
        wrong().await.assert_problem(403, "INVALID_CREDENTIALS");
        later(3700).await;
    }
    change(&app, &user, NEW, PASSWORD).await.assert_problem(403, "PASSWORD_LOCKED");
    assert_eq!(app.audited().await.last().unwrap(), &format!("user.password_locked by {}", user.id));
}

async fn of_many_changes_at_once_one_counts(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let first = app.signed_in().await;
    let mut sessions = vec![first.clone()];
    for _ in 1..4 {
        sessions.push(app.sign_in(&first.email).await);
    }
    // Two of each session, too.
    sessions.extend(sessions.clone());
    let mut changes = JoinSet::new();
    for (n, user) in sessions.into_iter().enumerate() {
        // A client each: its own connection, so that all are there at once.
        let request = http::client().post(format!("{}/auth/password", app.api_url())).bearer_auth(&user.access);
        let new = format!("{NEW} {n}");
        let request = request.json(&json!({ "current_password": PASSWORD, "new_password": new }));
        changes.spawn(async move { (Answer::to(request).await.unwrap().status, new, user) });
    }
    let ended = changes.join_all().await;
    let mut statuses = BTreeMap::<u16, usize>::new();
    ended.iter().for_each(|(status, ..)| *statuses.entry(*status).or_default() += 1);
    assert_eq!(statuses.remove(&204), Some(1), "{ended:?}");
    assert!(statuses.keys().all(|status| [401, 403, 429].contains(status)), "{statuses:?}");
    let (_, new, user) = ended.iter().find(|(status, ..)| *status == 204).unwrap();
    assert_eq!(app.database.count("sessions").await, 1);
    assert_eq!(app.call("GET", "/auth/me", &user.access).await.status, 200);
    assert_eq!(app.login(&user.email, new).await.status, 200);
}

/// Those who sign in or refresh while the password is changed are signed out by it, or not let in.
async fn who_is_on_the_way_in_with_the_old_password_stays_outside(backend: Backend) {
    let options = AppOptions::on(backend).set("login_free_failures", 100).set("login_max_failures", 1_000_000);
    let app = TestApp::spawn(options.set("password_argon2_memory_kib", 4096)).await;
    let mut current = PASSWORD.to_owned();
    let mut user = app.signed_in().await;
    for round in 0..6 {
        let new = format!("{NEW} {round}");
        let mut others = JoinSet::new();
        for _ in 0..4 {
            let answer = app.login(&user.email, &current).await;
            let refresh = json!({ "refresh_token": answer.json()["refresh_token"] });
            let login = json!({ "email": user.email, "password": current });
            for (path, body) in [("refresh", refresh), ("login", login.clone()), ("login", login)] {
                let request = http::client().post(format!("{}/auth/{path}", app.api_url())).json(&body);
                others.spawn(async move { Answer::to(request).await.unwrap() });
            }
        }
        let changed = change_with(&http::client(), &app, &user, &current, &new).await;
        assert_eq!(changed.status, 204, "{}", changed.text());
        for other in others.join_all().await {
            assert!([200, 401, 429].contains(&other.status), "{other:?}");
            let Some(token) = (other.status == 200).then(|| other.json()["refresh_token"].clone()) else { continue };
            app.refresh(token.as_str().unwrap()).await.assert_problem(401, "UNAUTHORIZED");
        }
        assert_eq!(app.database.count("sessions").await, 1, "round {round}");
        user = user.with(&app.refresh(&user.refresh).await.json());
        app.database.execute("DELETE FROM login_failures").await;
        current = new;
    }
}

async fn a_change_and_an_erasure_at_once_do_not_wait_for_each_other(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    for _ in 0..8 {
        let user = app.signed_in().await;
        for _ in 0..3 {
            app.sign_in(&user.email).await;
        }
        let request = http::client().delete(format!("{}/users/{}", app.api_url(), user.id)).bearer_auth(&user.access);
        let erasure = Answer::to(request.json(&json!({ "password": PASSWORD })));
        let client = http::client();
        let (changed, erased) = tokio::join!(change_with(&client, &app, &user, PASSWORD, NEW), erasure);
        let (changed, erased) = (changed.status, erased.unwrap().status);
        // Whichever is second may find another password, or nobody.
        assert!(
            [204, 401, 403, 404, 429].contains(&changed) && [204, 401, 403, 429].contains(&erased),
            "{changed} {erased}"
        );
        if erased == 204 {
            let of_user = "SELECT topic AS text FROM outbox_jobs WHERE state <> 'delivered' AND user_id = ";
            let id = if backend == Backend::Postgres { format!("'{}'", user.id) } else { sqlite_id(&user.id) };
            assert_eq!(app.database.texts(&format!("{of_user}{id}")).await, [""; 0]);
            app.login(&user.email, NEW).await.assert_problem(401, "INVALID_CREDENTIALS");
        }
    }
    for state in ["deadlock", "serialization"] {
        metric("neodyme_db_errors_total").label("kind", state).value(0.0).assert_in(&app).await;
    }
}

/// How SQLite is told an id.
fn sqlite_id(id: &str) -> String {
    format!("x'{}'", id.replace('-', ""))
}

async fn the_user_is_told_even_after_a_crash(backend: Backend) {
    let mut sink = SmtpSink::start(Behaviour::Normal).await;
    let options = AppOptions::on(backend).set_all(sink.settings()).set("outbox_poll_interval", "100ms");
    let mut app = TestApp::spawn(options.set("account_email_lease", "1s").set("outbox_max_backoff", "500ms")).await;
    let user = app.signed_in().await;
    sink.until_received(1).await;
    sink.go_down().await;
    assert_eq!(change(&app, &user, PASSWORD, NEW).await.status, 204);
    app.kill();
    sink.come_back().await;
    app.restart().await;
    let mail = sink.until_received(2).await.remove(1);
    assert_eq!(
        (mail.to.as_str(), mail.header("Subject").as_str()),
        (user.email.as_str(), "Your password at neodyme was changed")
    );
    assert_eq!(app.login(&user.email, NEW).await.status, 200);
    assert_eq!(app.call("GET", "/auth/me", &user.access).await.status, 200);
    // What was delivered names nobody any more.
    eventually("the job is delivered", async || {
        let payloads = "SELECT CAST(payload AS text) AS text FROM outbox_jobs WHERE topic = 'account_email'";
        (app.database.texts(payloads).await == ["{}"]).then_some(())
    })
    .await;
}

async fn what_waits_for_a_user_goes_with_the_user(backend: Backend) {
    let mut sink = SmtpSink::start(Behaviour::Normal).await;
    let app = TestApp::spawn(AppOptions::on(backend).set_all(sink.settings())).await;
    let user = app.signed_in().await;
    sink.until_received(1).await;
    sink.go_down().await;
    assert_eq!(change(&app, &user, PASSWORD, NEW).await.status, 204);
    let waiting = "SELECT CAST(payload AS text) AS text FROM outbox_jobs WHERE topic = 'account_email'";
    let payloads = app.database.texts(waiting).await;
    assert!(payloads.len() == 1 && payloads[0].contains(&user.email), "{payloads:?}");
    let exported = app.call("GET", &format!("/users/{}/export", user.id), &user.access).await.json();
    let kinds: Vec<_> = exported["jobs"].as_array().unwrap().iter().map(|job| &job["payload"]["kind"]).collect();
    assert!(kinds.contains(&&json!("password_changed")), "{exported}");
    let erasure = app.request("DELETE", &format!("/users/{}", user.id)).bearer_auth(&user.access);
    assert_eq!(Answer::to(erasure.json(&json!({ "password": NEW }))).await.unwrap().status, 204);
    assert_eq!(app.database.texts(waiting).await, [""; 0]);
}

#[tokio::test]
async fn a_breached_password_is_refused_and_asked_about_only_for_whoever_knows_the_current_one() {
    let service = RangeService::start().await;
    service.behave(range::Behaviour::Knows(vec![(NEW, 1)]));
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("breached_passwords_url", service.url())).await;
    let user = app.signed_in().await;
    let asked = service.questions().len();
    change(&app, &user, "wrong horse battery", NEW).await.assert_problem(403, "INVALID_CREDENTIALS");
    assert_eq!(service.questions().len(), asked);
    assert_eq!(faults(&change(&app, &user, PASSWORD, NEW).await), [("new_password".into(), "breached".into())]);
    metric("neodyme_password_refusals_total").label("reason", "breached").value(1.0).assert_in(&app).await;
    assert_eq!(change(&app, &user, PASSWORD, "four otters in a bathtub").await.status, 204);
}
