//! Who may call what: every endpoint of the table, for everybody who may and may not. An endpoint whose rule is unknown here fails.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;
#[path = "access_tokens/forgery.rs"]
#[allow(dead_code, reason = "another test uses the rest")]
mod forgery;

use std::collections::BTreeSet;

use common::app::{AppOptions, TestApp};
use common::database::Backend;
use common::eventually;
use common::http::Answer;
use common::users::SignedIn;
use forgery::{Forger, claims_of, header_of, token_of};
use neodyme::operations::{self, Listener};
use serde_json::json;

/// Who calls: the user whose id is in the path, another one, and those who have a role.
const CALLERS: [&str; 4] = ["owner", "user", "support", "admin"];

/// A line of the table.
struct Line {
    method: String,
    path: String,
    rule: String,
}

impl Line {
    /// Whether the rule lets this one in.
    fn admits(&self, caller: &str) -> bool {
        match self.permission() {
            None => matches!(self.rule.as_str(), "anyone" | "a user") || panic!("who is {}?", self.rule),
            Some(_) if caller == "owner" && self.rule.starts_with("oneself, or ") => true,
            Some("users:read" | "audit:read") => matches!(caller, "support" | "admin"),
            Some("users:write" | "users:delete") => caller == "admin",
            Some(other) => panic!("who may {other}?"),
        }
    }

    fn permission(&self) -> Option<&str> {
        self.rule.split('`').nth(1)
    }

    fn path_of(&self, owner: &SignedIn) -> String {
        self.path.replace("{id}", &owner.id)
    }
}

/// The table, as the document of the listener tells it.
fn table() -> Vec<Line> {
    let document = operations::document(Listener::Api);
    let mut lines = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let rule = operation["x-callers"].as_str().unwrap().to_owned();
            lines.push(Line { method: method.to_uppercase(), path: path.clone(), rule });
        }
    }
    lines
}

async fn grant(app: &TestApp, user: &SignedIn, role: &str) {
    app.database.execute(&format!("UPDATE users SET role = '{role}' WHERE email = '{}'", user.email)).await;
}

