//! What PostgreSQL says is understood by its code, and a session that is of no use is not used again.

use neodyme::error::DbErrorKind;

use crate::common::database::Backend;
use crate::fixture::{Storage, fill_pool, kind, message, register, user};

/// Lets the server refuse registrations with this code, in words that nobody expects.
async fn refuse_with(storage: &Storage, code: &str) {
    let refuse = format!(
        "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'etwas ging schief' USING ERRCODE = '{code}'; END $$;
         CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION refuse()"
    );
    storage.execute(&refuse).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_known_by_its_code_in_any_language() {
    use DbErrorKind::*;
    let storage = Storage::migrated(Backend::Postgres).await;
    for (code, expected, says) in [
        ("25006", ReadOnly, "no writes"),
        ("57P01", Connection, "starting or stopping"),
        ("08006", Connection, "broke"),
        ("26000", Connection, "pooler"),
        ("53100", DiskFull, "disk is full"),
        ("42501", Permission, "right is missing"),
        ("53200", Resources, "out of a resource"),
        ("42P01", Schema, "neodyme migrate"),
        ("22P05", Unsuitable, "encoding"),
        ("XX001", Damaged, "backup"),
        ("57014", Timeout, "database_query_timeout"),
        ("40001", Serialization, "try again"),
        ("23514", Constraint, "refused"),
        ("P0001", Other, "failed"),
    ] {
        refuse_with(&storage, code).await;
        let error = register(&storage.db, &user("ada@example.com")).await.unwrap_err();
        let said = message(&error);
        assert_eq!(kind(&error), expected, "{said}");
        assert!(said.contains(says) && said.contains(&format!("SQLSTATE {code}: etwas ging schief")), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_at_the_wrong_server_are_closed_and_others_kept() {
    let storage = Storage::migrated(Backend::Postgres).await;
    for (code, left) in [("53100", 0), ("25P02", 1), ("25006", 5), ("57P02", 5), ("08003", 5)] {
        fill_pool(&storage.db, &storage.config).await;
        refuse_with(&storage, code).await;
        register(&storage.db, &user("ada@example.com")).await.unwrap_err();
        let status = storage.db.pool_status();
        assert_eq!((status.idle, status.in_use), (storage.config.pool_size - left, 0), "{code}");
    }
    storage.execute("DROP TRIGGER refuse ON users").await;
    register(&storage.db, &user("ada@example.com")).await.unwrap();
}
