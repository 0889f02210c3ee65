//! Access tokens: who is believed, what that lets do, and that others can verify them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;
#[path = "access_tokens/forgery.rs"]
mod forgery;
#[path = "access_tokens/verifiers.rs"]
mod verifiers;

use common::app::{AppOptions, TestApp};
use common::database::Backend;
use common::http::Answer;
use common::scrape::metric;
use common::users::SignedIn;
use forgery::{Forger, claims_of, header_of, token_of};
use serde_json::{Value, json};

on_both_databases!(
    a_token_that_is_not_ours_is_refused,
    the_caller_stands_in_each_line_of_its_request,
    a_new_key_is_published_before_it_signs,
    no_key_is_made_that_the_service_could_not_read,
    others_verify_tokens_with_the_published_keys,
);

async fn a_token_that_is_not_ours_is_refused(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend).set("access_token_lifetime", "1s")).await;
    let user = app.signed_in().await;
    let (header, claims) = (header_of(&user.access), claims_of(&user.access));
    let fresh = json!({ "exp": claims["exp"].as_i64().unwrap() + 600 });
    let changed = |base: &Value, change: Value| {
        let mut changed = base.clone();
        changed.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        changed
    };
    let longer = changed(&claims, fresh);
    let signature = user.access.rsplit('.').next().unwrap();
    let forger = Forger::new();
    let none = |alg: &str| token_of(&changed(&header, json!({ "alg": alg })), &longer);
    let refused = [
        ("", "malformed"),
        ("a.b.c", "malformed"),
        (&format!("{}.", none("none")), "malformed"),
        (&format!("{}.{signature}", none("None")), "malformed"),
        (&format!("{}.{signature}", none("HS256")), "algorithm"),
        (&format!("{}.{signature}", token_of(&header, &longer)), "signature"),
        (&forger.token(&header, &longer), "signature"),
        (&forger.token(&changed(&header, json!({ "kid": "x" })), &longer), "unknown_key"),
        (&forger.token(&changed(&header, json!({ "typ": "JWT" })), &longer), "malformed"),
    ];
    for (token, fault) in refused {
        let answer = app.call("GET", "/auth/me", token).await;
        answer.assert_problem(401, "UNAUTHORIZED");
        if !token.is_empty() {
            let challenge = format!("Bearer error=\"invalid_token\", error_description=\"{fault}\"");
            assert_eq!(answer.header("www-authenticate"), challenge, "{token}");
        }
    }
    let url = format!("{}/auth/me?access_token={}", app.api_url(), user.access);
    assert_eq!(Answer::to(app.client.get(url)).await.unwrap().status, 401, "a token in a URL is none");

    let expired = common::eventually("it expires", async || {
        let answer = app.call("GET", "/auth/me", &user.access).await;
        (answer.status != 200).then_some(answer)
    });
    let expired = expired.await;
    expired.assert_problem(401, "UNAUTHORIZED");
    let challenge = "Bearer error=\"invalid_token\", error_description=\"expired\"";
    assert_eq!(expired.header("www-authenticate"), challenge);
    for (fault, count) in
        [("malformed", 4.0), ("algorithm", 1.0), ("signature", 2.0), ("unknown_key", 1.0), ("expired", 1.0)]
    {
        metric("neodyme_access_tokens_refused_total").label("fault", fault).value(count).assert_in(&app).await;
    }
    metric("neodyme_errors_total").label("kind", "critical").value(0.0).assert_in(&app).await;
}

async fn the_caller_stands_in_each_line_of_its_request(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let (ada, admin) = (app.signed_in().await, app.signed_in().await);
    app.database.execute(&format!("UPDATE users SET role = 'admin' WHERE email = '{}'", admin.email)).await;
    let answer = app.call("GET", &format!("/users/{}", ada.id), &admin.access).await;
    assert_eq!((answer.status, &answer.json()["email"]), (200, &json!(ada.email)));
    let id = answer.header("x-request-id");
    let end = app.wait_for_request_log("Request completed", id).await;
    assert_eq!((&end["caller"], &end["user_id"]), (&json!(admin.id), &json!(ada.id)), "who, and whom");
    for line in app.logs().iter().filter(|line| line["request_id"] == id) {
        assert_eq!(line["caller"], json!(admin.id), "{line}");
    }
    let refused = app.call("GET", &format!("/users/{}", admin.id), &ada.access).await;
    refused.assert_problem(403, "FORBIDDEN");
    let line = app.wait_for_request_log("Request completed", refused.header("x-request-id")).await;
    assert_eq!((&line["caller"], &line["user_id"]), (&json!(ada.id), &Value::Null));
}

/// The names of the keys that are published.
async fn published(app: &TestApp) -> Vec<String> {
    let answer = app.get("/.well-known/jwks.json").await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "public, max-age=300"));
    assert_eq!(answer.header("content-type"), "application/jwk-set+json");
    let keys = answer.json()["keys"].as_array().unwrap().clone();
    for key in &keys {
        let mut names: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x", "y"], "nothing of the private half");
    }
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn kid(user: &SignedIn) -> String {
    header_of(&user.access)["kid"].as_str().unwrap().to_owned()
}

