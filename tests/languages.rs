//! What language a user is written to in: registered by HTTP, delivered by SMTP, on both databases.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use common::app::{AppOptions, TestApp, fresh_email, user};
use common::database::Backend;
use common::eventually;
use common::http::Answer;
use common::scrape::metric;
use common::smtp::received::decode_words;
use common::smtp::{Behaviour, Received, SmtpSink};
use common::users::PASSWORD;
use serde_json::{Value, json};

on_both_databases!(
    the_language_is_the_one_that_is_asked_for_or_read_or_the_default,
    every_email_to_a_user_is_in_the_users_language,
    the_owner_of_a_taken_address_is_written_to_in_the_owners_language,
    jobs_from_before_there_were_languages_are_delivered,
    an_operator_brings_another_language,
);

async fn app_and_sink(options: AppOptions) -> (TestApp, SmtpSink) {
    let sink = SmtpSink::start(Behaviour::Normal).await;
    let options = options.set_all(sink.settings()).set("outbox_poll_interval", "100ms");
    (TestApp::spawn(options.set("mail_from", "Example <hello@example.org>")).await, sink)
}

/// Registers a user who reads this, and asks for that.
async fn register(app: &TestApp, email: &str, reads: Option<&str>, locale: Option<&str>) -> Answer {
    let mut body = user(email);
    if let Some(locale) = locale {
        body["locale"] = locale.into();
    }
    let request = app.request("POST", "/users/").json(&body);
    let request = reads.into_iter().fold(request, |request, list| request.header("accept-language", list));
    Answer::to(request).await.unwrap()
}

async fn post(app: &TestApp, path: &str, reads: &str, body: Value) -> Answer {
    Answer::to(app.request("POST", path).header("accept-language", reads).json(&body)).await.unwrap()
}

/// The next email to this address, after so many.
async fn mail_to(sink: &SmtpSink, email: &str, before: usize) -> Received {
    let to = || sink.received().into_iter().filter(|mail| mail.to == email).nth(before);
    eventually(&format!("mail {before} to {email}"), async || to()).await
}

/// Fails unless all of an email is in this language.
fn assert_in(mail: &Received, language: &str, subject: &str) {
    assert_eq!(decode_words(&mail.header("Subject")), subject);
    let [text, html] = mail.parts();
    let hello = if language == "de" { "Guten Tag" } else { "Hello" };
    assert!(text.starts_with(hello), "{text}");
    assert!(html.contains(&format!("<html lang=\"{language}\">")) && html.contains(hello), "{html}");
}

async fn the_language_is_the_one_that_is_asked_for_or_read_or_the_default(backend: Backend) {
    let (app, sink) = app_and_sink(AppOptions::on(backend).set("mail_default_language", "de")).await;
    let (german, english) = (("de", "Willkommen bei Example"), ("en", "Welcome to Example"));
    for (reads, locale, stored, (language, subject)) in [
        (Some("de-AT"), None, "de", german),
        (Some("fr, en-US;q=0.8, de;q=0.5"), None, "en", english),
        (Some("de"), Some("en-gb"), "en-GB", english),
        (Some("en"), Some("fr"), "fr", german),
        (Some("fr, *;q=0.1"), None, "", german),
        (Some("not a language; q=x,,"), None, "", german),
        (None, None, "", german),
    ] {
        let email = fresh_email();
        assert_eq!(register(&app, &email, reads, locale).await.status, 201, "{reads:?} {locale:?}");
        assert_in(&mail_to(&sink, &email, 0).await, language, subject);
        let locale = format!("SELECT coalesce(locale, '') AS text FROM users WHERE email = '{email}'");
        assert_eq!(app.database.texts(&locale).await, [stored], "{reads:?}");
    }
    for locale in ["German", "de_AT", "", &"de-1996".repeat(6)] {
        let refused = register(&app, &fresh_email(), None, Some(locale)).await;
        refused.assert_problem(422, "VALIDATION_FAILED");
        assert_eq!(refused.json()["errors"][0]["field"], "locale");
    }
}