fn is_let_in(answer: &Answer) -> bool {
    answer.status != 401 && answer.status != 403
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_endpoint_lets_in_whom_its_rule_says() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let [other, support, admin] = [app.signed_in().await, app.signed_in().await, app.signed_in().await];
    grant(&app, &support, "support").await;
    grant(&app, &admin, "admin").await;
    let mut rules = BTreeSet::new();
    for line in table() {
        rules.insert(line.rule.clone());
        for caller in CALLERS {
            // What is done to the owner, or to a session, is done to nobody else.
            let owner = app.signed_in().await;
            let user = match caller {
                "owner" => owner.clone(),
                "user" => app.sign_in(&other.email).await,
                "support" => app.sign_in(&support.email).await,
                _ => app.sign_in(&admin.email).await,
            };
            let (method, path) = (&line.method, line.path_of(&owner));
            let answer = app.call(method, &path, &user.access).await;
            if line.admits(caller) {
                assert!(is_let_in(&answer), "{method} {path} by {caller}: {answer:?}");
                continue;
            }
            answer.assert_problem(403, "FORBIDDEN");
            let scope = line.permission().unwrap();
            let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
            assert_eq!(answer.header("www-authenticate"), challenge, "{method} {path} by {caller}");
        }
    }
    let expected = [
        "a user",
        "anyone",
        "oneself, or `users:delete`",
        "oneself, or `users:read`",
        "oneself, or `users:write`",
        "`audit:read`",
        "`users:read`",
    ];
    assert_eq!(rules, expected.map(String::from).into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_in_with_a_token_that_is_none() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let owner = app.signed_in().await;
    grant(&app, &owner, "admin").await;
    let (header, claims) = (header_of(&owner.access), claims_of(&owner.access));
    let mut unsigned = header.clone();
    unsigned["alg"] = json!("none");
    let (message, signature) = owner.access.rsplit_once('.').unwrap();
    let mut later = claims.clone();
    later["exp"] = json!(claims["exp"].as_i64().unwrap() + 1);
    let expired = expired(&app, &owner).await;
    let strangers = [
        ("foreign key", Forger::new().token(&header, &claims)),
        ("alg=none", format!("{}.", token_of(&unsigned, &claims))),
        ("forged", format!("{}.{signature}", token_of(&header, &later))),
        ("unsigned", message.to_owned()),
        ("expired", expired),
    ];
    for line in table() {
        let (method, path) = (&line.method, line.path_of(&owner));
        let anonymous = ("anonymous", Answer::to(app.request(method, &path)).await.unwrap());
        let mut answers = vec![anonymous];
        for (stranger, token) in &strangers {
            answers.push((stranger, app.call(method, &path, token).await));
        }
        for (stranger, answer) in answers {
            if line.rule == "anyone" {
                assert!(is_let_in(&answer), "{method} {path} by {stranger}: {answer:?}");
                continue;
            }
            answer.assert_problem(401, "UNAUTHORIZED");
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{method} {path} by {stranger}");
        }
    }
}

/// A form as a page of ours sends it, or the page; with what its caller shows.
async fn visit(app: &TestApp, method: &str, path: &str, shown: Option<(&str, &str)>) -> Answer {
    let request = common::http::client().request(method.parse().unwrap(), app.api_url() + path);
    let request = request.header("sec-fetch-site", "same-origin");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    Answer::to(shown.into_iter().fold(request, |request, (name, value)| request.header(name, value))).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_page_lets_in_whom_its_rule_says() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("hosted_pages", "true")).await;
    let mut rules = BTreeSet::new();
    for page in neodyme::accounts::pages() {
        let (method, path, rule) = (page.method.as_str(), page.path, page.access.to_string());
        let user = app.signed_in().await;
        let form = format!("email={}&password={}", user.email, common::users::PASSWORD.replace(' ', "+"));
        let request = app.request("POST", "/account/sign-in").header("sec-fetch-site", "same-origin").body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let signed_in = Answer::to(request).await.unwrap();
        let cookie = signed_in.header("set-cookie").split(';').next().unwrap();
        let forged = format!("{}=x{}", cookie.split_once('=').unwrap().0, cookie.split_once('=').unwrap().1);
        let bearer = format!("Bearer {}", user.access);
        let strangers = [None, Some(("authorization", bearer.as_str())), Some(("cookie", forged.as_str()))];
        for stranger in strangers {
            let answer = visit(&app, method, path, stranger).await;
            match rule.as_str() {
                "anyone" => assert!(is_let_in(&answer) && answer.status != 303, "{method} {path}: {answer:?}"),
                "a user who is signed in on the pages" => {
                    let is_led = answer.header("location").starts_with("/account/sign-in");
                    assert!(answer.status == 303 && is_led, "{method} {path}: {answer:?}");
                }
                other => panic!("who is {other}?"),
            }
        }
        assert_eq!(visit(&app, "GET", "/account/", Some(("cookie", cookie))).await.status, 200, "nothing was done");
        let answer = visit(&app, method, path, Some(("cookie", cookie))).await;
        // Who signs out is led there as well, and is signed out.
        let is_led_away = answer
            .headers
            .get("location")
            .is_some_and(|location| location.to_str().unwrap().starts_with("/account/sign-in"));
        assert!(is_let_in(&answer) && is_led_away == (path == "/account/sign-out"), "{method} {path}: {answer:?}");
        rules.insert(rule);
    }
    assert_eq!(rules, ["a user who is signed in on the pages", "anyone"].map(String::from).into());
}

/// A token of the same keys whose time is over.
async fn expired(app: &TestApp, user: &SignedIn) -> String {
    let brief = AppOptions::on_database(app.database.clone()).set("access_token_lifetime", "1s");
    let brief = TestApp::spawn(brief).await;
    let token = brief.sign_in(&user.email).await.access;
    assert_eq!(app.call("GET", "/auth/me", &token).await.status, 200);
    eventually("the token expires", async || (app.call("GET", "/auth/me", &token).await.status == 401).then_some(()))
        .await;
    token
}
