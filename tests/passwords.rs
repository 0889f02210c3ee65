//! Which passwords may be chosen: the policy, and the service that is asked for breached ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;
#[path = "passwords/range.rs"]
mod range;

use std::time::{Duration, Instant};

use common::app::{AppOptions, TestApp, fresh_email, user};
use common::database::Backend;
use common::http::Answer;
use common::scrape::{Matcher, metric};
use neodyme::password::StoredHash;
use range::{Behaviour, RangeService, sha1};
use serde_json::Value;

const PASSWORD: &str = "three otters on a tandem";

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

fn calls(outcome: &str) -> Matcher {
    let calls = metric("neodyme_external_service_calls_total").label("service", "breached_passwords");
    calls.label("operation", "range").label("outcome", outcome)
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
    refusals("breached").value(0.0).assert_in(&app).await;
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

async fn asking(service: &RangeService, patience: &str) -> TestApp {
    let options =
        AppOptions::on(Backend::Sqlite).set("breached_passwords_url", service.url()).set("log_level", "debug");
    TestApp::spawn(options.set("breached_passwords_timeout", patience)).await
}

#[tokio::test]
async fn nobody_is_asked_unless_an_address_is_set() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    assert_eq!(choose(&app, PASSWORD).await.status, 201);
    assert!(!app.metrics_text().await.contains("service=\"breached_passwords\",operation"));
}

#[tokio::test]
async fn a_breached_password_is_refused_and_only_five_digits_of_its_hash_are_told() {
    let service = RangeService::start().await;
    service.behave(Behaviour::Knows(vec![(PASSWORD, 1), ("otters in the bathtub", 0)]));
    let app = asking(&service, "20s").await;
    let answer = choose(&app, PASSWORD).await;
    assert_eq!(fault(&answer), ("password".into(), "breached".into()));
    assert!(answer.text().contains("choose another, and change it wherever else you use it"), "{}", answer.text());
    // As the service has it, in NFC or not.
    service.behave(Behaviour::Knows(vec![("três épées bleues", 7)]));
    assert_eq!(fault(&choose(&app, "tre\u{302}s e\u{301}pe\u{301}es bleues").await).1, "breached");
    // Found 0 times: that is padding.
    service.behave(Behaviour::Knows(vec![("otters in the bathtub", 0)]));
    assert_eq!(choose(&app, "otters in the bathtub").await.status, 201);

    let questions = service.questions();
    assert_eq!(questions.len(), 3);
    assert_eq!(questions[0].method, "GET");
    assert_eq!(questions[0].path, format!("/range/{}", &sha1(PASSWORD)[..5]));
    let mut headers: Vec<_> = questions[0].headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    headers.retain(|header| !header.starts_with("host: "));
    headers.sort_unstable();
    let agent = concat!("user-agent: \"neodyme/", env!("CARGO_PKG_VERSION"), "\"");
    assert_eq!(headers, ["accept: \"*/*\"", "add-padding: \"true\"", agent]);

    calls("success").value(3.0).assert_in(&app).await;
    refusals("breached").value(2.0).assert_in(&app).await;
    assert_tells_nothing(&app, PASSWORD);
}

#[tokio::test]
async fn what_is_refused_anyway_is_not_asked_about() {
    let service = RangeService::start().await;
    let app = asking(&service, "20s").await;
    for password in ["fourteen chars", "1qaz2wsx3edc4rfv", "Ada-Lovelace-1815"] {
        assert_eq!(choose(&app, password).await.status, 422);
    }
    let mut body = user("no address");
    body["password"] = PASSWORD.into();
    assert_eq!(app.post(&body).await.status, 422);
    assert!(service.questions().is_empty(), "{:?}", service.questions());
}

/// Nobody is kept from registering by a service that fails, and an operator reads that it did.
#[tokio::test]
async fn a_password_is_taken_where_the_service_gives_no_answer() {
    for (behaviour, outcome, reason) in [
        (Behaviour::Hang, "timeout", "timeout"),
        (Behaviour::Silent, "timeout", "timeout"),
        (Behaviour::Status(503), "error", "refused_5xx"),
        (Behaviour::Status(429), "error", "refused_4xx"),
        (Behaviour::Page, "error", "not_the_service"),
        (Behaviour::Redirect("http://127.0.0.1:1/range/ABCDE".into()), "error", "not_the_service"),
        (Behaviour::Endless, "error", "not_the_service"),
        (Behaviour::Close, "error", "protocol"),
    ] {
        let service = RangeService::start().await;
        service.behave(behaviour.clone());
        // Only what never ends has to wait for the end of its time.
        let app = asking(&service, if outcome == "timeout" { "200ms" } else { "20s" }).await;
        let began = Instant::now();
        let answer = choose(&app, PASSWORD).await;
        assert_eq!(answer.status, 201, "{behaviour:?}: {}", answer.text());
        assert!(began.elapsed() < Duration::from_secs(15), "{behaviour:?}: {:?}", began.elapsed());
        calls(outcome).value(1.0).assert_in(&app).await;
        let message = "A new password could not be held against breaches, and is taken without";
        let line = app.wait_for_request_log(message, answer.header("x-request-id")).await;
        assert_eq!(line["context"]["reason"], reason, "{behaviour:?}: {line}");
        assert_eq!(line["level"], "warning", "{line}");
        assert_tells_nothing(&app, PASSWORD);
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_is_given_a_rest() {
    let service = RangeService::start().await;
    service.behave(Behaviour::Close);
    let app = asking(&service, "20s").await;
    for _ in 0..5 {
        assert_eq!(choose(&app, PASSWORD).await.status, 201);
    }
    assert_eq!(service.questions().len(), 3);
    calls("error").value(3.0).assert_in(&app).await;
    calls("circuit_open").value(2.0).assert_in(&app).await;
    metric("neodyme_external_service_calls_in_flight")
        .label("service", "breached_passwords")
        .value(0.0)
        .assert_in(&app)
        .await;
}

/// Neither the password nor anything of its hash stands in what an operator reads.
fn assert_tells_nothing(app: &TestApp, password: &str) {
    let (output, hash) = (app.output(), sha1(password));
    assert!(!output.contains(password));
    let texts = app.logs().iter().flat_map(texts).collect::<Vec<_>>().join("\n");
    assert!(!texts.contains(&format!("/{}", &hash[..5])) && !texts.contains(&hash[5..]), "{texts}");
}

/// Every text in a value.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(members) => members.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}
