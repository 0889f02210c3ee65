//! Users over HTTP: listed, changed, exported and erased, by themselves and by those who may.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use common::app::{AppOptions, TestApp};
use common::database::Backend;
use common::eventually;
use common::http::Answer;
use common::raw::RawClient;
use common::scrape::{Matcher, metric};
use common::users::{PASSWORD, SignedIn};
use serde_json::{Value, json};

on_both_databases!(
    users_are_listed_a_page_at_a_time,
    a_query_that_is_not_understood_is_refused,
    a_user_changes_the_name_and_nothing_else,
    an_admin_changes_others,
    a_change_is_made_to_what_was_read,
    what_an_admin_may_no_longer_do_is_refused_at_once,
    a_user_deletes_oneself_with_the_password,
    wrong_passwords_before_a_deletion_count,
    an_admin_deletes_others_and_not_oneself,
    a_chunked_body_that_is_empty_is_none,
    an_id_is_the_same_however_it_is_written,
    a_user_takes_all_that_is_stored,
    support_reads_the_trail,
);

struct Team {
    app: TestApp,
    admin: SignedIn,
    support: SignedIn,
    ada: SignedIn,
}

impl Team {
    async fn meet(backend: Backend) -> Team {
        let app = TestApp::spawn(AppOptions::on(backend)).await;
        let [admin, support, ada] = [app.signed_in().await, app.signed_in().await, app.signed_in().await];
        for (user, role) in [(&admin, "admin"), (&support, "support")] {
            app.database.execute(&format!("UPDATE users SET role = '{role}' WHERE email = '{}'", user.email)).await;
        }
        Team { app, admin, support, ada }
    }

    async fn send(&self, method: &str, path: &str, by: &SignedIn, body: Value) -> Answer {
        Answer::to(self.app.request(method, path).bearer_auth(&by.access).json(&body)).await.unwrap()
    }

    async fn change(&self, user: &SignedIn, by: &SignedIn, body: Value) -> Answer {
        self.send("PATCH", &format!("/users/{}", user.id), by, body).await
    }

    async fn get(&self, path: &str, by: &SignedIn) -> Answer {
        self.app.call("GET", path, &by.access).await
    }

    async fn user(&self, user: &SignedIn) -> Answer {
        self.get(&format!("/users/{}", user.id), &self.admin).await
    }

    async fn trail_of(&self, user: &SignedIn) -> Vec<Value> {
        let answer = self.get(&format!("/audit?user_id={}", user.id), &self.support).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["entries"].as_array().unwrap().clone()
    }
}

fn user_changes(change: &str, by: &str) -> Matcher {
    metric("neodyme_user_changes_total").label("change", change).label("by", by)
}

async fn users_are_listed_a_page_at_a_time(backend: Backend) {
    let team = Team::meet(backend).await;
    let list = async |query: &str| {
        let answer = team.get(&format!("/users/?{query}"), &team.support).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        let body = answer.json();
        let ids = body["users"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap().to_owned());
        (ids.collect::<Vec<_>>(), body["next"].clone())
    };
    let all = [&team.admin, &team.support, &team.ada].map(|user| user.id.clone());
    assert_eq!(list("").await, (all.to_vec(), Value::Null));
    assert_eq!(list("limit=2").await, (all[..2].to_vec(), json!(all[1])));
    assert_eq!(list(&format!("limit=2&after={}", all[1])).await, (all[2..].to_vec(), Value::Null));
    assert_eq!(list("order=desc&limit=1").await, (vec![all[2].clone()], json!(all[2])));
    assert_eq!(list("role=support&state=active").await.0, [all[1].as_str()]);
    assert_eq!(list("state=inactive").await.0, [""; 0]);
    assert_eq!(list("skip=1&limit=1").await.0, [all[1].as_str()]);
    assert_eq!(
        list(&format!("email_prefix={}", team.ada.email.to_uppercase().replace('@', "%40"))).await.0,
        [all[2].as_str()]
    );
    assert_eq!(list("since=2026-01-01T00:00:00Z").await.0.len(), 3);
    assert_eq!(list("until=2026-01-01T00:00:00Z").await.0.len(), 0);
    let shown = &team.get("/users/?limit=1", &team.admin).await.json()["users"][0];
    assert_eq!((&shown["email"], &shown["role"]), (&json!(team.admin.email), &json!("admin")));
}

