//! Who never verifies the address.

use serde_json::json;
use uuid::Uuid;

use crate::common::app::fresh_email;
use crate::common::database::Backend;
use crate::common::eventually;
use crate::{app_and_sink, code_in, on_both_databases, post};

on_both_databases!(who_never_verifies_is_erased_where_that_is_set);

async fn who_never_verifies_is_erased_where_that_is_set(backend: Backend) {
    let (mut app, sink) = app_and_sink(backend, |options| options.set("unverified_retention", "1h")).await;
    let (gone, verified, young) = (fresh_email(), fresh_email(), fresh_email());
    for email in [&gone, &verified, &young] {
        assert_eq!(app.register(email).await.status, 201);
    }
    let code = code_in(&sink.mail_to(&verified, "Welcome", 0).await);
    assert_eq!(post(&app, "/auth/verify-email", json!({ "code": code })).await.status, 204);
    // Ids are in the order of registration, and tell its time as well.
    let old = Uuid::from_u128(Uuid::now_v7().as_u128() - ((3 * 3_600_000) << 80));
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
