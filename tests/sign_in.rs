//! A user signs in: what the client gets, and what somebody learns who tries passwords.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::app::{AppOptions, TestApp, fresh_email, user};
use common::database::{Backend, Database, open_postgres};
use common::http::{self, Answer};
use common::scrape::metric;
use common::users::PASSWORD;
use common::within;
use serde_json::{Value, json};
use tokio::task::JoinSet;

on_both_databases!(
    a_registered_user_signs_in,
    an_unknown_address_and_a_wrong_password_are_alike,
    wrong_passwords_make_the_next_one_wait,
    after_many_wrong_passwords_none_is_tried,
    who_tries_many_at_once_learns_no_more,
    a_right_password_among_many_does_nothing,
    a_wrong_password_of_a_user_who_goes_meanwhile_is_wrong,
    a_switched_off_user_is_told_so_after_the_right_password_only,
    a_hash_of_another_kind_is_made_anew,
    a_hash_that_cannot_be_read_is_a_failure_of_the_service,
    no_user_has_more_sessions_than_are_allowed,
    a_first_sign_in_is_counted_once_by_the_age_of_the_user,
    the_limit_of_a_client_is_told_before_the_body_is_read,
);

fn sign_ins(outcome: &str) -> common::scrape::Matcher {
    metric("neodyme_sign_ins_total").label("outcome", outcome)
}

async fn a_registered_user_signs_in(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let registered = app.register("Ada@example.com").await.json();
    let request = app.request("POST", "/auth/login").header("user-agent", "Firefox/140");
    let answer = Answer::to(request.json(&json!({"email": "ada@EXAMPLE.com", "password": PASSWORD}))).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    assert_eq!(body["token_type"], "Bearer");
    assert!((890..=900).contains(&body["expires_in"].as_u64().unwrap()), "{body}");
    assert_eq!(body["user"]["role"], "user");
    for (name, value) in registered.as_object().unwrap() {
        assert_eq!(&body["user"][name], value);
    }

    let access = body["access_token"].as_str().unwrap();
    for path in ["/auth/me", registered["id"].as_str().map(|id| format!("/users/{id}")).unwrap().as_str()] {
        let seen = app.call("GET", path, access).await;
        assert_eq!((seen.status, seen.json()), (200, body["user"].clone()), "{path}");
    }
    let sessions = app.call("GET", "/auth/sessions", access).await.json();
    let session = &sessions["sessions"][0];
    assert_eq!((&session["user_agent"], &session["client_ip"]), (&json!("Firefox/140"), &json!("127.0.0.1")));
    assert_eq!(session["is_current"], true);

    let id = registered["id"].as_str().unwrap();
    assert_eq!(app.audited().await, ["user.registered by anonymous".to_owned(), format!("user.signed_in by {id}")]);
    sign_ins("success").value(1.0).assert_in(&app).await;
    metric("neodyme_sign_in_duration_seconds_count").value(1.0).assert_in(&app).await;
    let line = app.wait_for_request_log("User signed in", answer.header("x-request-id")).await;
    assert_eq!((&line["user_id"], &line["context"]["email"]), (&json!(id), &json!("a***@example.com")));
    let output = app.output();
    for secret in [access, body["refresh_token"].as_str().unwrap(), PASSWORD] {
        assert!(!output.contains(secret), "no secret is logged");
    }
}

/// What an answer says, but for what every answer has of its own.
fn said(answer: &Answer) -> (u16, Value, Vec<(String, String)>) {
    let mut body = answer.json();
    body["request_id"] = Value::Null;
    let of_its_own = ["x-request-id", "date"];
    let headers = answer.headers.iter().filter(|(name, _)| !of_its_own.contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    (answer.status, body, headers)
}

async fn an_unknown_address_and_a_wrong_password_are_alike(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend).set("login_free_failures", 2)).await;
    app.register("ada@example.com").await;
    for attempt in 1..=4 {
        // However slow this machine is, the wait is not over.
        app.database.set_back("login_failures", "last_failed_at", -3600).await;
        let known = app.login("ada@example.com", "wrong horse battery").await;
        let unknown = app.login("nobody@example.com", "wrong horse battery").await;
        assert_eq!(said(&known), said(&unknown), "attempt {attempt}");
        match attempt {
            1 | 2 => _ = known.assert_problem(401, "INVALID_CREDENTIALS"),
            _ => _ = known.assert_problem(429, "RATE_LIMITED"),
        }
    }
    sign_ins("wrong").value(4.0).assert_in(&app).await;
    for (of, distinct) in [("account", 2.0), ("client", 1.0)] {
        metric("neodyme_wrong_password_parties").label("of", of).value(distinct).assert_in(&app).await;
    }
    sign_ins("delayed").value(4.0).assert_in(&app).await;
    let verified = metric("neodyme_password_hash_duration_seconds_count").label("operation", "verify");
    verified.value(4.0).assert_in(&app).await;
    for path in ["unexpected", "critical"] {
        metric("neodyme_errors_total").label("kind", path).value(0.0).assert_in(&app).await;
    }
}

