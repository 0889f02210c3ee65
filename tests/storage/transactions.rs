//! What a transaction promises whatever its work does.

use futures_util::FutureExt;
use futures_util::future::join_all;
use neodyme::accounts;
use neodyme::accounts::users;
use neodyme::error::{DbErrorKind, Error};
use neodyme::store::{Transaction, is_outcome_unknown};
use uuid::Uuid;

use crate::common::database::Backend;
use crate::fixture::{Storage, audit_entry, kind, user};

crate::on_both_databases!(
    work_that_goes_on_after_a_failure_is_not_committed,
    a_panic_is_an_error_of_its_own_work_alone,
    a_refused_statement_is_known_not_to_be_committed,
    a_transaction_without_rows_says_nothing_of_the_database,
);

async fn entries(storage: &Storage) -> String {
    let count = "SELECT CAST(count(*) AS text) AS text FROM audit_log";
    storage.database.texts(count).await.remove(0)
}

/// Inserts users of these addresses as its first statement, so that it meets what the database says against them.
async fn insert_now(tx: &mut Transaction, address: &str) -> Result<usize, Error> {
    tx.insert(user(address));
    users::insert_new(tx, &[]).await
}

async fn work_that_goes_on_after_a_failure_is_not_committed(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    crate::fixture::register(&storage.db, &user("ada@example.com")).await.unwrap();
    let before = entries(&storage).await;
    let ended = storage.db.transaction(|tx| {
        async move {
            tx.insert(audit_entry(Uuid::now_v7()));
            let taken = insert_now(tx, "ada@example.com").await;
            assert!(taken.is_err(), "the address is taken");
            tx.insert(audit_entry(Uuid::now_v7()));
            Ok("all is well")
        }
        .boxed()
    });
    assert_eq!(kind(&ended.await.unwrap_err()), DbErrorKind::Constraint);
    assert_eq!(entries(&storage).await, before);
    storage.db.transaction(|tx| insert_now_boxed(tx, "bob@example.com")).await.unwrap();
}

fn insert_now_boxed<'a>(
    tx: &'a mut Transaction,
    address: &'static str,
) -> futures_util::future::BoxFuture<'a, Result<usize, Error>> {
    insert_now(tx, address).boxed()
}

async fn a_panic_is_an_error_of_its_own_work_alone(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    // On SQLite they wait for the writer together, and share a commit.
    let lock = storage.lock_writes().await;
    let all = (0..6).map(|number| {
        let db = storage.db.clone();
        tokio::spawn(async move {
            db.transaction(move |tx| {
                async move {
                    assert!(number != 3, "a bug");
                    tx.insert(audit_entry(Uuid::now_v7()));
                    Ok(())
                }
                .boxed()
            })
            .await
        })
    });
    let all: Vec<_> = all.collect();
    drop(lock);
    let ended: Vec<_> = join_all(all).await.into_iter().map(Result::unwrap).collect();
    for (number, ended) in ended.iter().enumerate() {
        match ended {
            Err(Error::Internal(_)) => assert_eq!(number, 3),
            ended => assert!(number != 3 && ended.is_ok(), "{number}: {ended:?}"),
        }
    }
    assert_eq!(entries(&storage).await, "5");
    assert_eq!(storage.db.pool_status().in_use, 0);
}

async fn a_refused_statement_is_known_not_to_be_committed(backend: Backend) {
    let storage = Storage::migrated_with(backend, |config| {
        config.query_timeout = std::time::Duration::from_millis(300);
    })
    .await;
    let lock = storage.lock_writes().await;
    let ended = storage.db.transaction(|tx| {
        tx.insert(user("ada@example.com"));
        async { Ok(()) }.boxed()
    });
    let error = ended.await.unwrap_err();
    assert!(!is_outcome_unknown(&error), "the database itself said no: {error:?}");
    drop(lock);
    assert!(!users::email_exists(&storage.db, "ada@example.com", None).await.unwrap());
}

async fn a_transaction_without_rows_says_nothing_of_the_database(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    storage.db.transaction(|_tx| async { Ok(()) }.boxed()).await.unwrap();
    let lasting = storage.db.check(|_tx| async { Err(Error::Internal("a rehearsal that fails".into())) }.boxed()).await;
    assert!(lasting.is_err(), "it was not rehearsed");
    storage.db.check(accounts::rehearse).await.unwrap();
}
