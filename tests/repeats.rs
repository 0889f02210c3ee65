//! A registration that is sent again, since nobody knows what became of it: by its client, with an `Idempotency-Key`, or by the
//! service, whose connection to the database broke at the commit.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::collections::BTreeSet;

use common::app::{AppOptions, TestApp, fresh_email, user};
use common::database::{Backend, Database, open_postgres};
use common::eventually;
use common::http::Answer;
use common::postgres::Cluster;
use common::proxy::{Proxy, Way};
use common::scrape::metric;
use common::users::PASSWORD;
use futures_util::future::join_all;
use neodyme::accounts::registration;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

on_both_databases!(
    a_repeat_gets_the_first_answer,
    another_registration_with_the_key_is_refused,
    of_many_at_once_one_registers,
    a_key_is_forgotten_after_a_day_and_with_its_user,
    a_password_that_is_tried_with_a_key_counts,
);

async fn send(app: &TestApp, key: &str, body: &Value) -> Answer {
    Answer::to(app.request("POST", "/users/").header("idempotency-key", key).json(body)).await.unwrap()
}

async fn registrations(app: &TestApp, outcome: &str) -> f64 {
    metric("neodyme_registrations_total").label("outcome", outcome).sum_in(&app.metrics().await).unwrap()
}

async fn a_repeat_gets_the_first_answer(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let body = user("Ada@Example.com");
    let first = send(&app, "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", &body).await;
    assert_eq!(first.status, 201, "{}", first.text());
    // The name has changed since: that is not in the first answer.
    app.database.execute("UPDATE users SET full_name = 'Ada King'").await;
    for key in ["\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", "8e03978e-40d5-43dd-bc93-6894a57f9324"] {
        let again = send(&app, key, &body).await;
        assert_eq!((again.status, again.text()), (201, first.text()));
        assert_eq!(again.header("location"), first.header("location"));
    }
    assert_eq!((registrations(&app, "success").await, registrations(&app, "repeated").await), (1.0, 2.0));
    assert_eq!((app.database.count("users").await, app.database.count("outbox_jobs").await), (1, 1));
    app.post(&body).await.assert_problem(409, "EMAIL_ALREADY_EXISTS");
    send(&app, "another", &body).await.assert_problem(409, "EMAIL_ALREADY_EXISTS");
    assert_eq!(app.database.count("registration_keys").await, 1);
}

async fn another_registration_with_the_key_is_refused(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let body = user("ada@example.com");
    assert_eq!(send(&app, "key", &body).await.status, 201);
    let changes = [("email", "bob@example.com"), ("full_name", "Ada King"), ("password", "wrong horse battery")];
    for (field, value) in changes {
        let mut other = body.clone();
        other[field] = json!(value);
        send(&app, "key", &other).await.assert_problem(422, "IDEMPOTENCY_KEY_REUSED");
    }
    let too_long = "a".repeat(256);
    for key in ["", "\"", "a b", &too_long] {
        send(&app, key, &user(&fresh_email())).await.assert_problem(400, "MALFORMED_REQUEST");
    }
    assert_eq!((registrations(&app, "invalid").await, registrations(&app, "error").await), (7.0, 0.0));
    assert_eq!(app.database.emails().await, ["ada@example.com"]);
}

async fn of_many_at_once_one_registers(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let body = user("ada@example.com");
    let answers = join_all((0..16).map(|_| send(&app, "key", &body))).await;
    let texts: BTreeSet<&str> = answers.iter().map(Answer::text).collect();
    assert!(answers.iter().all(|answer| answer.status == 201) && texts.len() == 1, "{texts:?}");
    assert_eq!((registrations(&app, "success").await, registrations(&app, "repeated").await), (1.0, 15.0));
}

async fn a_key_is_forgotten_after_a_day_and_with_its_user(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    assert_eq!(send(&app, "key", &user("ada@example.com")).await.status, 201);
    app.database.execute("DELETE FROM users").await;
    assert_eq!(send(&app, "key", &user("bob@example.com")).await.status, 201, "the first is gone");
    let db = app.database.connect().await;
    let (now, day) = (OffsetDateTime::now_utc(), time::Duration::DAY);
    assert_eq!(registration::prune_keys(&db, now + day - time::Duration::MINUTE, 10).await.unwrap(), 0);
    assert_eq!(registration::prune_keys(&db, now + day, 10).await.unwrap(), 1);
    send(&app, "key", &user("bob@example.com")).await.assert_problem(409, "EMAIL_ALREADY_EXISTS");
}