async fn wrong_passwords_make_the_next_one_wait(backend: Backend) {
    let options = AppOptions::on(backend).set("login_free_failures", 2);
    let app = TestApp::spawn(options.clone()).await;
    app.register("ada@example.com").await;
    for _ in 0..2 {
        app.login("ada@example.com", "wrong horse battery").await.assert_problem(401, "INVALID_CREDENTIALS");
    }
    // However slow this machine is, the wait is not over. The right one waits as well, and on another instance too.
    app.database.set_back("login_failures", "last_failed_at", -3600).await;
    let delayed = app.login("ada@example.com", PASSWORD).await;
    assert_eq!(delayed.assert_problem(429, "RATE_LIMITED").header("retry-after"), "1");
    if backend == Backend::Postgres {
        let other = TestApp::spawn(AppOptions::on_database(app.database.clone()).set("login_free_failures", 2)).await;
        other.login("ada@example.com", PASSWORD).await.assert_problem(429, "RATE_LIMITED");
    }
    app.database.set_back("login_failures", "last_failed_at", 3601).await;
    app.login("ada@example.com", "wrong horse battery").await.assert_problem(401, "INVALID_CREDENTIALS");
    app.database.set_back("login_failures", "last_failed_at", -3600).await;
    assert_eq!(app.login("ada@example.com", PASSWORD).await.header("retry-after"), "2");
    app.database.set_back("login_failures", "last_failed_at", 3602).await;
    assert_eq!(app.login("ada@example.com", PASSWORD).await.status, 200);
    assert_eq!(app.database.count("login_failures").await, 0, "they are forgotten");
}

async fn after_many_wrong_passwords_none_is_tried(backend: Backend) {
    let options = AppOptions::on(backend).set("login_free_failures", 3).set("login_max_failures", 3);
    let app = TestApp::spawn(options).await;
    let ada = app.register("ada@example.com").await.json();
    for email in ["ada@example.com", "nobody@example.com"] {
        for _ in 0..3 {
            app.login(email, "wrong horse battery").await.assert_problem(401, "INVALID_CREDENTIALS");
        }
        app.database.set_back("login_failures", "last_failed_at", 1_000_000).await;
        app.login(email, PASSWORD).await.assert_problem(403, "PASSWORD_LOCKED");
    }
    sign_ins("locked").value(2.0).assert_in(&app).await;
    let audited = app.audited().await;
    assert_eq!(audited, ["user.registered by anonymous", "user.password_locked by anonymous"]);
    app.register("nobody@example.com").await;
    app.sign_in("nobody@example.com").await;
    let admin = app.signed_in().await;
    app.database.execute(&format!("UPDATE users SET role = 'admin' WHERE email = '{}'", admin.email)).await;
    let path = format!("/users/{}", ada["id"].as_str().unwrap());
    let unlock = app.request("PATCH", &path).bearer_auth(&admin.access);
    assert_eq!(Answer::to(unlock.json(&json!({ "is_active": true }))).await.unwrap().status, 200);
    app.sign_in("ada@example.com").await;
    app.login("ada@example.com", "wrong horse battery").await;
    app.database.execute("DELETE FROM users").await;
    assert_eq!(app.database.count("login_failures").await, 0, "those of a user go with the user");
}

