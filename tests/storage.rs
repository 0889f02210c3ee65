//! What the database layer promises, on both databases.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

#[path = "storage/audit.rs"]
mod audit_log;
mod common;
#[path = "storage/counts.rs"]
mod counts;
#[path = "storage/failures.rs"]
mod failures;
#[path = "storage/fixture.rs"]
mod fixture;
#[path = "storage/outbox.rs"]
mod outbox;
#[path = "storage/outbox_claims.rs"]
mod outbox_claims;
#[path = "storage/outbox_upkeep.rs"]
mod outbox_upkeep;
#[path = "storage/postgres.rs"]
mod postgres;
#[path = "storage/silence.rs"]
mod silence;
#[path = "storage/sqlite.rs"]
mod sqlite;
#[path = "storage/tls.rs"]
mod tls;
#[path = "storage/transactions.rs"]
mod transactions;

use std::collections::HashSet;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use common::database::Backend;
use common::eventually;
use common::rows::Rows;
use fixture::{Storage, audit_entry, insert, kind, message, register, user};
use futures_util::future::join_all;
use neodyme::accounts;
use neodyme::accounts::audit::{AuditEntry, AuditFilter};
use neodyme::accounts::users::{User, UserCounts};
use neodyme::accounts::{audit, users};
use neodyme::config::DatabaseConfig;
use neodyme::error::{DbErrorKind, Error};
use neodyme::store::Db;
use neodyme::store::types::to_micros;
use outbox::emails;
use time::macros::datetime;
use uuid::Uuid;

on_both_databases!(
    a_user_and_the_audit_entry_are_written_together,
    a_taken_address_is_refused_and_nothing_is_written,
    fifty_concurrent_inserts_of_one_address_have_one_winner,
    rows_are_written_together_or_not_at_all,
    an_insertion_given_up_anywhere_is_whole_or_not_there,
    unusual_values_come_back_as_they_were,
    times_are_kept_to_the_microsecond,
    the_pool_gives_up_in_time,
    a_check_writes_and_leaves_nothing,
    a_registration_of_late_says_more_than_a_check,
    migrations_run_once,
    instances_that_start_at_once_migrate_once,
    a_database_of_a_newer_version_is_refused,
);

async fn a_user_and_the_audit_entry_are_written_together(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    let user = user("ada@example.com");
    let entry = audit_entry(user.id);
    let rows = Rows { users: vec![user.clone()], audit: vec![entry.clone()], jobs: vec![] };
    insert(&storage.db, rows).await.unwrap();

    assert!(users::email_exists(&storage.db, "ada@example.com", None).await.unwrap());
    assert!(!users::email_exists(&storage.db, "bob@example.com", None).await.unwrap());
    let found = users::find(&storage.db, user.id).await.unwrap().unwrap();
    assert_eq!((found.id, found.full_name, found.password_hash), (user.id, user.full_name, user.password_hash));
    let trail = trail_of(&storage.db, user.id).await;
    assert_eq!(trail.len(), 1);
    assert_eq!((trail[0].id, &trail[0].details, &trail[0].client_ip), (entry.id, &entry.details, &entry.client_ip));
    assert_eq!(users::find(&storage.db, Uuid::now_v7()).await.unwrap(), None);
    assert_eq!(storage.db.pool_status().in_use, 0);
}

async fn trail_of(db: &Db, user_id: Uuid) -> Vec<AuditEntry> {
    audit::list(db, &AuditFilter { user_id: Some(user_id), ..AuditFilter::default() }, 10).await.unwrap()
}

async fn a_taken_address_is_refused_and_nothing_is_written(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    register(&storage.db, &user("ada@example.com")).await.unwrap();
    let second = User { email: "ADA@example.com".into(), ..user("ada@example.com") };
    assert!(matches!(register(&storage.db, &second).await, Err(Error::EmailAlreadyExists)));
    assert_eq!(storage.database.count("users").await, 1);

    // The id is unique as well, and that is not about the address.
    let same_id = User { id: second.id, ..user("bob@example.com") };
    register(&storage.db, &same_id).await.unwrap();
    let error = register(&storage.db, &User { id: second.id, ..user("eve@example.com") }).await.unwrap_err();
    assert_eq!(kind(&error), DbErrorKind::Constraint);
}

async fn fifty_concurrent_inserts_of_one_address_have_one_winner(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    let tasks = (0..50).map(|_| {
        let db = storage.db.clone();
        tokio::spawn(async move { register(&db, &user("ada@example.com")).await })
    });
    let outcomes: Vec<_> = join_all(tasks).await.into_iter().map(Result::unwrap).collect();
    let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let lost = outcomes.iter().filter(|outcome| matches!(outcome, Err(Error::EmailAlreadyExists))).count();
    assert_eq!((won, lost), (1, 49), "{outcomes:?}");
    assert_eq!(storage.database.count("users").await, 1);
}

