//! Which passwords may be chosen.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use common::app::{AppOptions, TestApp, fresh_email, user};
use common::database::Backend;
use common::http::Answer;
use common::scrape::{Matcher, metric};
use neodyme::password::StoredHash;

async fn choose(app: &TestApp, password: &str) -> Answer {
    let mut body = user(&fresh_email());
    body["password"] = password.into();
    app.post(&body).await
}

/// The one fault of an answer: its field and its code.
fn fault(answer: &Answer) -> (String, String) {
    answer.assert_problem(422, "VALIDATION_FAILED");
    let faults = answer.json()["errors"].as_array().unwrap().clone();
    let [fault] = faults.as_slice() else { panic!("{faults:?}") };
    (fault["field"].as_str().unwrap().to_owned(), fault["code"].as_str().unwrap().to_owned())
}

fn refusals(reason: &str) -> Matcher {
    metric("neodyme_password_refusals_total").label("reason", reason)
}

async fn each_refusal_is_said_and_counted_and_the_password_is_not_repeated(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let much = "otters, otter ".repeat(10);
    for (password, code, what_to_do) in [
        ("fourteen chars", "too_short", "at least 15 characters"),
        (much.as_str(), "too_long", "at most 128 characters"),
        ("abcdeabcdeabcde", "repetitive", "something that cannot be said as shortly"),
        ("1QAZ2wsx3edc4rfv", "common", "choose another"),
        ("Ada-Lovelace-1815", "personal", "add at least 8 letters or digits of your own"),
        ("my neodyme access", "ok", ""),
        ("neodyme/neodyme/1", "personal", "the name of this service"),
    ] {
        let answer = choose(&app, password).await;
        assert!(!answer.text().contains(password), "{}", answer.text());
        if code == "ok" {
            assert_eq!(answer.status, 201, "{password}: {}", answer.text());
            continue;
        }
        assert_eq!(fault(&answer), ("password".into(), code.into()), "{password}");
        let message = answer.json()["errors"][0]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(what_to_do), "{message}");
    }
    for (reason, count) in
        [("too_short", 1.0), ("too_long", 1.0), ("repetitive", 1.0), ("common", 1.0), ("personal", 2.0)]
    {
        refusals(reason).value(count).assert_in(&app).await;
    }
    metric("neodyme_password_hash_duration_seconds_count").label("operation", "hash").value(1.0).assert_in(&app).await;
    assert_eq!(app.database.count("users").await, 1);
}

async fn composed_and_decomposed_are_one_password(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let (composed, decomposed) = ("três épées bleu", "tre\u{302}s e\u{301}pe\u{301}es bleu");
    for password in [composed, decomposed] {
        assert_eq!(choose(&app, password).await.status, 201, "{password:?}");
    }
    // 15 code points, of which NFC leaves 14.
    assert_eq!(fault(&choose(&app, "e\u{301}pees bleues !").await).1, "too_short");
    let hashes = app.database.texts("SELECT password_hash AS text FROM users").await;
    assert_eq!(hashes.len(), 2);
    for hash in hashes {
        assert!(StoredHash::parse(&hash).unwrap().is_of(composed.as_bytes()));
    }
}

on_both_databases!(
    each_refusal_is_said_and_counted_and_the_password_is_not_repeated,
    composed_and_decomposed_are_one_password,
);

#[tokio::test]
async fn the_fewest_characters_are_a_setting() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("password_min_characters", 8)).await;
    assert_eq!(fault(&choose(&app, "otters7").await).1, "too_short");
    assert_eq!(choose(&app, "otters 7").await.status, 201);
    let folder = tempfile::tempdir().unwrap();
    for few in ["7", "65", "none"] {
        let refused = AppOptions::bare().set("password_min_characters", few).run(&["check"], folder.path());
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(2) && said.contains("from 8 to 64"), "{said}");
    }
}