async fn who_tries_many_at_once_learns_no_more(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend).set("login_free_failures", 3)).await;
    app.register("ada@example.com").await;
    let mut tries = JoinSet::new();
    for n in 0..40 {
        let body = json!({ "email": "ada@example.com", "password": format!("wrong horse {n}") });
        let request = http::client().post(format!("{}/auth/login", app.api_url())).json(&body);
        tries.spawn(Answer::to(request));
    }
    let mut statuses = BTreeMap::<u16, usize>::new();
    for answer in tries.join_all().await {
        *statuses.entry(answer.unwrap().status).or_default() += 1;
    }
    let told = statuses[&401];
    assert!((3..=4).contains(&told), "{statuses:?}");
    assert_eq!(statuses.get(&429), Some(&(40 - told)), "{statuses:?}");
}

/// Wherever a password is asked for: what the right one does would tell it from the others.
async fn a_right_password_among_many_does_nothing(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend).slow_hashing().set("login_free_failures", 3)).await;
    let keyed = |password: &str| {
        let mut body = user("ada@example.com");
        body["password"] = json!(password);
        app.request("POST", "/users/").header("idempotency-key", "key").json(&body)
    };
    assert_eq!(Answer::to(keyed(PASSWORD)).await.unwrap().status, 201);
    let ada = app.sign_in("ada@example.com").await;
    let erase = app.request("DELETE", &format!("/users/{}", ada.id)).bearer_auth(&ada.access);
    let login = || app.request("POST", "/auth/login").json(&json!({ "email": ada.email, "password": PASSWORD }));
    for (way, right) in
        [("repeat", keyed(PASSWORD)), ("erase", erase.json(&json!({ "password": PASSWORD }))), ("inactive", login())]
    {
        if way == "inactive" {
            app.database.execute("UPDATE users SET is_active = false").await;
        }
        let mut tries = JoinSet::new();
        for n in 0..6 {
            let body = json!({ "email": ada.email, "password": format!("wrong horse {n}") });
            tries.spawn(Answer::to(app.request("POST", "/auth/login").json(&body)));
        }
        metric("neodyme_password_hash_queue_length").at_least(3.0).assert_in(&app).await;
        Answer::to(right).await.unwrap().assert_problem(429, "RATE_LIMITED");
        tries.join_all().await;
        app.database.execute("DELETE FROM login_failures").await;
    }
}

async fn a_wrong_password_of_a_user_who_goes_meanwhile_is_wrong(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend).slow_hashing()).await;
    app.register("ada@example.com").await;
    let body = json!({ "email": "ada@example.com", "password": "wrong horse battery" });
    let answer = tokio::spawn(Answer::to(app.request("POST", "/auth/login").json(&body)));
    metric("neodyme_password_hash_workers").label("state", "busy").value(1.0).assert_in(&app).await;
    app.database.execute("DELETE FROM users").await;
    answer.await.unwrap().unwrap().assert_problem(401, "INVALID_CREDENTIALS");
    assert_eq!(app.database.count("login_failures").await, 1);
}

async fn a_switched_off_user_is_told_so_after_the_right_password_only(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let user = app.signed_in().await;
    app.database.execute("UPDATE users SET is_active = false").await;
    app.login(&user.email, "wrong horse battery").await.assert_problem(401, "INVALID_CREDENTIALS");
    app.login(&user.email, PASSWORD).await.assert_problem(403, "ACCOUNT_INACTIVE");
    app.refresh(&user.refresh).await.assert_problem(403, "ACCOUNT_INACTIVE");
    app.call("GET", "/auth/me", &user.access).await.assert_problem(401, "UNAUTHORIZED");
    app.call("GET", "/auth/sessions", &user.access).await.assert_problem(401, "UNAUTHORIZED");
    sign_ins("inactive").value(1.0).assert_in(&app).await;
}

