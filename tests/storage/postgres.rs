//! What is particular to PostgreSQL: a server that stops, and statements that wait for each other.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use neodyme::accounts::Actor;
use neodyme::accounts::creation::{self, Newcomer};
use neodyme::accounts::import::{Import, Tally, Target, Watcher};
use neodyme::accounts::users::{self, Role};
use neodyme::accounts::webhooks::Webhooks;
use neodyme::config::{Config, DatabaseConfig, Sources};
use neodyme::error::{DbErrorKind, Error};
use neodyme::password::HashPool;
use neodyme::store::Db;
use neodyme::values::{Email, FullName, NewPassword};
use serde_json::json;
use tokio_postgres::Client;

use crate::common::database::{Backend, Database, open_postgres};
use crate::common::eventually;
use crate::common::postgres::{Cluster, StopMode};
use crate::fixture::{self, Storage, fill_pool, kind, message, register, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_and_starts_again_is_used_again() {
    let cluster = Cluster::start();
    let config = fixture::config(&Database::Postgres(cluster.create_database()));
    let db = Db::connect(&config).await.unwrap();
    db.migrate().await.unwrap();
    for (round, mode) in [StopMode::Fast, StopMode::Immediate].into_iter().enumerate() {
        fill_pool(&db, &config).await;
        cluster.stop(mode);
        let error = db.ping().await.unwrap_err();
        assert_eq!(kind(&error), DbErrorKind::Connection, "{}", message(&error));
        assert!(message(&error).contains("PostgreSQL database test_"), "{}", message(&error));
        cluster.start_again();
        for n in 0..config.pool_size * 4 {
            register(&db, &user(&format!("{round}.{n}@example.com"))).await.unwrap();
        }
        // Nobody asked in between: every connection of the pool died unnoticed.
        fill_pool(&db, &config).await;
        cluster.stop(mode);
        cluster.start_again();
        let all = (0..config.pool_size * 4).map(|_| users::count_by_state(&db));
        join_all(all).await.into_iter().for_each(|counts| assert!(counts.is_ok(), "{counts:?}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_for_a_lock_is_ended_by_the_server_and_told_from_a_slow_statement() {
    let change = |config: &mut DatabaseConfig| config.query_timeout = Duration::from_millis(200);
    let storage = Storage::migrated_with(Backend::Postgres, change).await;
    let Database::Postgres(url) = &storage.database else { panic!("not of this kind") };
    let without_limit = format!("{url}{}options=-clock_timeout%3D0", if url.contains('?') { '&' } else { '?' });
    let mut config = fixture::config(&Database::Postgres(without_limit));
    change(&mut config);
    let patient = Db::connect(&config).await.unwrap();
    let lock = storage.lock_writes().await;
    let error = register(&storage.db, &user("ada@example.com")).await.unwrap_err();
    assert_eq!(kind(&error), DbErrorKind::Lock, "{}", message(&error));
    let error = register(&patient, &user("ada@example.com")).await.unwrap_err();
    assert_eq!(kind(&error), DbErrorKind::Timeout, "{}", message(&error));
    assert!(message(&error).contains("database_query_timeout"), "{}", message(&error));
    drop(lock);
    register(&storage.db, &user("ada@example.com")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_is_told_as_one() {
    let storage = Storage::migrated(Backend::Postgres).await;
    let Database::Postgres(url) = &storage.database else { panic!("not of this kind") };
    // It looks for deadlocks late: the other is the victim.
    let (other, _) = open_postgres(url).await;
    other.batch_execute("SET deadlock_timeout = '1h'; BEGIN; LOCK TABLE audit_log").await.unwrap();
    let db = storage.db.clone();
    let victim = tokio::spawn(async move { register(&db, &user("ada@example.com")).await.unwrap_err() });
    let waits = "SELECT relation::regclass::text AS text FROM pg_locks
        WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    eventually("it waits", async || (!storage.database.texts(waits).await.is_empty()).then_some(())).await;
    other.batch_execute("LOCK TABLE users").await.unwrap();
    assert_eq!(kind(&victim.await.unwrap()), DbErrorKind::Deadlock);
}

/// Changes the address of the only user, and keeps the one before.
const CHANGE: &str = "BEGIN; UPDATE users SET email = 'b@example.com', email_key = 'b@example.com';
    INSERT INTO one_time_codes (code_hash, purpose, user_id, email, email_key, created_at, expires_at)
    SELECT decode(repeat('00', 32), 'hex'), 'undo_email_change', id, 'ada@example.com', 'ada@example.com', now(), now() + interval '1 day'
    FROM users";

async fn commit_once_waited_for(storage: &Storage, change: &Client) {
    let waits = "SELECT locktype AS text FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'
        AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())";
    eventually("it waits", async || (!storage.database.texts(waits).await.is_empty()).then_some(())).await;
    change.batch_execute("COMMIT").await.unwrap();
}

/// A change of an address that is under way keeps it for whoever had it, and whoever makes a user of it meanwhile learns so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_comes_to_be_kept_while_a_user_is_made_is_refused() {
    let storage = Storage::migrated(Backend::Postgres).await;
    let Database::Postgres(url) = &storage.database else { panic!("not of this kind") };
    register(&storage.db, &user("ada@example.com")).await.unwrap();
    let (change, _) = open_postgres(url).await;
    change.batch_execute(CHANGE).await.unwrap();
    let password = NewPassword::parse("correct horse battery").unwrap().as_password().clone();
    let pool = HashPool::start(&Config::load(&Sources::default()).unwrap().password).unwrap();
    let newcomer = Newcomer {
        email: Email::parse("Ada@example.com").unwrap(),
        full_name: FullName::parse("Ada").unwrap(),
        password_hash: pool.hash(IpAddr::from(Ipv4Addr::LOCALHOST).into(), password).await.unwrap(),
        role: Role::User,
    };
    let db = storage.db.clone();
    let making =
        tokio::spawn(async move { creation::create(&db, &Webhooks::default(), &Actor::operator(), &newcomer).await });
    commit_once_waited_for(&storage, &change).await;
    let refused = making.await.unwrap().unwrap_err();
    assert!(matches!(&refused, Error::Validation(faults) if faults[0].code == "kept"), "{refused:?}");
    assert_eq!(storage.database.count("users").await, 1);
}

/// The numbers of lines that were refused.
#[derive(Clone, Default)]
struct Refused(Arc<Mutex<Vec<u64>>>);

impl Watcher for Refused {
    fn refused(&mut self, number: u64, _: &Error, _: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().push(number);
        Ok(())
    }

    fn done(&mut self, _: &Tally, _: u64) {}
}

/// The same for an import: others of the same lines come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_comes_to_be_kept_during_an_import_is_refused() {
    let storage = Storage::migrated(Backend::Postgres).await;
    let Database::Postgres(url) = &storage.database else { panic!("not of this kind") };
    register(&storage.db, &user("ada@example.com")).await.unwrap();
    let (change, _) = open_postgres(url).await;
    change.batch_execute(CHANGE).await.unwrap();
    let hash = "$2b$05$ZjYEW8bC0WjG29OXn/MCa.c4Ej6uYOYdTbYn0Dt5vJYnQMcYpWMZC";
    let lines = ["c@example.com", "Ada@example.com", "d@example.com", "ada@example.com", "c@example.com"]
        .map(|email| json!({ "email": email, "full_name": "Ada", "password_hash": hash }).to_string())
        .join("\n");
    let refused = Refused::default();
    let mut import = Import::new(lines.as_bytes(), Target::Database(&storage.db), refused.clone());
    let (imported, ()) = tokio::join!(import.run(1), commit_once_waited_for(&storage, &change));
    imported.unwrap();
    assert_eq!(import.tally(), Tally { lines: 5, added: 2, existing: 1, refused: 2 });
    assert_eq!(*refused.0.lock().unwrap(), [2, 4]);
    assert_eq!(storage.database.emails().await, ["b@example.com", "c@example.com", "d@example.com"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connection_says_who_it_is() {
    let storage = Storage::migrated(Backend::Postgres).await;
    let names = "SELECT DISTINCT application_name AS text FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert_eq!(storage.database.texts(names).await, ["neodyme"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_without_the_right_to_create_tables_suffices() {
    let storage = Storage::migrated(Backend::Postgres).await;
    let Database::Postgres(url) = &storage.database else { panic!("not of this kind") };
    let role = format!("service_of_{}", url.rsplit('/').next().unwrap());
    let grants = "GRANT SELECT, INSERT, UPDATE, DELETE ON users, audit_log TO role;
        GRANT SELECT ON __diesel_schema_migrations TO role; REVOKE CREATE ON SCHEMA public FROM PUBLIC";
    storage.execute(&format!("CREATE ROLE {role} LOGIN; {}", grants.replace("role", &role))).await;
    let url = url.replace("//postgres@", &format!("//{role}@"));
    let db = Db::connect(&fixture::config(&Database::Postgres(url))).await.unwrap();
    assert_eq!(db.migrate().await.unwrap(), [""; 0]);
    register(&db, &user("ada@example.com")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_url_asks_in_vain_is_said_without_the_password() {
    for (url, expected, says) in [
        ("postgres://u:canary@db.example.com/d?sslrootcert=/nowhere.pem", DbErrorKind::Unsuitable, "/nowhere.pem"),
        ("postgres://u:canary@127.0.0.1:1/d", DbErrorKind::Connection, "Connection refused"),
        ("postgres://u:canary@127.0.0.1:1,[::1]:2/d", DbErrorKind::Connection, "[::1]:2: "),
        ("postgres://u:canary@%2Fnowhere/d", DbErrorKind::Connection, "socket /nowhere/.s.PGSQL.5432"),
    ] {
        let error = Db::connect(&fixture::config(&Database::Postgres(url.to_owned()))).await.err().unwrap();
        let said = message(&error);
        assert_eq!(kind(&error), expected, "{said}");
        assert!(said.contains(says) && !said.contains("canary"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_refused_learns_what_to_check() {
    let cluster = Cluster::start();
    let url = cluster.create_database();
    let (session, _) = open_postgres(&url).await;
    session.batch_execute("CREATE ROLE closed; ALTER ROLE postgres PASSWORD 'x'").await.unwrap();
    let nowhere = format!("{}_not", url);
    let closed = url.replace("//postgres@", "//closed@");
    for (url, says) in [(nowhere, "there is no such database"), (closed, "check user, password")] {
        let error = Db::connect(&fixture::config(&Database::Postgres(url))).await.err().unwrap();
        assert_eq!(kind(&error), DbErrorKind::Refused, "{}", message(&error));
        assert!(message(&error).contains(says), "{}", message(&error));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_is_found_by_its_folder() {
    let cluster = Cluster::start();
    let url = cluster.create_database();
    let (name, folder) = (url.rsplit('/').next().unwrap(), cluster.socket_folder().display().to_string());
    let port = cluster.address().rsplit(':').next().unwrap().to_owned();
    for url in [
        format!("postgres://postgres@/{name}?host={folder}&port={port}"),
        format!("postgresql://postgres@{}:{port}/{name}", folder.replace('/', "%2F")),
        format!("postgresql:///{name}?host={folder}&user=postgres&port={port}"),
    ] {
        Db::connect(&fixture::config(&Database::Postgres(url))).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encoding_that_cannot_hold_every_name_is_refused() {
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let url = Cluster::shared().create_database_with(&["--template=template0", "--encoding", encoding]);
        let error = Db::connect(&fixture::config(&Database::Postgres(url))).await.err().unwrap();
        let said = message(&error);
        assert_eq!(kind(&error), DbErrorKind::Unsuitable, "{said}");
        assert!(said.contains(encoding) && said.contains("ENCODING 'UTF8' TEMPLATE template0"), "{said}");
    }
}