async fn a_query_that_is_not_understood_is_refused(backend: Backend) {
    let team = Team::meet(backend).await;
    for query in [
        "limit=0",
        "limit=201",
        "limit=x",
        "skip=10001",
        "skip=-1",
        "order=up",
        "state=on",
        "role=boss",
        "after=1",
        "since=yesterday",
        "until=2026-13-01T00:00:00Z",
        "since=%2B262143-01-01T00:00:00Z",
        "email_prefix=",
        "email_prefix=a%00b",
        "page=2",
    ] {
        let answer = team.get(&format!("/users/?{query}"), &team.admin).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
        answer.assert_problem(400, "INVALID_PARAMETER");
    }
    for query in ["actor=a%00b", "user_id=x", "limit=1000", "since=0", "action=%0A"] {
        team.get(&format!("/audit?{query}"), &team.admin).await.assert_problem(400, "INVALID_PARAMETER");
    }
    // Any time that can be told is one.
    for time in ["0000-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59"] {
        for path in ["/users/?since", "/users/?until", "/audit?since", "/audit?until"] {
            let answer = team.get(&format!("{path}={time}"), &team.admin).await;
            assert_eq!(answer.status, 200, "{path}={time}: {}", answer.text());
        }
    }
}

async fn a_user_changes_the_name_and_nothing_else(backend: Backend) {
    let team = Team::meet(backend).await;
    let before = team.user(&team.ada).await;
    let changed = team.change(&team.ada, &team.ada, json!({ "full_name": " Ada King " })).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(changed.json()["full_name"], "Ada King");
    assert_ne!(changed.header("etag"), before.header("etag"));
    let seen = team.user(&team.ada).await;
    assert_eq!((seen.json(), seen.header("etag")), (changed.json(), changed.header("etag")));
    for body in [json!({ "role": "admin" }), json!({ "is_active": false }), json!({ "full_name": "x", "role": "user" })]
    {
        team.change(&team.ada, &team.ada, body).await.assert_problem(403, "FORBIDDEN");
    }
    team.change(&team.ada, &team.support, json!({ "full_name": "x" })).await.assert_problem(403, "FORBIDDEN");
    for body in [json!({ "full_name": "" }), json!({ "full_name": 7 }), json!({ "email": "x@example.com" }), json!([])]
    {
        team.change(&team.ada, &team.ada, body).await.assert_problem(422, "VALIDATION_FAILED");
    }
    let nothing = team.change(&team.ada, &team.ada, json!({})).await;
    assert_eq!((nothing.status, nothing.header("etag")), (200, changed.header("etag")));
    let trail = team.trail_of(&team.ada).await;
    assert_eq!((&trail[0]["action"], &trail[0]["actor"]), (&json!("user.renamed"), &json!(team.ada.id)));
    assert!(!json!(trail).to_string().contains("King"), "the trail has no names");
}