async fn a_hash_of_another_kind_is_made_anew(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let hash = async || app.database.texts("SELECT password_hash AS text FROM users").await.remove(0);
    let old = [
        ("password", "$2b$05$ZjYEW8bC0WjG29OXn/MCa.c4Ej6uYOYdTbYn0Dt5vJYnQMcYpWMZC"),
        ("password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQxMjM0NTY3OA$COKcH5BS1zk3BJ3jIkovf9X25q08D0A92iG0R1iL27Y"),
    ];
    app.register("ada@example.com").await;
    for (password, old) in old {
        app.database.execute(&format!("UPDATE users SET password_hash = '{old}'")).await;
        app.login("ada@example.com", "passwore").await.assert_problem(401, "INVALID_CREDENTIALS");
        assert_eq!(hash().await, old);
        for _ in 0..2 {
            assert_eq!(app.login("ada@example.com", password).await.status, 200, "{old}");
        }
        let renewed = hash().await;
        assert!(renewed.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{renewed}");
    }
    let hashed = metric("neodyme_password_hash_duration_seconds_count").label("operation", "hash");
    hashed.value(3.0).assert_in(&app).await;
}

async fn a_hash_that_cannot_be_read_is_a_failure_of_the_service(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    app.register("ada@example.com").await;
    app.database.execute("UPDATE users SET password_hash = 'canary'").await;
    let answer = app.login("ada@example.com", PASSWORD).await;
    answer.assert_problem(500, "AUTHENTICATION_FAILURE");
    metric("neodyme_errors_total").label("error_type", "AUTHENTICATION_FAILURE").value(1.0).assert_in(&app).await;
    sign_ins("authentication").value(1.0).assert_in(&app).await;
    let line = app.wait_for_request_log("Sign-in failed", answer.header("x-request-id")).await;
    assert!(line["exception"].to_string().contains("must be a PHC string"), "{line}");
    assert!(!app.output().contains("canary"));
}

async fn no_user_has_more_sessions_than_are_allowed(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend).set("sessions_per_user", 2)).await;
    let first = app.signed_in().await;
    let second = app.sign_in(&first.email).await;
    // The first is the one used last.
    let first = first.with(&app.refresh(&first.refresh).await.json());
    let third = app.sign_in(&first.email).await;
    let other = app.signed_in().await;
    assert_eq!(app.database.count("sessions").await, 3);
    app.refresh(&second.refresh).await.assert_problem(401, "UNAUTHORIZED");
    for user in [&first, &third, &other] {
        assert_eq!(app.refresh(&user.refresh).await.status, 200);
    }
    metric("neodyme_sessions_ended_total").label("reason", "displaced").value(1.0).assert_in(&app).await;
}

async fn a_first_sign_in_is_counted_once_by_the_age_of_the_user(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let within = |span: &str| metric("neodyme_first_sign_ins_total").label("within", span);
    let day = 24 * 60 * 60;
    for (email, seconds) in [("ada@example.com", 0), ("bob@example.com", 2 * day), ("eve@example.com", 5 * day)] {
        app.register(email).await;
        app.database.set_back("users", "created_at", seconds).await;
        for _ in 0..2 {
            app.sign_in(email).await;
        }
    }
    within("day").value(1.0).assert_in(&app).await;
    within("week").value(2.0).assert_in(&app).await;
    // Whose first sign-in is too late is counted nowhere: all of them are a week older.
    app.register("zoe@example.com").await;
    app.database.set_back("users", "created_at", 7 * day).await;
    app.sign_in("zoe@example.com").await;
    sign_ins("success").value(7.0).assert_in(&app).await;
    metric("neodyme_first_sign_ins_total").value(3.0).assert_in(&app).await;
}