async fn rows_are_written_together_or_not_at_all(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    let (ada, bob) = (user("ada@example.com"), user("bob@example.com"));
    let (first, second) = (audit_entry(ada.id), audit_entry(bob.id));
    let (job, others) = (emails([0]), emails([0, 0]));
    let taken = Rows { users: vec![ada], audit: vec![first], jobs: job.clone() };
    insert(&storage.db, taken.clone()).await.unwrap();

    let fresh = Rows { users: vec![bob], audit: vec![second], jobs: others.clone() };
    for rows in [
        Rows { users: taken.users, ..fresh.clone() },
        Rows { audit: taken.audit, ..fresh.clone() },
        Rows { jobs: vec![others[0].clone(), job[0].clone()], ..fresh.clone() },
    ] {
        insert(&storage.db, rows).await.unwrap_err();
        assert_eq!(counts(&storage).await, "1 1 1");
        assert_eq!(storage.db.pool_status().in_use, 0);
    }

    insert(&storage.db, fresh).await.unwrap();
    assert_eq!(counts(&storage).await, "2 2 3");
}

/// The rows of each table, as of one moment.
async fn counts(storage: &Storage) -> String {
    let count = |table| format!("CAST((SELECT count(*) FROM {table}) AS text)");
    let tables = ["users", "audit_log", "outbox_jobs"].map(count);
    storage.database.texts(&format!("SELECT {} AS text", tables.join(" || ' ' || "))).await.remove(0)
}

async fn an_insertion_given_up_anywhere_is_whole_or_not_there(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    for round in 0..5 {
        let mut polls = 1;
        while !tokio::spawn(cancelled_after(polls, register_someone(storage.db.clone()))).await.unwrap() {
            // A transaction that has begun goes on by itself.
            let in_use = || storage.db.pool_status().in_use;
            eventually("it has ended", async || (in_use() == 0).then_some(())).await;
            let counts = counts(&storage).await;
            let counts: HashSet<_> = counts.split(' ').collect();
            assert_eq!(counts.len(), 1, "given up after {polls} polls: {counts:?}");
            polls += 1;
        }
        assert!(polls > 1, "round {round} was never given up");
    }
}

async fn register_someone(db: Db) {
    let user = user(&format!("{}@example.com", Uuid::now_v7()));
    let (entry, jobs) = (audit_entry(user.id), emails([0]));
    insert(&db, Rows { users: vec![user], audit: vec![entry], jobs }).await.unwrap();
}