async fn an_admin_changes_others(backend: Backend) {
    let team = Team::meet(backend).await;
    let path = format!("/users/{}", team.ada.id);
    let changed = team.send("PUT", &path, &team.admin, json!({ "role": "support" })).await;
    assert_eq!((changed.status, &changed.json()["role"]), (200, &json!("support")));
    assert_eq!(team.get("/users/", &team.ada).await.status, 200, "what is granted holds at once");
    let off = team.change(&team.ada, &team.admin, json!({ "is_active": false, "full_name": "Ada King" })).await;
    assert_eq!(
        (off.status, &off.json()["is_active"], &off.json()["full_name"]),
        (200, &json!(false), &json!("Ada King"))
    );
    team.get("/auth/sessions", &team.ada).await.assert_problem(401, "UNAUTHORIZED");
    assert_eq!(team.app.refresh(&team.ada.refresh).await.status, 401);
    team.app.login(&team.ada.email, PASSWORD).await.assert_problem(403, "ACCOUNT_INACTIVE");
    assert_eq!(team.change(&team.ada, &team.admin, json!({ "is_active": true })).await.status, 200);
    team.app.sign_in(&team.ada.email).await;
    let by_admin: Vec<_> =
        team.trail_of(&team.ada).await.into_iter().filter(|entry| entry["actor"] == team.admin.id).collect();
    assert_eq!(by_admin.len(), 4, "{by_admin:?}");
    assert_eq!(by_admin[3]["details"], json!({ "from": "user", "to": "support" }));
    for change in ["role_changed", "deactivated", "renamed", "activated"] {
        user_changes(change, "another").value(1.0).assert_in(&team.app).await;
    }
    metric("neodyme_user_changes_total").value(4.0).assert_in(&team.app).await;
    for body in [json!({ "role": "boss" }), json!({ "role": true }), json!({ "is_active": "no" })] {
        team.change(&team.ada, &team.admin, body).await.assert_problem(422, "VALIDATION_FAILED");
    }
    for body in [json!({ "role": "user" }), json!({ "is_active": false })] {
        team.change(&team.admin, &team.admin, body).await.assert_problem(403, "FORBIDDEN");
    }
    let nobody = format!("/users/{}", uuid::Uuid::now_v7());
    team.send("PATCH", &nobody, &team.admin, json!({ "role": "user" })).await.assert_problem(404, "NOT_FOUND");
    team.send("PATCH", "/users/7", &team.admin, json!({ "role": "user" })).await.assert_problem(404, "NOT_FOUND");
}

async fn a_change_is_made_to_what_was_read(backend: Backend) {
    let team = Team::meet(backend).await;
    let path = format!("/users/{}", team.ada.id);
    let read = team.user(&team.ada).await.header("etag").to_owned();
    let change = async |tag: &str, name: &str| {
        let request = team.app.request("PATCH", &path).bearer_auth(&team.admin.access).header("if-match", tag);
        Answer::to(request.json(&json!({ "full_name": name }))).await.unwrap()
    };
    let first = change(&read, "One").await;
    assert_eq!(first.status, 200, "{}", first.text());
    change(&read, "Two").await.assert_problem(412, "PRECONDITION_FAILED");
    for tag in ["\"0\"", "\"other\"", "\"\"", "W/\"0\"", &format!("W/{}", first.header("etag")), "\"0\", \"1\""] {
        change(tag, "Two").await.assert_problem(412, "PRECONDITION_FAILED");
    }
    for tag in ["0", "w/\"0\"", "\"0"] {
        change(tag, "Two").await.assert_problem(400, "MALFORMED_REQUEST");
    }
    assert_eq!(team.user(&team.ada).await.json()["full_name"], "One");
    assert_eq!(change(&format!("\"0\", {}", first.header("etag")), "Two").await.status, 200);
    assert_eq!(change("*", "Three").await.json()["full_name"], "Three");
    let erase = team.app.request("DELETE", &path).bearer_auth(&team.admin.access).header("if-match", &read);
    Answer::to(erase).await.unwrap().assert_problem(412, "PRECONDITION_FAILED");
}

async fn what_an_admin_may_no_longer_do_is_refused_at_once(backend: Backend) {
    let team = Team::meet(backend).await;
    team.app.database.execute(&format!("UPDATE users SET role = 'user' WHERE email = '{}'", team.admin.email)).await;
    let body = json!({ "is_active": false });
    team.change(&team.ada, &team.admin, body).await.assert_problem(403, "FORBIDDEN");
    team.get("/users/", &team.admin).await.assert_problem(403, "FORBIDDEN");
    let answer = team.app.call("DELETE", &format!("/users/{}", team.ada.id), &team.admin.access).await;
    answer.assert_problem(403, "FORBIDDEN");
}