async fn the_limit_of_a_client_is_told_before_the_body_is_read(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend).set("logins_per_client", 2).set("logins_period", "1h")).await;
    for _ in 0..2 {
        app.login("nobody@example.com", PASSWORD).await.assert_problem(401, "INVALID_CREDENTIALS");
    }
    let unread = app.request("POST", "/auth/login").header("content-type", "application/json").body("no JSON");
    let refused = Answer::to(unread).await.unwrap();
    refused.assert_problem(429, "RATE_LIMITED");
    assert_eq!(app.register(&fresh_email()).await.status, 201, "other limits are others");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_that_does_not_end_is_counted() {
    let options = AppOptions::on(Backend::Postgres).set("http_request_timeout", "1s");
    let app = TestApp::spawn(options.set("database_query_timeout", "30s")).await;
    let Database::Postgres(url) = &app.database else { panic!("on PostgreSQL") };
    let (session, _connection) = open_postgres(url).await;
    session.batch_execute("BEGIN; LOCK TABLE login_failures IN ACCESS EXCLUSIVE MODE").await.unwrap();
    app.login("nobody@example.com", PASSWORD).await.assert_problem(503, "TIMEOUT");
    sign_ins("error").value(1.0).assert_in(&app).await;
    let body = json!({ "email": "nobody@example.com", "password": PASSWORD });
    let hasty = app.request("POST", "/auth/login").json(&body).timeout(Duration::from_millis(200));
    assert!(hasty.send().await.is_err());
    sign_ins("cancelled").value(1.0).assert_in(&app).await;
    metric("neodyme_sign_ins_total").value(2.0).assert_in(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_cannot_read_its_key_says_so() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let user = app.signed_in().await;
    metric("neodyme_signing_key_usable").value(1.0).assert_in(&app).await;
    app.database.execute("UPDATE signing_keys SET is_sealed = true").await;
    metric("neodyme_signing_key_usable").value(0.0).assert_in(&app).await;
    app.login(&user.email, PASSWORD).await.assert_problem(500, "AUTHENTICATION_FAILURE");
    sign_ins("authentication").value(1.0).assert_in(&app).await;
    app.refresh(&user.refresh).await.assert_problem(500, "AUTHENTICATION_FAILURE");
    metric("neodyme_token_refreshes_total").label("outcome", "authentication").value(1.0).assert_in(&app).await;
    let hit = |error_type| metric("neodyme_error_users").label("error_type", error_type).label("within", "incident");
    for error_type in ["AUTHENTICATION_FAILURE", "5xx"] {
        assert_eq!(hit(error_type).read(&app).await, 1.0, "one person, who tried both: {error_type}");
    }
    let other = fresh_email();
    assert_eq!(app.register(&other).await.status, 201);
    app.login(&other, PASSWORD).await.assert_problem(500, "AUTHENTICATION_FAILURE");
    hit("AUTHENTICATION_FAILURE").value(2.0).assert_in(&app).await;
}

fn timed(options: AppOptions) -> AppOptions {
    options.set("login_free_failures", 100).set("login_max_failures", 1_000_000).set("password_argon2_memory_kib", 8192)
}

/// How long a sign-in takes tells nothing of whether there is such a user.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_of_an_answer_does_not_tell_whether_there_is_a_user() {
    let app = TestApp::spawn(timed(AppOptions::on(Backend::Sqlite))).await;
    app.post(&user("known@example.com")).await;
    assert_times_are_alike(&app).await;
}

/// Nor where the hash of the user takes longer than new ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_of_an_old_hash_does_not_tell_it_either() {
    let app = TestApp::spawn(timed(AppOptions::on(Backend::Sqlite))).await;
    app.post(&user("known@example.com")).await;
    let weaker = timed(AppOptions::on_database(app.database.clone())).set("password_argon2_memory_kib", 8);
    assert_times_are_alike(&TestApp::spawn(weaker).await).await;
}

async fn assert_times_are_alike(app: &TestApp) {
    const PAIRS: usize = 300;
    // Whatever else this machine does is not in every round.
    let found = within(Duration::from_secs(60), Duration::ZERO, async || {
        let mut took = [Vec::new(), Vec::new()];
        for pair in 0..PAIRS {
            if pair % 50 == 0 {
                app.database.execute("DELETE FROM login_failures").await;
            }
            for (times, email) in took.iter_mut().zip(["known@example.com", "unknown@example.com"]) {
                let began = std::time::Instant::now();
                assert_eq!(app.login(email, "wrong horse battery").await.status, 401);
                times.push(began.elapsed());
            }
        }
        let [known, unknown] = took.map(|mut times| {
            times.sort();
            times[PAIRS / 2].as_secs_f64()
        });
        let differ = (known / unknown - 1.0).abs();
        (differ < 0.05).then_some(())
    });
    assert!(found.await.is_some(), "the medians differ by 5 % or more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_a_sign_in_is_refused_with_all_its_faults() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let body = json!({ "email": "x", "password": "", "remember": true });
    let answer = Answer::to(app.request("POST", "/auth/login").json(&body)).await.unwrap();
    answer.assert_problem(422, "VALIDATION_FAILED");
    let faults: Vec<_> =
        answer.json()["errors"].as_array().unwrap().iter().map(|fault| fault["field"].clone()).collect();
    assert_eq!(faults, ["remember", "email", "password"]);
}
