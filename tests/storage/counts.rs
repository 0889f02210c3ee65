//! How many users there are: known at any time, whoever changes them, and without reading them.

use futures_util::future::join_all;
use neodyme::accounts;
use neodyme::accounts::users::{self, User, UserCounts};
use neodyme::store::Db;

use crate::common::database::Backend;
use crate::fixture::{Storage, register, user};
use crate::on_both_databases;

on_both_databases!(
    users_are_counted_by_state,
    whoever_changes_users_changes_their_count,
    what_is_taken_back_or_refused_is_not_counted,
    users_from_before_are_counted,
    a_count_reads_no_users,
    many_who_register_at_once_are_counted,
);

async fn counts(db: &Db) -> (u64, u64) {
    let UserCounts { active, inactive } = users::count_by_state(db).await.unwrap();
    (active, inactive)
}

async fn users_are_counted_by_state(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    assert_eq!(counts(&storage.db).await, (0, 0));
    for n in 0..5 {
        let new = User { is_active: n < 3, ..user(&format!("{n}@example.com")) };
        register(&storage.db, &new).await.unwrap();
    }
    assert_eq!(counts(&storage.db).await, (3, 2));
}

async fn whoever_changes_users_changes_their_count(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    for n in 0..5 {
        register(&storage.db, &user(&format!("{n}@example.com"))).await.unwrap();
    }
    let empty = if backend == Backend::Postgres { "TRUNCATE users CASCADE" } else { "DELETE FROM users" };
    for (change, expected) in [
        ("UPDATE users SET is_active = false WHERE email < '2'", (3, 2)),
        ("UPDATE users SET is_active = false, full_name = 'X'", (0, 5)),
        ("UPDATE users SET is_active = true WHERE email > '3'", (2, 3)),
        ("UPDATE users SET full_name = 'Y'", (2, 3)),
        ("DELETE FROM users WHERE email < '1'", (2, 2)),
        ("DELETE FROM users WHERE email < '0'", (2, 2)),
        (empty, (0, 0)),
    ] {
        storage.execute(change).await;
        assert_eq!(counts(&storage.db).await, expected, "{change}");
    }
}

async fn what_is_taken_back_or_refused_is_not_counted(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    register(&storage.db, &user("ada@example.com")).await.unwrap();
    register(&storage.db, &user("ada@example.com")).await.unwrap_err();
    storage.execute("BEGIN; DELETE FROM users; ROLLBACK").await;
    storage.db.check(accounts::rehearse).await.unwrap();
    assert_eq!(counts(&storage.db).await, (1, 0));
}

/// The schema as it was before the users were counted, and users in it.
async fn users_from_before_are_counted(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    let down = match backend {
        Backend::Sqlite => include_str!("../../migrations/sqlite/2026-11-26-120000_count_users/down.sql"),
        Backend::Postgres => include_str!("../../migrations/postgres/2026-11-26-120000_count_users/down.sql"),
    };
    storage.execute(down).await;
    storage.execute("DELETE FROM __diesel_schema_migrations WHERE version = '20261126120000'").await;
    for n in 0..5 {
        let new = User { is_active: n < 4, ..user(&format!("{n}@example.com")) };
        register(&storage.db, &new).await.unwrap();
    }
    assert_eq!(storage.db.migrate().await.unwrap().len(), 1);
    assert_eq!(counts(&storage.db).await, (4, 1));
    register(&storage.db, &user("ada@example.com")).await.unwrap();
    assert_eq!(counts(&storage.db).await, (5, 1));
}

async fn a_count_reads_no_users(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    register(&storage.db, &user("ada@example.com")).await.unwrap();
    let cascade = if backend == Backend::Postgres { " CASCADE" } else { "" };
    storage.execute(&format!("DROP TABLE users{cascade}")).await;
    assert_eq!(counts(&storage.db).await, (1, 0));
}

/// More than are summed up at once, while several instances count.
async fn many_who_register_at_once_are_counted(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    let registering = (0..10).map(|n| {
        let db = storage.db.clone();
        tokio::spawn(async move {
            for m in 0..120 {
                register(&db, &user(&format!("{n}.{m}@example.com"))).await.unwrap();
            }
        })
    });
    let registering: Vec<_> = registering.collect();
    while !registering.iter().all(tokio::task::JoinHandle::is_finished) {
        let seen = join_all((0..3).map(|_| counts(&storage.db))).await;
        assert!(seen.iter().all(|(active, _)| *active <= 1200), "{seen:?}");
    }
    assert_eq!(join_all((0..3).map(|_| counts(&storage.db))).await, [(1200, 0); 3]);
    let rows = storage.database.count("user_counts").await;
    assert!(rows < 1000, "{rows} rows are left");
}