async fn a_password_that_is_tried_with_a_key_counts(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend).set("login_free_failures", 1).set("login_max_failures", 2)).await;
    let (body, mut wrong) = (user("ada@example.com"), user("ada@example.com"));
    wrong["password"] = json!("wrong horse battery");
    assert_eq!(send(&app, "key", &body).await.status, 201);
    send(&app, "key", &wrong).await.assert_problem(422, "IDEMPOTENCY_KEY_REUSED");
    send(&app, "key", &wrong).await.assert_problem(429, "RATE_LIMITED");
    app.login("ada@example.com", PASSWORD).await.assert_problem(429, "RATE_LIMITED");
}

/// The transactions that wait for another one.
const WAITING: &str = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// An app on PostgreSQL at whose server a registration of ada@example.com waits, since another session may write that as well.
struct Held {
    way: Proxy,
    app: TestApp,
    holder: Client,
}

impl Held {
    async fn new() -> Held {
        let cluster = Cluster::shared();
        let url = cluster.create_database();
        let way = Proxy::to(&cluster.address()).await;
        let through = url.replace(&cluster.address(), &way.address().to_string());
        let app = TestApp::spawn(AppOptions::on_database(Database::Postgres(through))).await;
        let (holder, _) = open_postgres(&url).await;
        let same = "BEGIN; INSERT INTO users (id, email, email_key, full_name, password_hash, is_active, created_at, updated_at)
                    VALUES (gen_random_uuid(), '', 'ada@example.com', '', '', true, now(), now())";
        holder.batch_execute(same).await.unwrap();
        Held { way, app, holder }
    }

    /// Sends the registration, and waits until it waits.
    async fn registering(&self) -> JoinHandle<Answer> {
        let request = self.app.request("POST", "/users/").json(&user("ada@example.com"));
        let answer = tokio::spawn(async { Answer::to(request).await.unwrap() });
        self.waiting().await;
        answer
    }

    async fn waiting(&self) {
        let waiting = async || {
            let count = self.holder.query_one(&format!("SELECT count(*) {WAITING}"), &[]).await.unwrap();
            let count: i64 = count.get(0);
            (count == 1).then_some(())
        };
        eventually("the transaction waits", waiting).await;
    }

    async fn let_go(&self) {
        self.holder.batch_execute("ROLLBACK").await.unwrap();
    }

    async fn users(&self) -> i64 {
        self.holder.query_one("SELECT count(*) FROM users", &[]).await.unwrap().get(0)
    }

    async fn assert_registered_once(&self, answer: JoinHandle<Answer>) {
        let answer = answer.await.unwrap();
        assert_eq!(answer.status, 201, "{}", answer.text());
        let id: String = self.holder.query_one("SELECT id::text FROM users", &[]).await.unwrap().get(0);
        assert_eq!(answer.json()["id"], id);
        for table in ["users", "audit_log", "outbox_jobs"] {
            let count = format!("SELECT count(*) FROM {table}");
            assert_eq!(self.holder.query_one(&count, &[]).await.unwrap().get::<_, i64>(0), 1, "{table}");
        }
        assert_eq!(registrations(&self.app, "success").await, 1.0);
    }
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_a_registration() {
    let held = Held::new().await;
    let answer = held.registering().await;
    held.way.set(Way::Unanswered);
    held.let_go().await;
    eventually("the user is there", async || (held.users().await == 1).then_some(())).await;
    held.way.break_connections().await;
    held.assert_registered_once(answer).await;
}

#[tokio::test]
async fn what_was_not_committed_is_written_again() {
    let held = Held::new().await;
    let answer = held.registering().await;
    // As a server that is shut down does: the client does not learn what became of its transaction.
    held.holder.query_one(&format!("SELECT count(pg_terminate_backend(pid)) {WAITING}"), &[]).await.unwrap();
    held.let_go().await;
    held.assert_registered_once(answer).await;
}

#[tokio::test]
async fn a_transaction_that_the_server_may_still_commit_is_no_conflict() {
    let held = Held::new().await;
    let answer = held.registering().await;
    held.way.break_connections().await;
    // Whether the server has noticed that nobody waits for the first any more, nobody knows.
    held.let_go().await;
    held.assert_registered_once(answer).await;
}