async fn a_user_deletes_oneself_with_the_password(backend: Backend) {
    let team = Team::meet(backend).await;
    let path = format!("/users/{}", team.ada.id);
    let without = team.app.call("DELETE", &path, &team.ada.access).await;
    without.assert_problem(422, "VALIDATION_FAILED");
    assert_eq!(without.json()["errors"][0]["field"], "password");
    let wrong = team.send("DELETE", &path, &team.ada, json!({ "password": "wrong horse battery" })).await;
    wrong.assert_problem(403, "INVALID_CREDENTIALS");
    assert_eq!(team.user(&team.ada).await.status, 200);
    let gone = team.send("DELETE", &path, &team.ada, json!({ "password": PASSWORD })).await;
    assert_eq!((gone.status, gone.text()), (204, ""));
    assert_eq!(team.user(&team.ada).await.status, 404);
    team.get("/auth/me", &team.ada).await.assert_problem(401, "UNAUTHORIZED");
    team.app.login(&team.ada.email, PASSWORD).await.assert_problem(401, "INVALID_CREDENTIALS");
    let trail = team.trail_of(&team.ada).await;
    assert_eq!((&trail[0]["action"], &trail[0]["actor"]), (&json!("user.erased"), &json!(team.ada.id)));
    assert!(trail.iter().all(|entry| entry["client_ip"].is_null()), "{trail:?}");
    user_changes("erased", "oneself").value(1.0).assert_in(&team.app).await;
    for outcome in ["wrong", "success"] {
        metric("neodyme_password_confirmations_total").label("outcome", outcome).value(1.0).assert_in(&team.app).await;
    }
    assert_eq!(team.app.register(&team.ada.email).await.status, 201, "the address is free");
}

async fn wrong_passwords_before_a_deletion_count(backend: Backend) {
    let team = Team::meet(backend).await;
    let path = format!("/users/{}", team.ada.id);
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(team.send("DELETE", &path, &team.ada, json!({ "password": "wrong horse battery" })).await.status);
    }
    assert!(statuses.starts_with(&[403, 403]) && statuses.ends_with(&[429]), "{statuses:?}");
    team.app.login(&team.ada.email, PASSWORD).await.assert_problem(429, "RATE_LIMITED");
}

async fn an_admin_deletes_others_and_not_oneself(backend: Backend) {
    let team = Team::meet(backend).await;
    let own = format!("/users/{}", team.admin.id);
    team.send("DELETE", &own, &team.admin, json!({ "password": PASSWORD })).await.assert_problem(403, "FORBIDDEN");
    let path = format!("/users/{}", team.ada.id);
    assert_eq!(team.app.call("DELETE", &path, &team.admin.access).await.status, 204);
    assert_eq!(team.user(&team.ada).await.status, 404);
    team.app.call("DELETE", &path, &team.admin.access).await.assert_problem(404, "NOT_FOUND");
    if let common::database::Database::Sqlite(file) = &team.app.database {
        eventually("the address leaves the files", async || {
            // The emails lie in a folder beside them.
            let files = std::fs::read_dir(file.parent().unwrap()).unwrap().map(|file| file.unwrap().path());
            let mut contents = files.filter(|path| path.is_file()).map(|path| std::fs::read(path).unwrap_or_default());
            let text = team.ada.email.as_bytes();
            (!contents.any(|content| content.windows(text.len()).any(|window| window == text))).then_some(())
        })
        .await;
    }
    assert!(!team.app.output().contains(&team.ada.email), "no address is logged");
}

