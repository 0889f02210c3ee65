//! A database for one test, and what is written into it.

use std::any::Any;
use std::time::Duration;

use crate::common::rows::Rows;
use diesel::connection::SimpleConnection;
use futures_util::future::join_all;
use neodyme::accounts::audit::AuditEntry;
use neodyme::accounts::users::{Role, User};
use neodyme::config::{DatabaseConfig, DatabaseUrl};
use neodyme::error::{DbErrorKind, Error, Result};
use neodyme::store::Db;
use tempfile::TempDir;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::common::database::{Backend, Database, open_postgres, open_sqlite};
use crate::common::eventually;

/// A database of one test.
pub struct Storage {
    pub database: Database,
    pub config: DatabaseConfig,
    pub db: Db,
    pub folder: TempDir,
}

/// A database that is not connected to yet.
pub struct NotConnected {
    pub database: Database,
    pub config: DatabaseConfig,
    pub folder: TempDir,
}

impl Storage {
    pub fn create(backend: Backend) -> NotConnected {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::create(backend, folder.path());
        NotConnected { config: config(&database), database, folder }
    }

    pub async fn migrated(backend: Backend) -> Storage {
        Self::migrated_with(backend, |_as_it_is| ()).await
    }

    /// The same, with settings of the test's own.
    pub async fn migrated_with(backend: Backend, change: impl FnOnce(&mut DatabaseConfig)) -> Storage {
        let mut storage = Self::create(backend);
        change(&mut storage.config);
        storage.migrated().await
    }

    /// Lets all that write wait, until what it returns is dropped.
    pub async fn lock_writes(&self) -> Box<dyn Any + Send> {
        match &self.database {
            Database::Sqlite(path) => {
                let mut conn = open_sqlite(path);
                conn.batch_execute("BEGIN IMMEDIATE").unwrap();
                Box::new(conn)
            }
            Database::Postgres(url) => {
                let (client, _) = open_postgres(url).await;
                client.batch_execute("BEGIN; LOCK TABLE users").await.unwrap();
                Box::new(client)
            }
        }
    }

    /// Runs a statement past the layer under test.
    pub async fn execute(&self, statement: &str) {
        match &self.database {
            Database::Sqlite(path) => {
                let mut conn = open_sqlite(path);
                conn.batch_execute(statement).unwrap();
            }
            Database::Postgres(url) => execute_on_postgres(url, statement).await,
        }
    }
}

impl NotConnected {
    pub async fn connected(self) -> Storage {
        let db = Db::connect(&self.config).await.unwrap();
        Storage { database: self.database, config: self.config, db, folder: self.folder }
    }

    pub async fn migrated(self) -> Storage {
        let storage = self.connected().await;
        storage.db.migrate().await.unwrap();
        storage
    }
}

pub async fn execute_on_postgres(url: &str, statement: &str) {
    let (client, _) = open_postgres(url).await;
    client.batch_execute(statement).await.unwrap();
}

pub fn config(database: &Database) -> DatabaseConfig {
    let url = match database {
        Database::Sqlite(path) => DatabaseUrl::Sqlite { path: path.clone() },
        Database::Postgres(url) => DatabaseUrl::parse(url).unwrap(),
    };
    DatabaseConfig {
        url,
        pool_size: 5,
        acquire_timeout: Duration::from_secs(10),
        query_timeout: Duration::from_secs(10),
        connect_timeout: Duration::from_secs(10),
        startup_timeout: Duration::from_secs(10),
        migrate_on_start: true,
        users_refresh_interval: Duration::from_secs(60),
    }
}

pub fn user(email: &str) -> User {
    let now = OffsetDateTime::now_utc();
    User {
        id: Uuid::now_v7(),
        email: email.into(),
        email_key: email.to_lowercase().into(),
        full_name: "Ada Lovelace".into(),
        password_hash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".into(),
        is_active: true,
        created_at: now,
        updated_at: now,
        email_verified_at: None,
        role: Role::User,
        locale: None,
    }
}

pub fn audit_entry(user_id: Uuid) -> AuditEntry {
    AuditEntry {
        id: Uuid::now_v7(),
        occurred_at: OffsetDateTime::now_utc(),
        action: "user_registered".to_owned(),
        actor: "anonymous".to_owned(),
        user_id: Some(user_id),
        client_ip: Some("2001:db8::1".into()),
        request_id: Uuid::new_v4().to_string(),
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
        details: serde_json::json!({"source": "api"}),
    }
}

/// Writes what a registration writes, but for its jobs.
pub async fn register(db: &Db, user: &User) -> Result<()> {
    let entry = audit_entry(user.id);
    insert(db, Rows { users: vec![user.clone()], audit: vec![entry], jobs: vec![] }).await
}

pub async fn insert(db: &Db, rows: Rows) -> Result<()> {
    rows.insert(db).await
}

/// Opens every connection that the pool may have; one that is back early may serve another ping meanwhile.
pub async fn fill_pool(db: &Db, config: &DatabaseConfig) {
    eventually("the pool is full", async || {
        let all = join_all((0..config.pool_size).map(|_| db.ping())).await;
        all.into_iter().for_each(|pinged| pinged.unwrap());
        (db.pool_status().idle == config.pool_size).then_some(())
    })
    .await;
}

pub fn kind(error: &Error) -> DbErrorKind {
    match error {
        Error::Database { kind, .. } => *kind,
        other => panic!("not a database error: {other}"),
    }
}

/// The error with its causes.
pub fn message(error: &Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
