//! What language a page is in: the one that its reader's browser asks for.

use std::fs;

use serde_json::json;

use crate::common::app::{TestApp, fresh_email};
use crate::common::database::Backend;
use crate::common::http::Answer;
use crate::common::users::PASSWORD;
use crate::visit::{OURS, assert_page, cookie_of, with_pages};
use crate::{NEW, app_and_sink, assert_says, drive};

const GERMAN: (&str, &str) = ("accept-language", "de-AT,de;q=0.9,en;q=0.5");

async fn open_as(app: &TestApp, path: &str, reads: &str, cookie: &str) -> Answer {
    let request = app.request("GET", path).header("accept-language", reads).header("cookie", cookie);
    Answer::to(request).await.unwrap()
}

/// Fails unless it is a page in this language that says all of this.
fn assert_in(page: &Answer, status: u16, language: &str, said: &[&str]) {
    assert_page(page, status);
    assert_eq!((page.header("content-language"), page.header("vary")), (language, "Accept-Language"));
    let text = page.text();
    assert!(text.contains(&format!("<html lang=\"{language}\">")), "{text}");
    for words in said {
        assert!(text.contains(words), "{words} is missing in {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_german_browser_sees_german_from_sign_up_to_sign_out() {
    let (app, sink) = app_and_sink(Backend::Sqlite).await;
    let (email, url) = (fresh_email(), app.api_url() + "/account/");
    let filled = json!({ "email": email, "full_name": "Ada Lovelace", "password": "short" });
    let seen = drive(json!([
        { "reads": "de-AT", "goto": format!("{url}sign-up") },
        { "fill": filled, "press": "button" },
        { "fill": { "password": PASSWORD }, "press": "button" },
    ]))
    .await;
    assert_says(&seen[0], "Mindestens 15 Zeichen");
    assert_says(&seen[1], "Erforderlich sind mindestens 15 Zeichen.");
    assert_says(&seen[2], &format!("Eine E-Mail ist an {email} unterwegs."));
    let link = crate::link_in_mail(&app, &sink, &email, "Willkommen").await;
    let after = drive(json!([
        { "reads": "de-AT", "goto": link, "press": "button" },
        { "goto": link, "press": "button" },
        { "press": "a[href='sign-in']" },
        { "fill": { "email": email, "password": NEW }, "press": "button" },
        { "fill": { "password": PASSWORD }, "press": "button" },
        { "press": "a[href='change-password']" },
        { "fill": { "current_password": NEW, "new_password": NEW }, "press": "button" },
        { "goto": url, "press": "form[action='sign-out'] button" },
    ]))
    .await;
    assert_says(&after[0], "Ihre E-Mail-Adresse ist bestätigt.");
    assert_says(&after[1], "Ihre E-Mail-Adresse ist bestätigt.");
    assert_says(&after[3], "Die E-Mail-Adresse oder das Passwort ist falsch.");
    assert_says(&after[4], "Chrome unter Linux (dieses Gerät)");
    assert_says(&after[4], "gerade eben");
    assert_says(&after[5], "Hier bleiben Sie angemeldet.");
    assert_says(&after[6], "Das ist, was bisher galt. Bitte wählen Sie etwas anderes.");
    assert_says(&after[7], "Anmelden");
    for seen in seen.iter().chain(&after) {
        assert_eq!(seen["language"], "de", "{seen}");
    }
}

#[tokio::test]
async fn a_page_is_in_the_best_language_that_there_is() {
    let german = with_pages(Backend::Sqlite).set("mail_default_language", "de");
    let (english, german) = (TestApp::spawn(with_pages(Backend::Sqlite)).await, TestApp::spawn(german).await);
    for (app, reads, language) in [
        (&english, "de", "de"),
        (&english, "fr, de;q=0.1", "de"),
        (&english, "en-GB, de;q=0.9", "en"),
        (&english, "fr", "en"),
        (&english, "", "en"),
        (&german, "fr, *", "de"),
        (&german, "en", "en"),
    ] {
        assert_in(&open_as(app, "/account/sign-in", reads, "").await, 200, language, &[]);
    }
}

#[tokio::test]
async fn what_goes_wrong_is_told_in_the_language_of_the_page() {
    let options = with_pages(Backend::Sqlite).set("logins_per_client", 4).set("logins_period", "1h");
    let app = TestApp::spawn(options).await;
    let user = app.signed_in().await;
    let cookie = cookie_of(&app, &user.email).await;
    let send = async |path: &str, form: &[(&str, &str)]| app.send_form(path, form, &[OURS, GERMAN]).await;
    let taken = send("/account/sign-up", &[("email", &user.email), ("full_name", ""), ("password", "x")]).await;
    assert_in(&taken, 422, "de", &["mindestens ein sichtbares Zeichen", "mindestens 15 Zeichen"]);
    let taken = send("/account/sign-up", &[("email", &user.email), ("full_name", "Ada"), ("password", PASSWORD)]).await;
    assert_in(&taken, 409, "de", &["Zu dieser E-Mail-Adresse gibt es bereits ein Konto."]);
    for password in ["wrong horse battery", "wrong cow battery"] {
        let wrong = send("/account/sign-in", &[("email", &user.email), ("password", password)]).await;
        assert_in(&wrong, 401, "de", &["Die E-Mail-Adresse oder das Passwort ist falsch."]);
    }
    let often = send("/account/sign-in", &[("email", &user.email), ("password", PASSWORD)]).await;
    assert_in(&often, 429, "de", &["zu viele Anmeldungen", "in 15 Minuten noch einmal"]);
    let foreign = app.send_form("/account/sign-up", &[], &[("sec-fetch-site", "cross-site"), GERMAN]).await;
    assert_in(&foreign, 403, "de", &["von einer anderen Website", "Registrieren"]);
    assert_in(&open_as(&app, "/account/sign-out", "de", &cookie).await, 405, "de", &["Ihr Konto"]);
    assert_in(&open_as(&app, "/account/", "de", &cookie).await, 200, "de", &["Angemeldete Geräte", "UTC"]);
    let json = app.request("POST", "/auth/login").header(GERMAN.0, GERMAN.1);
    let json = Answer::to(json.json(&json!({ "email": user.email, "password": PASSWORD }))).await.unwrap();
    json.assert_problem(429, "RATE_LIMITED");
    assert!(json.text().contains("too many sign-ins came from this address; try again in "), "{}", json.text());
}

#[tokio::test]
async fn an_operator_brings_another_language() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("fr")).unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let words = fs::read_to_string("src/page_templates/en/words.html").unwrap();
    write("fr/words.html", &words.replace("Email address", "Adresse e-mail").replace("Password", "Mot de passe"));
    write(
        "fr/faults.html",
        "{% macro fault(fault) %}{% if fault.code == \"too_short\" %}Au moins {{ fault.bound }}{% endif %}{% endmacro %}",
    );
    let page =
        "{% extends \"form.html\" %}{% block title %}Inscription{% endblock %}{% block button %}Envoyer{% endblock %}";
    write("fr/sign-up.html", page);
    write("page.css", "main { max-width: 7rem; }");
    let app = TestApp::spawn(with_pages(Backend::Sqlite).set("pages_templates", folder.path().display())).await;
    let style = "<style>main { max-width: 7rem; }</style>";
    let page = open_as(&app, "/account/sign-up", "fr-CA, de;q=0.5", "").await;
    assert_in(&page, 200, "fr", &["Inscription", "Adresse e-mail", "Envoyer", style]);
    let form = [("email", "x"), ("full_name", "Ada"), ("password", "short")];
    let refused = app.send_form("/account/sign-up", &form, &[OURS, ("accept-language", "fr")]).await;
    let fallback = "<span lang=\"en\">It must be an email address such as name@example.com.</span>";
    assert_in(&refused, 422, "fr", &["Au moins 15", fallback]);
    let other = open_as(&app, "/account/sign-in", "fr", "").await;
    assert_in(&other, 200, "en", &["Forgotten your password?", style]);
    assert_in(&open_as(&app, "/account/sign-up", "de", "").await, 200, "de", &["Registrieren", style]);
}
