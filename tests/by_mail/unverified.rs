//! Who never verifies the address.

use serde_json::json;
use uuid::Uuid;

use crate::common::app::{TestApp, fresh_email};
use crate::common::database::{Backend, Database};
use crate::common::eventually;
use crate::{app_and_sink, code_in, on_both_databases, post};

on_both_databases!(who_never_verifies_is_erased_where_that_is_set, who_came_before_codes_did_stays);

async fn who_never_verifies_is_erased_where_that_is_set(backend: Backend) {
    let (mut app, sink) = app_and_sink(backend, |options| options.set("unverified_retention", "1h")).await;
    let (gone, verified, young) = (fresh_email(), fresh_email(), fresh_email());
    for email in [&gone, &verified, &young] {
        assert_eq!(app.register(email).await.status, 201);
    }
    // With it comes a code that knows the user's id.
    sink.mail_to(&gone, "Welcome", 0).await;
    let code = code_in(&sink.mail_to(&verified, "Welcome", 0).await);
    assert_eq!(post(&app, "/auth/verify-email", json!({ "code": code })).await.status, 204);
    // Ids are in the order of registration, and tell its time as well.
    let old = Uuid::from_u128(Uuid::now_v7().as_u128() - ((2 * 3_600_000) << 80));
    let id = if backend == Backend::Postgres { format!("'{old}'") } else { format!("x'{}'", old.simple()) };
    let other = Uuid::from_u128(old.as_u128() + 1);
    let other = if backend == Backend::Postgres { format!("'{other}'") } else { format!("x'{}'", other.simple()) };
    for table in ["one_time_codes", "outbox_jobs"] {
        app.database.execute(&format!("DELETE FROM {table}")).await;
    }
    app.database.execute(&format!("UPDATE users SET id = {id} WHERE email = '{gone}'")).await;
    app.database.execute(&format!("UPDATE users SET id = {other} WHERE email = '{verified}'")).await;
    app.database.execute("DELETE FROM audit_log").await;
    for column in ["created_at", "updated_at"] {
        app.database.set_back("users", column, 7200).await;
    }
    codes_came(&app, 24 + 3).await;
    app.kill();
    app.restart().await;
    eventually("the user is erased", async || {
        let left = app.database.texts("SELECT email AS text FROM users").await;
        (!left.contains(&gone)).then_some(())
    })
    .await;
    let mut left = app.database.texts("SELECT email AS text FROM users").await;
    left.sort();
    let mut expected = vec![verified, young];
    expected.sort();
    assert_eq!(left, expected);
    assert_eq!(app.audited().await, ["user.erased by service"]);
}

/// Nobody sent a code to who registered before there were any, nor may an older instance have done so within a day after that.
async fn who_came_before_codes_did_stays(backend: Backend) {
    let (mut app, sink) = app_and_sink(backend, |options| options.set("unverified_retention", "1h")).await;
    let (early, of_old_instance, late) = (fresh_email(), fresh_email(), fresh_email());
    for (n, email) in [(3, &early), (2, &of_old_instance), (1, &late)] {
        assert_eq!(app.register(email).await.status, 201);
        // With it comes a code that knows the user's id.
        sink.mail_to(email, "Welcome", 0).await;
        let id = Uuid::from_u128(Uuid::now_v7().as_u128() - ((n * 20 * 3_600_000) << 80));
        let id = if backend == Backend::Postgres { format!("'{id}'") } else { format!("x'{}'", id.simple()) };
        for table in ["one_time_codes", "outbox_jobs"] {
            app.database.execute(&format!("DELETE FROM {table}")).await;
        }
        app.database.execute(&format!("UPDATE users SET id = {id} WHERE email = '{email}'")).await;
        for column in ["created_at", "updated_at"] {
            app.database.set_back("users", column, 20 * 3600).await;
        }
    }
    // The first came 60 hours ago, the second 40, the third 20.
    codes_came(&app, 24 + 21).await;
    app.kill();
    app.restart().await;
    let left = async || app.database.emails().await;
    eventually("who came after is erased", async || (!left().await.contains(&late)).then_some(())).await;
    let mut expected = [early, of_old_instance];
    expected.sort();
    assert_eq!(left().await, expected);
}

/// The migration that brought codes was so many hours ago.
async fn codes_came(app: &TestApp, hours: u32) {
    let then = match &app.database {
        Database::Sqlite(_) => format!("datetime('now', '-{hours} hours')"),
        Database::Postgres(_) => format!("localtimestamp - interval '{hours} hours'"),
    };
    let codes = "WHERE version = '20261128180000'";
    app.database.execute(&format!("UPDATE __diesel_schema_migrations SET run_on = {then} {codes}")).await;
}