async fn a_user_takes_all_that_is_stored(backend: Backend) {
    let team = Team::meet(backend).await;
    let path = format!("/users/{}/export", team.ada.id);
    let exported = team.get(&path, &team.ada).await.json();
    assert_eq!((&exported["user"]["email"], &exported["is_cut_off"]), (&json!(team.ada.email), &json!(false)));
    assert_eq!(exported["sessions"].as_array().unwrap().len(), 1);
    assert!(exported["audit_log"].as_array().unwrap().iter().any(|entry| entry["action"] == "user.signed_in"));
    assert_eq!(team.get(&path, &team.support).await.status, 200);
    let trail = team.trail_of(&team.ada).await;
    let exporters: Vec<_> =
        trail.iter().filter(|entry| entry["action"] == "user.exported").map(|entry| &entry["actor"]).collect();
    assert_eq!(exporters, [&team.support.id, &team.ada.id]);
    let nobody = format!("/users/{}/export", uuid::Uuid::now_v7());
    team.get(&nobody, &team.support).await.assert_problem(404, "NOT_FOUND");
}

async fn a_chunked_body_that_is_empty_is_none(backend: Backend) {
    let team = Team::meet(backend).await;
    let erase = async |user: &SignedIn, by: &SignedIn, body: &str| {
        let head =
            format!("DELETE /users/{} HTTP/1.1\r\nhost: neodyme\r\nauthorization: Bearer {}", user.id, by.access);
        let request = format!("{head}\r\ntransfer-encoding: chunked\r\n\r\n{body}0\r\n\r\n");
        RawClient::connect(team.app.api_address()).await.send(request).await.answer().await
    };
    assert_eq!(erase(&team.support, &team.admin, "2\r\n{}\r\n").await.status, 415, "what it is does not stand there");
    let refused = erase(&team.ada, &team.ada, "").await;
    assert!(refused.status == 422 && refused.body.contains("is required to delete oneself"), "{}", refused.body);
    assert_eq!(erase(&team.ada, &team.admin, "").await.status, 204);
    assert_eq!(team.user(&team.ada).await.status, 404);
}

/// RFC 3986, 6.2.2.2.
async fn an_id_is_the_same_however_it_is_written(backend: Backend) {
    let team = Team::meet(backend).await;
    let written: String = team.ada.id.chars().map(|character| format!("%{:02x}", u32::from(character))).collect();
    for path in [format!("/users/{written}"), format!("/%75sers/{}", team.ada.id)] {
        let found = team.get(&path, &team.ada).await;
        assert_eq!((found.status, &found.json()["id"]), (200, &json!(team.ada.id)), "{path}");
    }
    let slash = format!("/users%2F{}", team.ada.id);
    team.get(&slash, &team.ada).await.assert_problem(404, "NOT_FOUND");
    let written = team.ada.id.replacen('-', "%252d", 1);
    team.get(&format!("/users/{written}"), &team.admin).await.assert_problem(404, "NOT_FOUND");
}

async fn support_reads_the_trail(backend: Backend) {
    let team = Team::meet(backend).await;
    team.change(&team.ada, &team.admin, json!({ "role": "support" })).await;
    let read = async |query: &str| {
        let answer = team.get(&format!("/audit?{query}"), &team.support).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    let by_admin = read(&format!("actor={}&action=user.role_changed", team.admin.id)).await;
    let entry = &by_admin["entries"][0];
    assert_eq!((&entry["user_id"], &entry["client_ip"]), (&json!(team.ada.id), &json!("127.0.0.1")));
    let by_request = read(&format!("request_id={}", entry["request_id"].as_str().unwrap())).await;
    assert_eq!(&by_request["entries"][0], entry);
    let latest = read("limit=1").await;
    assert_eq!((&latest["entries"][0], &latest["has_more"]), (entry, &json!(true)));
    let next = latest["next"].as_str().unwrap();
    let page = read(&format!("limit=200&after={next}")).await;
    assert_eq!((&page["next"], &page["has_more"]), (&Value::Null, &json!(false)));
    assert_eq!(read("limit=2").await["entries"][1], page["entries"][0]);
    let before = read(&format!("limit=200&until={}", entry["occurred_at"].as_str().unwrap())).await;
    assert!(before["has_more"] == false && before["entries"].as_array().unwrap().len() >= 6, "{before}");
    assert_eq!(read("since=2999-01-01T00:00:00Z").await["entries"], json!([]));
}