/// Drops `work` while it waits for the `polls`th time; did it end before?
async fn cancelled_after(polls: usize, work: impl Future<Output = ()>) -> bool {
    let mut work = Box::pin(work);
    let mut left = polls;
    poll_fn(move |context| {
        left -= 1;
        match work.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

async fn unusual_values_come_back_as_they_were(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    let names =
        ["Zoë 李 🦀", "a'; DROP TABLE users; --", "\u{202e}rtl", "e\u{301}", "\\x00 %s $1 ?", &"長".repeat(255)];
    for (n, name) in names.iter().enumerate() {
        let new =
            User {
                full_name: (*name).into(), is_active: n % 2 == 0, ..user(&format!("пользователь{n}@example.com"))
            };
        register(&storage.db, &new).await.unwrap();
        let found = users::find(&storage.db, new.id).await.unwrap().unwrap();
        assert_eq!((found.full_name, found.email, found.is_active), (new.full_name, new.email.clone(), new.is_active));
        assert!(users::email_exists(&storage.db, new.email_key.expose(), None).await.unwrap());
    }
    let user_id = Uuid::now_v7();
    let details = serde_json::json!({"zahl": -9007199254740991i64, "null": null, "liste": ["ä", {"tief": "\"\\"}]});
    let entry = AuditEntry { details: details.clone(), client_ip: None, ..audit_entry(user_id) };
    let nobodys = AuditEntry { user_id: None, ..audit_entry(user_id) };
    insert(&storage.db, Rows { audit: vec![entry, nobodys], ..Rows::default() }).await.unwrap();
    let trail = trail_of(&storage.db, user_id).await;
    assert_eq!(trail.iter().map(|entry| (&entry.details, &entry.client_ip)).collect::<Vec<_>>(), [(&details, &None)]);
}

async fn times_are_kept_to_the_microsecond(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    let times = [
        datetime!(2026-11-22 08:28:59.123_456_789 UTC),
        datetime!(2026-11-22 08:28:59.999_999_999 +05:30),
        datetime!(1969-12-31 23:59:59.000_001_500 UTC),
        datetime!(0001-01-01 00:00:00 UTC),
        datetime!(9999-12-31 23:59:59.999_999 UTC),
    ];
    for (n, time) in times.into_iter().enumerate() {
        let new = User { created_at: time, updated_at: time, ..user(&format!("{n}@example.com")) };
        register(&storage.db, &new).await.unwrap();
        let found = users::find(&storage.db, new.id).await.unwrap().unwrap();
        assert_eq!((found.created_at, found.updated_at), (to_micros(time), to_micros(time)));
        assert_eq!(found.created_at.nanosecond() % 1_000, 0);
        assert!(found.created_at.offset().is_utc());
    }
}

async fn the_pool_gives_up_in_time(backend: Backend) {
    let change = |config: &mut DatabaseConfig| {
        config.pool_size = 1;
        config.acquire_timeout = Duration::from_millis(50);
    };
    let storage = Storage::migrated_with(backend, change).await;
    let lock = storage.lock_writes().await;
    let db = storage.db.clone();
    let waiting = tokio::spawn(async move { register(&db, &user("ada@example.com")).await });
    eventually("it has a connection", async || (storage.db.pool_status().in_use == 1).then_some(())).await;
    let error = register(&storage.db, &user("bob@example.com")).await.unwrap_err();
    assert_eq!(kind(&error), DbErrorKind::PoolExhausted);
    assert!(message(&error).contains("database_acquire_timeout"), "{}", message(&error));
    drop(lock);
    waiting.await.unwrap().unwrap();
    register(&storage.db, &user("eve@example.com")).await.unwrap();
    assert_eq!(storage.database.count("users").await, 2, "what was refused is not written later");
}

async fn a_check_writes_and_leaves_nothing(backend: Backend) {
    let storage = Storage::create(backend).connected().await;
    let error = storage.db.check(accounts::rehearse).await.unwrap_err();
    assert_eq!(kind(&error), DbErrorKind::Schema, "{}", message(&error));
    storage.db.migrate().await.unwrap();
    storage.db.check(accounts::rehearse).await.unwrap();
    assert_eq!(counts(&storage).await, "0 0 0");
    assert_eq!(users::count_by_state(&storage.db).await.unwrap(), UserCounts::default());
    assert_eq!(storage.db.pool_status().in_use, 0);
}

async fn a_registration_of_late_says_more_than_a_check(backend: Backend) {
    let change = |config: &mut DatabaseConfig| config.query_timeout = Duration::from_millis(200);
    let storage = Storage::migrated_with(backend, change).await;
    register(&storage.db, &user("ada@example.com")).await.unwrap();
    let lock = storage.lock_writes().await;
    storage.db.check(accounts::rehearse).await.unwrap();
    let error = register(&storage.db, &user("bob@example.com")).await.unwrap_err();
    assert!(matches!(kind(&error), DbErrorKind::Busy | DbErrorKind::Lock), "{}", message(&error));
    let error = storage.db.check(accounts::rehearse).await.unwrap_err();
    // The check waits for a lock for a second, which is longer than a statement may take here.
    let is_blocked = matches!(kind(&error), DbErrorKind::Busy | DbErrorKind::Timeout);
    assert!(is_blocked, "{}", message(&error));
    // One that is written while the check waits: it was the queue.
    let (db, waiting) = (storage.db.clone(), storage.db.clone());
    let (checked, ()) = tokio::join!(async { db.check(accounts::rehearse).await }, async {
        drop(lock);
        let registered = async || register(&waiting, &user("eve@example.com")).await.ok();
        eventually("it is written", registered).await;
    });
    checked.unwrap();
}

async fn migrations_run_once(backend: Backend) {
    let storage = Storage::create(backend).connected().await;
    storage.db.ping().await.unwrap();
    let pending = storage.db.pending_migrations().await.unwrap();
    assert!(!pending.is_empty());
    assert_eq!(storage.db.pending_migrations().await.unwrap(), pending);
    let error = users::count_by_state(&storage.db).await.unwrap_err();
    assert!(message(&error).contains("neodyme migrate"), "{}", message(&error));

    assert_eq!(storage.db.migrate().await.unwrap(), pending);
    assert_eq!(storage.db.migrate().await.unwrap(), [""; 0]);
    assert_eq!(storage.db.pending_migrations().await.unwrap(), [""; 0]);
}

async fn instances_that_start_at_once_migrate_once(backend: Backend) {
    let storage = Storage::create(backend);
    let instances = (0..4).map(|_| {
        let config = storage.config.clone();
        tokio::spawn(async move { Db::connect(&config).await.unwrap().migrate().await.unwrap() })
    });
    let applied: Vec<_> = join_all(instances).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(applied.iter().filter(|names| !names.is_empty()).count(), 1, "{applied:?}");
}

async fn a_database_of_a_newer_version_is_refused(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    storage.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231235959')").await;
    for outcome in [storage.db.migrate().await, storage.db.pending_migrations().await] {
        let text = message(&outcome.unwrap_err());
        assert!(text.contains("29991231235959") && text.contains("does not know"), "{text}");
    }
}