async fn every_email_to_a_user_is_in_the_users_language(backend: Backend) {
    let (app, sink) = app_and_sink(AppOptions::on(backend)).await;
    let email = fresh_email();
    let id = register(&app, &email, Some("de"), None).await.json()["id"].as_str().unwrap().to_owned();
    assert_in(&mail_to(&sink, &email, 0).await, "de", "Willkommen bei Example");
    // What whoever asks reads does not matter: it may be a stranger.
    assert_eq!(post(&app, "/auth/verify-email/send", "en", json!({ "email": email })).await.status, 202);
    assert_in(&mail_to(&sink, &email, 1).await, "de", "Bestätigen Sie Ihre E-Mail-Adresse bei Example");
    assert_eq!(post(&app, "/auth/reset-password/send", "en", json!({ "email": email })).await.status, 202);
    let reset = mail_to(&sink, &email, 2).await;
    assert_in(&reset, "de", "Neues Passwort für Ihr Konto bei Example");
    assert!(reset.parts()[0].contains("30 Minuten"), "{:?}", reset.parts());

    let tokens = app.login(&email, PASSWORD).await.json();
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(app.call("GET", "/auth/me", access).await.json()["locale"], "de");
    let change = async |locale: Option<&str>| {
        let request = app.request("PATCH", &format!("/users/{id}")).bearer_auth(access);
        Answer::to(request.json(&json!({ "locale": locale }))).await.unwrap()
    };
    change(Some("Klingon")).await.assert_problem(422, "VALIDATION_FAILED");
    let changed = change(Some("en-gb")).await;
    assert_eq!((changed.status, &changed.json()["locale"]), (200, &json!("en-GB")));
    let export = app.call("GET", &format!("/users/{id}/export"), access).await;
    assert_eq!(export.json()["user"]["locale"], "en-GB");
    let told_changes = |count| {
        metric("neodyme_user_changes_total").label("change", "language_changed").label("by", "oneself").value(count)
    };
    told_changes(1.0).assert_in(&app).await;
    assert!(app.audited().await.contains(&format!("user.language_changed by {id}")));

    let body = json!({ "current_password": PASSWORD, "new_password": "three otters in a bathtub" });
    let request = app.request("POST", "/auth/password").bearer_auth(access).json(&body);
    let replaced = Answer::to(request).await.unwrap();
    assert!((200..300).contains(&replaced.status), "{}", replaced.text());
    assert_in(&mail_to(&sink, &email, 3).await, "en", "Your password at Example was changed");
    let cleared = change(None).await;
    assert_eq!((cleared.status, &cleared.json()["locale"]), (200, &Value::Null), "{}", cleared.text());
    told_changes(2.0).assert_in(&app).await;
    assert_eq!(change(None).await.header("etag"), cleared.header("etag"), "there is nothing to take away any more");
    assert_eq!(post(&app, "/auth/reset-password/send", "de", json!({ "email": email })).await.status, 202);
    assert_in(&mail_to(&sink, &email, 4).await, "en", "Choose another password at Example");
}

async fn the_owner_of_a_taken_address_is_written_to_in_the_owners_language(backend: Backend) {
    let options = AppOptions::on(backend).set("registration_conflict", "hide").set("require_verified_email", "true");
    let (app, sink) = app_and_sink(options).await;
    let email = fresh_email();
    assert_eq!(register(&app, &email, Some("de"), None).await.status, 202);
    assert_in(&mail_to(&sink, &email, 0).await, "de", "Willkommen bei Example");
    assert_eq!(register(&app, &email, Some("en"), Some("en")).await.status, 202);
    assert_in(&mail_to(&sink, &email, 1).await, "de", "Sie haben bereits ein Konto bei Example");
}

async fn jobs_from_before_there_were_languages_are_delivered(backend: Backend) {
    let (app, mut sink) = app_and_sink(AppOptions::on(backend).set("outbox_max_backoff", "500ms")).await;
    sink.go_down().await;
    let email = fresh_email();
    assert_eq!(register(&app, &email, Some("de"), None).await.status, 201);
    let payload = json!({ "email": email, "full_name": "Ada" });
    app.database.execute(&format!("UPDATE outbox_jobs SET payload = '{payload}'")).await;
    sink.come_back().await;
    assert_in(&mail_to(&sink, &email, 0).await, "en", "Welcome to Example");
}

async fn an_operator_brings_another_language(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("fr")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("fr/welcome.subject.txt", "Bienvenue chez {{ product_name }}");
    write("fr/welcome.txt", "Bonjour {{ full_name }}, voici votre code : {{ code }}");
    let options = AppOptions::on(backend).set("mail_templates", folder.path().display());
    let (app, sink) = app_and_sink(options.set("product_name", "Héron")).await;
    for (reads, locale) in [(Some("fr-CA, de;q=0.5"), None), (Some("de"), Some("fr-FR"))] {
        let email = fresh_email();
        assert_eq!(register(&app, &email, reads, locale).await.status, 201);
        let mail = mail_to(&sink, &email, 0).await;
        assert_eq!(decode_words(&mail.header("Subject")), "Bienvenue chez Héron");
        let [text, html] = mail.parts();
        assert!(text.starts_with("Bonjour Ada Lovelace, voici votre code : "), "{text}");
        assert!(html.contains("<html lang=\"en\">") && html.contains("Your account at Héron is ready"), "{html}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_no_email_can_show_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (key, value, said) in [
        ("support_address", "call us", "neither an address of mail nor a URL that begins with https://"),
        ("support_address", "http://example.com/help", "does not begin with https://"),
        ("product_url", "shop.example.com", "is not a URL"),
        ("product_url", "http://shop.example.com", "does not begin with https://"),
        ("logo_url", "logo.png", "is not a URL"),
        ("logo_url", "http://example.com/logo.png", "does not begin with https://"),
        ("mail_default_language", "German", "is not the tag of a language"),
        ("mail_default_language", "fr", "mail_default_language is fr, and there are templates in de, en"),
    ] {
        let output = AppOptions::on(Backend::Sqlite).set(key, value).run(&["check"], folder.path());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && error.contains(said) && error.contains(key), "{error}");
    }
}
