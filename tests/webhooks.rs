//! Webhooks: what endpoints are told, how it is signed, and what their answers mean. The real binary, with real receivers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

#[path = "webhooks/commands.rs"]
mod commands;
mod common;
#[path = "webhooks/failures.rs"]
mod failures;
#[path = "webhooks/settings.rs"]
mod settings;
#[path = "webhooks/verifiers.rs"]
mod verifiers;

use common::analytics::{AnalyticsService, Behaviour, Received};
use common::app::{AppOptions, TestApp, fresh_email};
use common::database::Backend;
use common::eventually;
use common::http::Answer;
use common::options::WEBHOOK_SECRET;
use common::scrape::metric;
use serde_json::{Value, json};
use time::OffsetDateTime;

on_both_databases!(
    an_endpoint_is_told_what_happens_to_a_user,
    what_is_sent_again_has_the_same_id,
    what_was_committed_is_told_after_a_kill,
    who_is_erased_is_told_of_by_id_alone,
);

/// Another secret than [`WEBHOOK_SECRET`].
pub const OTHER_SECRET: &str = "whsec_b3RoZXItY2FuYXJ5LXRoYXQtbm9ib2R5LXNlZXM=";

/// An endpoint, and the URL that it is at.
pub async fn endpoint() -> (AnalyticsService, String) {
    let service = AnalyticsService::start().await;
    let url = format!("{}/hooks", service.base_url());
    (service, url)
}

/// The types of these events.
pub fn kinds(received: &[Received]) -> Vec<&str> {
    received.iter().map(|request| request.body["type"].as_str().unwrap_or_default()).collect()
}

async fn admin(app: &TestApp) -> String {
    let admin = app.signed_in().await;
    app.database.execute(&format!("UPDATE users SET role = 'admin' WHERE email = '{}'", admin.email)).await;
    admin.access
}

async fn patch(app: &TestApp, id: &str, token: &str, change: Value) -> Answer {
    Answer::to(app.request("PATCH", &format!("/users/{id}")).bearer_auth(token).json(&change)).await.unwrap()
}

async fn an_endpoint_is_told_what_happens_to_a_user(backend: Backend) {
    let (service, url) = endpoint().await;
    let options = AppOptions::on(backend).webhook(2, &url);
    let app = TestApp::spawn(options.set("webhook_2_secret", format!("{OTHER_SECRET} {WEBHOOK_SECRET}"))).await;
    let admin = admin(&app).await;
    service.wait_for_taken(1).await;
    service.forget();

    let user = app.signed_in().await;
    let path = format!("/users/{}", user.id);
    let seen = async || app.call("GET", &path, &admin).await.json();
    let registered = (service.wait_for_taken(1).await.remove(0), seen().await);
    patch(&app, &user.id, &user.access, json!({ "full_name": "Ada King" })).await;
    let renamed = (service.wait_for_taken(2).await.remove(1), seen().await);
    // What changes nothing is nothing to tell of.
    assert_eq!(patch(&app, &user.id, &admin, json!({ "full_name": "Ada King" })).await.status, 200);
    patch(&app, &user.id, &admin, json!({ "is_active": false })).await;
    let deactivated = (service.wait_for_taken(3).await.remove(2), seen().await);
    patch(&app, &user.id, &admin, json!({ "is_active": true, "role": "support" })).await;
    let activated = (service.wait_for_taken(4).await.remove(3), seen().await);
    assert_eq!(app.call("DELETE", &path, &admin).await.status, 204);
    let deleted = (service.wait_for_taken(5).await.remove(4), json!({ "id": user.id }));

    let told = [registered, renamed, deactivated, activated, deleted];
    let types = ["user.registered", "user.updated", "user.deactivated", "user.updated", "user.deleted"];
    for ((request, data), kind) in told.iter().zip(types) {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/hooks"));
        assert_eq!(request.header("content-type"), "application/json");
        assert_eq!((&request.body["type"], &request.body["data"]), (&json!(kind), data));
        assert_eq!(request.body.as_object().unwrap().len(), 3, "{}", request.text);
        assert_described(kind, &request.body);
        let at: i64 = request.header("webhook-timestamp").parse().unwrap();
        assert!((OffsetDateTime::now_utc().unix_timestamp() - at).abs() < 60, "{at}");
        assert_eq!(request.header("webhook-signature").split(' ').count(), 2, "one for each secret");
    }
    // Those before it are gone with the user, where they had not been settled.
    let job = is_job(&app, told[4].0.header("webhook-id"));
    let topics = app.database.texts(&format!("SELECT topic AS text FROM outbox_jobs WHERE {job}")).await;
    assert_eq!(topics, ["webhook_2"], "the id is the job's");
    for verify in [verifiers::python, verifiers::javascript] {
        for (request, _) in &told {
            for secret in [WEBHOOK_SECRET, OTHER_SECRET] {
                assert_eq!(verify(secret, request).unwrap(), request.body);
            }
        }
        let request = &told[0].0;
        assert!(verify("whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldCBrZXk=", request).is_err());
        let forged = Received { text: request.text.replace("Ada", "Eve"), ..request.clone() };
        assert!(verify(WEBHOOK_SECRET, &forged).is_err());
    }
    assert_eq!(service.received().len(), 5, "{:?}", kinds(&service.received()));
    assert_nothing_shows(&app);
}

