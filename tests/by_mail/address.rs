//! A user changes the address and takes that back, and a thief does so.

use serde_json::json;

use crate::common::app::{AppOptions, TestApp, fresh_email};
use crate::common::database::Backend;
use crate::common::http::Answer;
use crate::common::smtp::Received;
use crate::common::users::PASSWORD;
use crate::{NEW, app_and_sink, assert_code_refused, code_in, on_both_databases, post};

on_both_databases!(
    a_new_address_is_confirmed_and_the_old_one_can_take_it_back,
    an_address_is_kept_for_whom_it_was_taken_from,
    a_thief_keeps_nothing_that_was_prepared,
);

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
    let code = code_in(&sink.mail_to(&new, "new address", 0).await);
    app.login(&new, PASSWORD).await.assert_problem(401, "INVALID_CREDENTIALS");

    assert_eq!(post(&app, "/auth/change-email", json!({ "code": code })).await.status, 204);
    assert_code_refused(&post(&app, "/auth/change-email", json!({ "code": code })).await);
    app.login(&user.email, PASSWORD).await.assert_problem(401, "INVALID_CREDENTIALS");
    let changed = app.sign_in(&new).await;
    assert_eq!(changed.id, user.id);
    assert!(app.call("GET", "/auth/me", &changed.access).await.json()["email_verified_at"].is_string());
    // The session that asked goes on.
    assert_eq!(app.call("GET", "/auth/me", &user.access).await.json()["email"], json!(new));

    let undo = code_in(&sink.mail_to(&user.email, "was changed", 0).await);
    assert_eq!(post(&app, "/auth/undo-email-change", json!({ "code": undo })).await.status, 204);
    app.refresh(&changed.refresh).await.assert_problem(401, "UNAUTHORIZED");
    app.login(&new, PASSWORD).await.assert_problem(401, "INVALID_CREDENTIALS");
    // Whoever changed it may know the password: the user is sent a code for another one.
    let reset = code_in(&sink.mail_to(&user.email, "has its address again", 0).await);
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
        let code = code_in(&sink.mail_to(new, "new address", 0).await);
        assert_eq!(post(&app, "/auth/change-email", json!({ "code": code })).await.status, 204, "{n}");
    }
    app.register(&user.email).await.assert_problem(409, "EMAIL_ALREADY_EXISTS");
    refuses_operators_too(&app, &user.email);
    let other = app.signed_in().await;
    ask_to_change(&app, &other.access, &user.email, PASSWORD).await.assert_problem(409, "EMAIL_ALREADY_EXISTS");
    let undo = code_in(&sink.mail_to(&user.email, "was changed", 0).await);
    // That of the first address is good even after the thief has taken the second change back himself, and not the other way round.
    let of_thief = code_in(&sink.mail_to(&second, "was changed", 0).await);
    assert_eq!(post(&app, "/auth/undo-email-change", json!({ "code": of_thief })).await.status, 204);
    assert_eq!(post(&app, "/auth/undo-email-change", json!({ "code": undo })).await.status, 204);
    assert_eq!(app.login(&user.email, PASSWORD).await.status, 200);
    // What is not kept any more is free.
    assert_eq!(app.register(&third).await.status, 201);
}

/// An operator makes no user of an address that is kept, and imports none.
fn refuses_operators_too(app: &TestApp, kept: &str) {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = AppOptions::on_database(app.database.clone()).run(arguments, folder.path());
        let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (output.status.code(), out, err)
    };
    std::fs::write(folder.path().join("password"), PASSWORD).unwrap();
    let create = ["user", "create", "--email", kept, "--name", "Ada", "--password-file", "password"];
    let (code, out, err) = run(&create);
    assert!(code == Some(1) && out.is_empty() && err.contains("this email address is kept for a user"), "{err}");

    let hash = "$2b$05$ZjYEW8bC0WjG29OXn/MCa.c4Ej6uYOYdTbYn0Dt5vJYnQMcYpWMZC";
    let line = |email: &str| json!({ "email": email, "full_name": "Ada", "password_hash": hash }).to_string();
    let (kept, free) = (line(&kept.to_uppercase()), line(&fresh_email()));
    std::fs::write(folder.path().join("users"), format!("{free}\n{kept}\n")).unwrap();
    let (_, rehearsed, told) = run(&["import", "users", "--json", "--dry-run"]);
    let (code, out, err) = run(&["import", "users", "--json", "--rejects", "rejects"]);
    assert!(rehearsed == out && told.lines().next() == err.lines().next(), "{told}");
    assert!(code == Some(1) && err.contains("line 2: email is kept for a user who had it until lately"), "{err}");
    let counted: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(counted, json!({ "lines": 2, "added": 1, "existing": 0, "refused": 1 }));
    assert_eq!(std::fs::read_to_string(folder.path().join("rejects")).unwrap(), kept + "\n");
}

/// What a thief asked for in a stolen session is good for nothing once the user has ended that; and the user who goes back to the old
/// address gives the thief's no code to take that back.
async fn a_thief_keeps_nothing_that_was_prepared(backend: Backend) {
    let (app, mut sink) = app_and_sink(backend, |options| options.set("outbox_max_backoff", "500ms")).await;
    let (user, of_thief, later) = (app.signed_in().await, fresh_email(), fresh_email());
    let thief = app.sign_in(&user.email).await;
    assert_eq!(ask_to_change(&app, &thief.access, &of_thief, PASSWORD).await.status, 202);
    let prepared = code_in(&sink.mail_to(&of_thief, "new address", 0).await);
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
        let code = code_in(&sink.mail_to(new, "new address", before).await);
        assert_eq!(post(&app, "/auth/change-email", json!({ "code": code })).await.status, 204);
    }
    sink.mail_to(&user.email, "was changed", 0).await;
    let told = |mail: &Received| mail.to == further && mail.header("Subject").contains("was changed");
    assert!(!sink.received().iter().any(told), "no code for the last address");
    let between = code_in(&sink.mail_to(&of_thief, "was changed", 0).await);
    assert_code_refused(&post(&app, "/auth/undo-email-change", json!({ "code": between })).await);
}