async fn a_new_key_is_published_before_it_signs(backend: Backend) {
    let options = AppOptions::on(backend).set("key_encryption_key", "canary canary canary canary canary");
    let app = TestApp::spawn(options).await;
    let options =
        AppOptions::on_database(app.database.clone()).set("key_encryption_key", "canary canary canary canary canary");
    let run = |arguments: &[&str]| {
        let output = options.run(arguments, app.folder());
        (output.status.success(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let list = || -> Value { serde_json::from_str(&run(&["keys", "list", "--json"]).1).unwrap() };
    let user = app.signed_in().await;
    assert_eq!(published(&app).await, [kid(&user)]);
    let (first, keys) = (kid(&user), list());
    assert_eq!((&keys[0]["state"], &keys[0]["encrypted"]), (&json!("signs"), &json!(true)));

    let (done, said, _) = run(&["keys", "rotate"]);
    assert!(done && said.contains("is new, and signs from"), "{said}");
    let (done, _, refused) = run(&["keys", "rotate"]);
    assert!(!done && refused.contains("has not begun to sign"), "{refused}");
    assert_eq!(app.audited().await.last().unwrap(), "keys.rotated by operator");
    let states: Vec<_> = list().as_array().unwrap().iter().map(|key| key["state"].clone()).collect();
    assert_eq!(states, ["signs", "next"]);
    let both = common::eventually("it is published", async || {
        let keys = published(&app).await;
        (keys.len() == 2).then_some(keys)
    });
    let both = both.await;
    assert_eq!(kid(&app.sign_in(&user.email).await), first, "it does not sign yet");

    app.database.set_back("signing_keys", "signs_from", 700).await;
    // Somebody else signs in: of a user's sessions only so many go on.
    let other = app.signed_in().await.email;
    let later = common::eventually("it signs", async || {
        let later = app.sign_in(&other).await;
        (kid(&later) != first).then_some(later)
    });
    assert_eq!(kid(&later.await), both[1]);
    assert_eq!(app.call("GET", "/auth/me", &user.access).await.status, 200, "what the old one signed is believed");
    app.database.set_back("signing_keys", "signs_from", 4000).await;
    common::eventually("it is gone", async || (published(&app).await == both[1..]).then_some(())).await;
    let refused = app.call("GET", "/auth/me", &user.access).await;
    refused.assert_problem(401, "UNAUTHORIZED");
    let is_removed = async || (app.database.count("signing_keys").await == 1).then_some(());
    common::eventually("its row is gone", is_removed).await;

    // A service that cannot read its key says so and does not start.
    let mut other = TestApp::launch(AppOptions::on_database(app.database.clone()));
    assert!(!other.wait_for_exit().await.success());
    assert!(other.output().contains("key_encryption_key is not set"), "{}", other.output());
    assert!(!app.output().contains("canary") && !other.output().contains("canary"));
}

async fn no_key_is_made_that_the_service_could_not_read(backend: Backend) {
    const SECRET: &str = "canary canary canary canary canary";
    const OTHER: &str = "other other other other other other";
    let app = TestApp::spawn(AppOptions::on(backend).set("key_encryption_key", SECRET)).await;
    let with = |secret: Option<&str>| {
        let options = AppOptions::on_database(app.database.clone());
        secret.map_or(options.clone(), |secret| options.set("key_encryption_key", secret))
    };
    let run = |secret: Option<&str>, arguments: &str| {
        let output = with(secret).run(&arguments.split(' ').collect::<Vec<_>>(), app.folder());
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code().unwrap(), said)
    };
    for wrong in [Some(OTHER), None] {
        let (code, said) = run(wrong, "keys rotate --now");
        assert!(code == 1 && said.contains("the service could not read a new one either"), "{said}");
        let (code, said) = run(wrong, "check");
        assert!(code == 1 && said.contains("the signing keys cannot be used: read the signing key"), "{said}");
        let mut second = TestApp::launch(with(wrong));
        assert!(!second.wait_for_exit().await.success());
        assert!(second.output().contains("read the signing key"), "{}", second.output());
    }
    assert_eq!(app.database.count("signing_keys").await, 1);
    let (code, said) = run(Some(SECRET), "check");
    assert!(code == 0 && said.ends_with("signing keys: 1 key, usable\n"), "{said}");

    // The secret is lost: there is a way on, and whom it leaves behind says so.
    assert_eq!(run(Some(OTHER), "keys rotate --key-lost").0, 2, "the old key would go on signing");
    let (code, said) = run(Some(OTHER), "keys rotate --now --key-lost");
    assert_eq!(code, 0, "{said}");
    let (code, said) = run(Some(OTHER), "check");
    assert!(code == 0 && said.ends_with("signing keys: 2 keys, usable\n"), "{said}");
    let second = TestApp::spawn(with(Some(OTHER))).await;
    second.signed_in().await;
    let is_told = |line: &Value| line["message"] == "A signing key cannot be read: while it signs, nobody can sign in";
    common::eventually("it is told", async || app.logs().iter().any(is_told).then_some(())).await;
    assert_eq!(run(Some(OTHER), "keys rotate").0, 0, "from here on as ever");
}

async fn others_verify_tokens_with_the_published_keys(backend: Backend) {
    let issuer = "https://accounts.example.com";
    let options = AppOptions::on(backend).set("token_issuer", issuer).set("token_audience", "shop");
    let app = TestApp::spawn(options).await;
    let user = app.signed_in().await;
    let forged = Forger::new().token(&header_of(&user.access), &claims_of(&user.access));
    let jwks = format!("{}/.well-known/jwks.json", app.api_url());
    for verify in [verifiers::pyjwt, verifiers::jose] {
        let claims = verify(&jwks, issuer, "shop", &user.access).unwrap();
        assert_eq!((&claims["sub"], &claims["iss"]), (&json!(user.id), &json!(issuer)));
        assert!(verify(&jwks, issuer, "another", &user.access).is_err());
        assert!(verify(&jwks, issuer, "shop", &forged).is_err());
    }
}
