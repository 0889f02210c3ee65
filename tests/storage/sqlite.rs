//! What is particular to SQLite: its file, and who else may hold it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::rows::Rows;
use diesel::connection::SimpleConnection;
use futures_util::future::join_all;
use neodyme::accounts;
use neodyme::accounts::topics::WELCOME_EMAIL;
use neodyme::config::{DatabaseConfig, DatabaseUrl};
use neodyme::error::{DbErrorKind, Error, Result};
use neodyme::outbox::store as outbox;
use neodyme::store::Db;

use crate::common::database::{Backend, Database, open_sqlite};
use crate::common::eventually;
use crate::common::programs::unprivileged;
use crate::fixture::{self, Storage, kind, message, register, user};

/// Where the test that runs without root's rights finds its files.
const READ_ONLY_FOLDER: &str = "NEODYME_TEST_READ_ONLY_FOLDER";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folder_and_file_are_for_their_owner_only() {
    let storage = Storage::migrated(Backend::Sqlite).await;
    register(&storage.db, &user("ada@example.com")).await.unwrap();
    let mode = |name: &str| fs::metadata(storage.folder.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("data"), 0o700);
    for file in ["data/neodyme.db", "data/neodyme.db-wal", "data/neodyme.db-shm"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
    assert_eq!(storage.database.texts("SELECT journal_mode AS text FROM pragma_journal_mode").await, ["wal"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_locked_by_another_is_reported_as_busy() {
    let storage =
        Storage::migrated_with(Backend::Sqlite, |config| config.query_timeout = Duration::from_millis(200)).await;
    let Database::Sqlite(path) = &storage.database else { panic!("not of this kind") };
    let mut other = open_sqlite(path);
    other.batch_execute("BEGIN IMMEDIATE").unwrap();

    let started = Instant::now();
    let fresh = Db::connect(&storage.config).await.unwrap();
    for error in
        [register(&storage.db, &user("ada@example.com")).await.err(), fresh.check(accounts::rehearse).await.err()]
    {
        let error = error.unwrap();
        assert_eq!(kind(&error), DbErrorKind::Busy, "{}", message(&error));
        let said = message(&error);
        assert!(said.contains(path.to_str().unwrap()) && said.contains("another process"), "{said}");
    }
    assert!(started.elapsed() < Duration::from_secs(5), "waited {:?}", started.elapsed());
    storage.db.ping().await.unwrap();

    other.batch_execute("ROLLBACK").unwrap();
    register(&storage.db, &user("ada@example.com")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_wait_for_the_writer_share_a_transaction() {
    let storage = Storage::migrated(Backend::Sqlite).await;
    let before = commits(&storage);
    let outcomes = insert_behind_a_lock(&storage, &["ada@example.com", "bob@example.com", "eve@example.com"]).await;
    outcomes.into_iter().for_each(|outcome| outcome.unwrap());
    assert_eq!(commits(&storage), before + 1);
    assert_eq!(storage.database.count("users").await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_refused_leaves_the_others_alone() {
    let storage = Storage::migrated(Backend::Sqlite).await;
    let addresses = ["ada@example.com", "eve@example.com", "ada@example.com", "bob@example.com"];
    let outcomes = insert_behind_a_lock(&storage, &addresses).await;
    let refused: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    assert!(matches!(refused[..], [Error::EmailAlreadyExists]), "{refused:?}");
    assert_eq!(storage.database.count("users").await, 3);
    assert_eq!(storage.db.pool_status().in_use, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_there_before_the_commit_nor_when_it_fails() {
    let storage = Storage::migrated(Backend::Sqlite).await;
    // Found to be wrong by the commit, and not before.
    let late = "CREATE TABLE known (id INTEGER PRIMARY KEY);
        CREATE TABLE late (id INTEGER REFERENCES known (id) DEFERRABLE INITIALLY DEFERRED);
        CREATE TRIGGER late AFTER INSERT ON users BEGIN INSERT INTO late VALUES (1); END";
    storage.execute(late).await;
    let error = register(&storage.db, &user("ada@example.com")).await.unwrap_err();
    assert_eq!(kind(&error), DbErrorKind::Constraint);
    assert_eq!(storage.database.count("users").await, 0);

    storage.execute("DROP TRIGGER late").await;
    register(&storage.db, &user("ada@example.com")).await.unwrap();
    assert_eq!(storage.database.count("users").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_being_written_waits_for_its_end() {
    let storage =
        Storage::migrated_with(Backend::Sqlite, |config| config.acquire_timeout = Duration::from_millis(500)).await;
    let lock = storage.lock_writes().await;
    let db = storage.db.clone();
    // Both are in one transaction: the second comes before the first goes on.
    let both = tokio::spawn(async move {
        let (ada, bob) = (user("ada@example.com"), user("bob@example.com"));
        tokio::join!(register(&db, &ada), register(&db, &bob))
    });
    for waiters in [1, 0] {
        let waits = async || (storage.db.pool_status().waiters == waiters).then_some(());
        eventually("the second waits for the writer, and gives that up", waits).await;
    }
    drop(lock);
    let (ada, bob) = both.await.unwrap();
    ada.unwrap();
    bob.unwrap();
    assert_eq!(storage.database.count("users").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_told_to_all_who_share_it() {
    let storage =
        Storage::migrated_with(Backend::Sqlite, |config| config.query_timeout = Duration::from_millis(200)).await;
    let _lock = storage.lock_writes().await;
    let errors = join_all((0..10).map(|n| {
        let (db, user) = (storage.db.clone(), user(&format!("{n}@example.com")));
        async move { register(&db, &user).await.unwrap_err() }
    }));
    for error in errors.await {
        assert_eq!(kind(&error), DbErrorKind::Busy);
        assert!(message(&error).contains("database is locked"), "{}", message(&error));
    }
}

/// How many transactions the write-ahead log holds, which is not there before the first one: each ends with a frame that says how large the database is then.
/// <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>
fn commits(storage: &Storage) -> usize {
    const HEAD: usize = 32;
    const FRAME: usize = 24 + 4096;
    let log = fs::read(storage.folder.path().join("data/neodyme.db-wal")).unwrap_or_default();
    log.get(HEAD..).unwrap_or_default().chunks_exact(FRAME).filter(|frame| frame[4..8] != [0; 4]).count()
}

/// Inserts users who have to wait for the writer together: it is with somebody whom another process keeps waiting.
async fn insert_behind_a_lock(storage: &Storage, addresses: &[&str]) -> Vec<Result<()>> {
    let lock = storage.lock_writes().await;
    let status = || storage.db.pool_status();
    let db = storage.db.clone();
    let ahead = tokio::spawn(async move { outbox::release(&db, WELCOME_EMAIL).await });
    eventually("somebody has the writer", async || (status().in_use == 1).then_some(())).await;
    let behind = addresses.iter().map(|address| {
        let (db, rows) = (storage.db.clone(), Rows { users: vec![user(address)], ..Rows::default() });
        tokio::spawn(async move { rows.insert(&db).await })
    });
    let behind: Vec<_> = behind.collect();
    eventually("all wait for it", async || (status().waiters == addresses.len()).then_some(())).await;
    drop(lock);
    ahead.await.unwrap().unwrap();
    join_all(behind).await.into_iter().map(|joined| joined.unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_database_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    fs::write(&text, "not a database, but long enough to be taken for one".repeat(100)).unwrap();
    for (path, says) in [
        (text.as_path(), "file is not a database"),
        (folder.path(), "this is a folder"),
        (&text.join("inside.db"), "cannot create the folder"),
    ] {
        let said = message(&Db::connect(&sqlite_config(path)).await.err().unwrap());
        assert!(said.contains(says) && said.contains(path.to_str().unwrap()), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_may_not_be_written_is_reported() {
    let storage = Storage::migrated(Backend::Sqlite).await;
    let Database::Sqlite(path) = &storage.database else { panic!("not of this kind") };
    drop(storage.db);
    for (path, mode) in [(storage.folder.path(), 0o755), (path.parent().unwrap(), 0o755), (path, 0o444)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    // Rights do not bind root: the test runs again as somebody else, from a copy that everybody may read.
    let copy = storage.folder.path().join("storage-test");
    fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let mut rerun = Command::new(copy);
    rerun.args(["--ignored", "--exact", "sqlite::without_the_right_to_write", "--nocapture"]);
    rerun.env(READ_ONLY_FOLDER, path.parent().unwrap()).current_dir("/");
    if let Some((uid, gid)) = unprivileged() {
        rerun.uid(uid).gid(gid);
    } else {
        fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(0o555)).unwrap();
    }
    let output = rerun.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by a_file_that_may_not_be_written_is_reported"]
async fn without_the_right_to_write() {
    let folder = std::env::var(READ_ONLY_FOLDER).unwrap();
    use DbErrorKind::{Permission, ReadOnly};
    for (file, expected, says) in [
        ("neodyme.db", ReadOnly, "read-only"),
        ("new/neodyme.db", Permission, "cannot create the folder"),
        ("new.db", Permission, "cannot create it"),
    ] {
        let path = Path::new(&folder).join(file);
        let error = Db::connect(&sqlite_config(&path)).await.err().unwrap();
        let said = message(&error);
        assert_eq!(kind(&error), expected, "{said}");
        assert!(said.contains(says) && said.contains(path.to_str().unwrap()), "{said}");
    }
}

fn sqlite_config(path: &Path) -> DatabaseConfig {
    DatabaseConfig {
        url: DatabaseUrl::Sqlite { path: path.to_owned() },
        ..fixture::config(&Database::Sqlite(path.to_owned()))
    }
}
