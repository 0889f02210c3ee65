//! The schema's versions: which are applied, and applying the rest.
//!
//! Migrations run on a connection of their own, all in one transaction and under a lock, so that several instances may
//! start at once and a failure leaves nothing behind.

use diesel::backend::Backend;
use diesel::connection::{LoadConnection, SimpleConnection};
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel::query_dsl::methods::LoadQuery;
use diesel::result::Error as QueryError;
use diesel::sql_types::{Bool, Text};
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio::task::{JoinError, spawn_blocking};

use super::error::Origin;
use super::postgres::{PostgresConn, PostgresServer};
use super::sqlite::{Role, SqliteFile};
use crate::error::{Cause, Error, Result};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// One instance migrates at a time. The number is arbitrary; it must only be the same in every version.
const POSTGRES_LOCK: &str =
    "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock(7310579208157389427)";

const SQLITE_HAS_HISTORY: &str =
    "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '__diesel_schema_migrations')";
const POSTGRES_HAS_HISTORY: &str = "SELECT to_regclass('__diesel_schema_migrations') IS NOT NULL";

/// What this module does with a database.
#[derive(Clone, Copy)]
pub(super) enum Task {
    /// Name what is pending.
    List,
    /// Apply what is pending.
    Apply,
}

type Outcome = diesel::migration::Result<Vec<String>>;

pub(super) async fn on_sqlite(file: &SqliteFile, task: Task) -> Result<Vec<String>> {
    let (file, origin) = (file.clone(), file.origin.clone());
    let work = move || {
        let mut conn = file.open(Role::Writer).map_err(|error| file.origin.connect_failed(error))?;
        let pending = list(&mut conn, SQLITE, SQLITE_HAS_HISTORY);
        let outcome = match (task, pending) {
            (Task::Apply, Ok(pending)) if !pending.is_empty() => {
                conn.immediate_transaction(|conn| apply(conn, SQLITE, SQLITE_HAS_HISTORY))
            }
            (_, pending) => pending,
        };
        outcome.map_err(|error| failed(&file.origin, error))
    };
    join(&origin, spawn_blocking(work).await)
}

pub(super) async fn on_postgres(server: &PostgresServer, task: Task) -> Result<Vec<String>> {
    let conn = server.connect().await.map_err(|error| server.origin.connect_failed(error))?;
    let origin = server.origin.clone();
    let work = move || {
        let mut conn = AsyncConnectionWrapper::<PostgresConn>::from(conn);
        let pending = list(&mut conn, POSTGRES, POSTGRES_HAS_HISTORY);
        let outcome = match (task, pending) {
            (Task::Apply, Ok(pending)) if !pending.is_empty() => conn.transaction(|conn| {
                conn.batch_execute(POSTGRES_LOCK)?;
                apply(conn, POSTGRES, POSTGRES_HAS_HISTORY)
            }),
            (_, pending) => pending,
        };
        outcome.map_err(|error| failed(&origin, error))
    };
    join(&server.origin, spawn_blocking(work).await)
}

/// The names of the migrations that are not applied. Writes nothing.
fn list<C, DB>(conn: &mut C, migrations: EmbeddedMigrations, has_history: &str) -> Outcome
where
    DB: Backend,
    C: LoadConnection<Backend = DB>,
    for<'q> SqlLiteral<Bool>: LoadQuery<'q, C, bool>,
    for<'q> SqlLiteral<Text>: LoadQuery<'q, C, String>,
{
    let pending = pending::<C, DB>(conn, migrations, has_history)?;
    Ok(pending.iter().map(|migration| migration.name().to_string()).collect())
}

fn apply<C, DB>(conn: &mut C, migrations: EmbeddedMigrations, has_history: &str) -> Outcome
where
    DB: Backend,
    C: LoadConnection<Backend = DB> + MigrationHarness<DB>,
    for<'q> SqlLiteral<Bool>: LoadQuery<'q, C, bool>,
    for<'q> SqlLiteral<Text>: LoadQuery<'q, C, String>,
{
    // Creates the table of the history; under the lock, another instance may have done it all by now.
    conn.applied_migrations()?;
    let pending = pending::<C, DB>(conn, migrations, has_history)?;
    for migration in &pending {
        conn.run_migration(migration)?;
    }
    Ok(pending.iter().map(|migration| migration.name().to_string()).collect())
}

fn pending<C, DB>(
    conn: &mut C,
    migrations: EmbeddedMigrations,
    has_history: &str,
) -> diesel::migration::Result<Vec<Box<dyn Migration<DB>>>>
where
    DB: Backend,
    C: LoadConnection<Backend = DB>,
    for<'q> SqlLiteral<Bool>: LoadQuery<'q, C, bool>,
    for<'q> SqlLiteral<Text>: LoadQuery<'q, C, String>,
{
    let mut applied: Vec<String> = Vec::new();
    if sql::<Bool>(has_history).get_result(conn)? {
        applied = sql::<Text>("SELECT version FROM __diesel_schema_migrations ORDER BY version").load(conn)?;
    }
    let mut pending = MigrationSource::<DB>::migrations(&migrations)?;
    let unknown = |version: &&String| !pending.iter().any(|known| known.name().version().to_string() == **version);
    if let Some(version) = applied.iter().find(unknown) {
        return Err(format!("it has migration {version}, which this version of neodyme does not know").into());
    }
    pending.retain(|migration| !applied.contains(&migration.name().version().to_string()));
    pending.sort_by_key(|migration| migration.name().version().as_owned());
    Ok(pending)
}

fn failed(origin: &Origin, error: Cause) -> Error {
    match error.downcast::<QueryError>() {
        Ok(error) => origin.query_failed(*error),
        Err(error) => origin.migration_failed(error),
    }
}

fn join(origin: &Origin, outcome: std::result::Result<Result<Vec<String>>, JoinError>) -> Result<Vec<String>> {
    outcome.unwrap_or_else(|error| Err(origin.migration_failed(Box::new(error))))
}