/// Fails unless the OpenAPI document has an event like this.
fn assert_described(kind: &str, body: &Value) {
    let document = neodyme::operations::document(neodyme::operations::Listener::Api);
    let schema = &document["webhooks"][kind]["post"]["requestBody"]["content"]["application/json"]["schema"];
    let whole = json!({ "allOf": [schema], "components": document["components"] });
    assert!(schema.is_object() && jsonschema::is_valid(&whole, body), "{kind}: {body} is not {schema}");
}

/// The condition for the job of this id.
fn is_job(app: &TestApp, id: &str) -> String {
    match &app.database {
        common::database::Database::Sqlite(_) => format!("hex(id) = '{}'", id.replace('-', "").to_uppercase()),
        common::database::Database::Postgres(_) => format!("id = '{id}'"),
    }
}

/// Neither secrets nor what is sent, nor what is answered, stand in a line.
pub fn assert_nothing_shows(app: &TestApp) {
    let output = app.output();
    for word in [&WEBHOOK_SECRET[6..], &OTHER_SECRET[6..], "canary", "Ada", "you_said"] {
        assert!(!output.contains(word), "{word} in {output}");
    }
}

async fn what_is_sent_again_has_the_same_id(backend: Backend) {
    let (service, url) = endpoint().await;
    service.behave_once(Behaviour::Status(500, None));
    service.behave_once(Behaviour::CloseBeforeAnswer);
    let app = TestApp::spawn(AppOptions::on(backend).webhook(1, &url)).await;
    app.register(&fresh_email()).await;
    service.wait_for_taken(1).await;
    let received = service.received();
    assert!(received.len() >= 3, "{received:?}");
    for request in &received {
        assert_eq!(request.header("webhook-id"), received[0].header("webhook-id"));
        assert_eq!(request.text, received[0].text);
        verifiers::python(WEBHOOK_SECRET, request).unwrap();
    }
    let attempts = metric("neodyme_outbox_attempts_total").label("topic", "webhook_1");
    attempts.label("outcome", "retried").at_least(1.0).assert_in(&app).await;
    assert_nothing_shows(&app);
}

async fn what_was_committed_is_told_after_a_kill(backend: Backend) {
    let (mut service, url) = endpoint().await;
    service.stop().await;
    // It may be on its way when the end comes.
    let options = AppOptions::on(backend).webhook(1, &url).set("webhook_lease", "1s");
    let mut app = TestApp::spawn(options).await;
    let email = fresh_email();
    assert_eq!(app.register(&email).await.status, 201);
    app.kill();
    service.resume().await;
    assert!(service.received().is_empty());
    app.restart().await;
    let told = service.wait_for_taken(1).await;
    assert_eq!((kinds(&told), &told[0].body["data"]["email"]), (vec!["user.registered"], &json!(email)));
}

async fn who_is_erased_is_told_of_by_id_alone(backend: Backend) {
    let (mut service, url) = endpoint().await;
    service.stop().await;
    let app = TestApp::spawn(AppOptions::on(backend).webhook(1, &url).webhook(3, &url)).await;
    let admin = admin(&app).await;
    let user = app.signed_in().await;
    assert_eq!(app.call("DELETE", &format!("/users/{}", user.id), &admin).await.status, 204);
    let payloads = app.database.texts("SELECT CAST(payload AS text) AS text FROM outbox_jobs").await;
    assert!(payloads.iter().all(|payload| !payload.contains(&user.email)), "{payloads:?}");
    service.resume().await;
    let of_user = async || {
        let received = service.taken();
        let of_user = received.into_iter().filter(|request| request.body["data"]["id"] == json!(user.id));
        Some(of_user.collect::<Vec<_>>()).filter(|told| told.len() >= 2)
    };
    let told = eventually("both endpoints are told", of_user).await;
    assert_eq!(kinds(&told), ["user.deleted", "user.deleted"]);
    assert!(told.iter().all(|request| request.body["data"] == json!({ "id": user.id })), "{told:?}");
    assert!(service.received().iter().all(|request| !request.text.contains(&user.email)));
}
