//! A user stays signed in, sees where, and ends it; a stolen token ends it as well.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::app::{AppOptions, TestApp};
use common::database::Backend;
use common::http::{self, Answer};
use common::scrape::metric;
use common::users::SignedIn;
use neodyme::accounts::sessions;
use neodyme::accounts::sign_in;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::task::JoinSet;

on_both_databases!(
    a_session_goes_on_with_each_refresh,
    sixteen_clients_refresh_one_token_at_once,
    a_token_that_comes_again_ends_its_session,
    a_token_that_comes_again_at_once_gives_the_same_pair,
    a_user_sees_and_ends_sessions,
    nobody_ends_the_sessions_of_others,
    a_user_signs_out,
    a_session_ends_that_is_not_used,
    what_expired_is_removed,
);

fn refreshes(outcome: &str) -> common::scrape::Matcher {
    metric("neodyme_token_refreshes_total").label("outcome", outcome)
}

async fn a_session_goes_on_with_each_refresh(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let mut user = app.signed_in().await;
    let mut seen = BTreeSet::from([user.access.clone(), user.refresh.clone()]);
    for _ in 0..3 {
        let answer = app.refresh(&user.refresh).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let names: Vec<_> = answer.json().as_object().unwrap().keys().cloned().collect();
        assert_eq!(names, ["access_token", "expires_in", "refresh_token", "token_type"]);
        user = user.with(&answer.json());
        assert!(seen.insert(user.access.clone()) && seen.insert(user.refresh.clone()), "each is another");
        assert_eq!(app.call("GET", "/auth/me", &user.access).await.json()["id"], user.id);
    }
    assert_eq!(app.database.count("sessions").await, 1);
    refreshes("rotated").value(3.0).assert_in(&app).await;
    for wrong in ["x", &"x".repeat(43), &user.access[..100]] {
        let refused = app.refresh(wrong).await;
        refused.assert_problem(401, "UNAUTHORIZED");
        assert_eq!(refused.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    }
    // What is stored gives no token away.
    let stored =
        app.database.texts("SELECT CAST(count(*) AS text) AS text FROM refresh_tokens WHERE successor IS NOT NULL");
    assert_eq!(stored.await, ["3"]);
    let output = app.output();
    assert!(seen.iter().all(|secret| !output.contains(secret.as_str())));
}

async fn at_once(app: &TestApp, token: &str, clients: usize) -> Vec<Answer> {
    let mut requests = JoinSet::new();
    for _ in 0..clients {
        // A client each: its own connection, so that all are there at once.
        let request = http::client().post(format!("{}/auth/refresh", app.api_url()));
        requests.spawn(Answer::to(request.json(&json!({ "refresh_token": token }))));
    }
    requests.join_all().await.into_iter().map(Result::unwrap).collect()
}

async fn sixteen_clients_refresh_one_token_at_once(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let mut user = app.signed_in().await;
    for _ in 0..3 {
        let answers = at_once(&app, &user.refresh, 16).await;
        let pair = |answer: &Answer| {
            assert_eq!(answer.status, 200, "{}", answer.text());
            let body = answer.json();
            (body["access_token"].to_string(), body["refresh_token"].to_string())
        };
        let pairs: BTreeSet<_> = answers.iter().map(pair).collect();
        assert_eq!(pairs.len(), 1, "all have the same pair");
        user = user.with(&answers[0].json());
    }
    refreshes("rotated").value(3.0).assert_in(&app).await;
    refreshes("repeated").value(45.0).assert_in(&app).await;
    refreshes("reused").value(0.0).assert_in(&app).await;
    assert_eq!(app.database.count("refresh_tokens").await, 4);
    assert_eq!(app.call("GET", "/auth/me", &user.access).await.status, 200);
}

async fn a_token_that_comes_again_ends_its_session(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let stolen = app.signed_in().await;
    let elsewhere = app.sign_in(&stolen.email).await;
    let thief = stolen.with(&app.refresh(&stolen.refresh).await.json());
    app.database.set_back("refresh_tokens", "rotated_at", sessions::GRACE.as_secs().cast_signed() + 1).await;

    let answer = app.refresh(&stolen.refresh).await;
    answer.assert_problem(403, "SECURITY_VIOLATION");
    app.refresh(&thief.refresh).await.assert_problem(401, "UNAUTHORIZED");
    app.refresh(&stolen.refresh).await.assert_problem(401, "UNAUTHORIZED");
    for path in ["/auth/me", "/auth/sessions"] {
        let refused = app.call("GET", path, &thief.access).await;
        refused.assert_problem(401, "UNAUTHORIZED");
        let challenge = "Bearer error=\"invalid_token\", error_description=\"session_ended\"";
        assert_eq!(refused.header("www-authenticate"), challenge);
    }
    assert_eq!(app.refresh(&elsewhere.refresh).await.status, 200, "other sessions go on");

    refreshes("reused").value(1.0).assert_in(&app).await;
    metric("neodyme_sessions_ended_total").label("reason", "reuse").value(1.0).assert_in(&app).await;
    metric("neodyme_errors_total").label("error_type", "SECURITY_VIOLATION").value(1.0).assert_in(&app).await;
    let audited = app.audited().await;
    assert_eq!(audited.last().unwrap(), "session.token_reused by anonymous");
    let line = app.wait_for_request_log("Request failed", answer.header("x-request-id")).await;
    assert_eq!(line["user_id"], json!(stolen.id));
}

async fn a_token_that_comes_again_at_once_gives_the_same_pair(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let user = app.signed_in().await;
    // However slow this machine is, the grace is not over.
    let set_forth = async || app.database.set_back("refresh_tokens", "rotated_at", -3600).await;
    let first = user.with(&app.refresh(&user.refresh).await.json());
    set_forth().await;
    let second = user.with(&app.refresh(&first.refresh).await.json());
    set_forth().await;
    // Also when the pair that it gives was used since.
    let again = user.with(&app.refresh(&user.refresh).await.json());
    assert_eq!((&again.access, &again.refresh), (&first.access, &first.refresh));
    let again = user.with(&app.refresh(&again.refresh).await.json());
    assert_eq!(again.refresh, second.refresh);
    assert_eq!(app.refresh(&second.refresh).await.status, 200);
}

async fn session_ids(app: &TestApp, user: &SignedIn) -> Vec<(String, bool)> {
    let answer = app.call("GET", "/auth/sessions", &user.access).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sessions = answer.json()["sessions"].as_array().unwrap().clone();
    let shown = |session: &Value| (session["id"].as_str().unwrap().to_owned(), session["is_current"] == true);
    sessions.iter().map(shown).collect()
}

async fn a_user_sees_and_ends_sessions(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let first = app.signed_in().await;
    let second = app.sign_in(&first.email).await;
    let third = app.sign_in(&first.email).await;
    let of_second = session_ids(&app, &second).await;
    assert_eq!(of_second.iter().map(|(_, is_current)| *is_current).collect::<Vec<_>>(), [false, true, false]);
    let current = &of_second[1].0;
    let end = async |id: &str, user: &SignedIn| app.call("DELETE", &format!("/auth/sessions/{id}"), &user.access).await;
    let ended = end(current, &first).await;
    assert_eq!((ended.status, ended.body.len()), (204, 0));
    end(current, &first).await.assert_problem(404, "NOT_FOUND");
    end("x", &first).await.assert_problem(404, "NOT_FOUND");
    app.refresh(&second.refresh).await.assert_problem(401, "UNAUTHORIZED");
    app.call("GET", "/auth/sessions", &second.access).await.assert_problem(401, "UNAUTHORIZED");
    assert_eq!(session_ids(&app, &first).await.len(), 2);

    assert_eq!(app.call("DELETE", "/auth/sessions", &third.access).await.status, 204);
    for user in [&first, &third] {
        app.refresh(&user.refresh).await.assert_problem(401, "UNAUTHORIZED");
    }
    assert_eq!(app.database.count("refresh_tokens").await, 0);
    metric("neodyme_sessions_ended_total").label("reason", "ended").value(3.0).assert_in(&app).await;
    let [.., one, all] = &app.audited().await[..] else { panic!() };
    assert_eq!((one, all), (&format!("session.ended by {}", first.id), &format!("sessions.ended by {}", first.id)));
}

async fn nobody_ends_the_sessions_of_others(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let (ada, eve) = (app.signed_in().await, app.signed_in().await);
    let id = session_ids(&app, &ada).await.remove(0).0;
    app.call("DELETE", &format!("/auth/sessions/{id}"), &eve.access).await.assert_problem(404, "NOT_FOUND");
    assert_eq!(app.call("DELETE", "/auth/sessions", &eve.access).await.status, 204);
    assert_eq!(session_ids(&app, &ada).await.len(), 1);
}

async fn a_user_signs_out(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let user = app.signed_in().await;
    for _ in 0..2 {
        assert_eq!(app.call("POST", "/auth/logout", &user.access).await.status, 204);
    }
    app.refresh(&user.refresh).await.assert_problem(401, "UNAUTHORIZED");
    app.call("GET", "/auth/me", &user.access).await.assert_problem(401, "UNAUTHORIZED");
    assert_eq!(app.audited().await.last().unwrap(), &format!("user.signed_out by {}", user.id));
    metric("neodyme_sessions_ended_total").label("reason", "signed_out").value(1.0).assert_in(&app).await;
}

async fn a_session_ends_that_is_not_used(backend: Backend) {
    const DAY: i64 = 86_400;
    let app = TestApp::spawn(AppOptions::on(backend).set("session_idle", "30d").set("session_lifetime", "40d")).await;
    let mut user = app.signed_in().await;
    let days_pass = async |days: i64| {
        for (table, column) in [
            ("refresh_tokens", "expires_at"),
            ("sessions", "expires_at"),
            ("sessions", "created_at"),
            ("sessions", "last_used_at"),
        ] {
            app.database.set_back(table, column, days * DAY).await;
        }
    };
    for _ in 0..2 {
        days_pass(19).await;
        user = user.with(&app.refresh(&user.refresh).await.json());
    }
    days_pass(3).await;
    app.refresh(&user.refresh).await.assert_problem(401, "UNAUTHORIZED");
    let user = app.signed_in().await;
    days_pass(31).await;
    app.refresh(&user.refresh).await.assert_problem(401, "UNAUTHORIZED");
    app.call("GET", "/auth/sessions", &user.access).await.assert_problem(401, "UNAUTHORIZED");
}

async fn what_expired_is_removed(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let (gone, kept) = (app.signed_in().await, app.signed_in().await);
    app.refresh(&kept.refresh).await;
    app.login("nobody@example.com", "wrong horse battery").await;
    app.login(&kept.email, "wrong horse battery").await;
    app.database
        .execute(&format!("DELETE FROM users WHERE email <> '{}' AND email <> '{}'", gone.email, kept.email))
        .await;
    let (db, now) = (app.database.connect().await, OffsetDateTime::now_utc());
    for later in [Duration::from_secs(86_400 * 6), Duration::from_secs(86_400 * 29)] {
        assert_eq!(sessions::prune_expired(&db, now + later, 100).await.unwrap(), 0);
        assert_eq!(sessions::prune_expired_tokens(&db, now + later, 100).await.unwrap(), 0);
        assert_eq!(sign_in::prune_failures(&db, 1, now + later, 100).await.unwrap(), 0, "none is tried any more");
        let old = if later.as_secs() < 86_400 * 7 { 0 } else { 2 };
        assert_eq!(sign_in::prune_failures(&db, 2, now + later, 100).await.unwrap(), old, "a user's like nobody's");
    }
    let later = now + Duration::from_secs(86_400 * 31);
    assert_eq!(sessions::prune_expired_tokens(&db, later, 1).await.unwrap(), 1);
    assert_eq!(sessions::prune_expired(&db, later, 100).await.unwrap(), 2);
    assert_eq!(app.database.count("refresh_tokens").await, 0);
}
