//! An open transaction that can be handed from function to function.

use std::sync::atomic::AtomicBool;

use diesel::QueryResult;
use diesel::connection::AnsiTransactionManager;
use diesel_async::{AsyncConnection, TransactionManager};
use tokio::sync::Mutex;

use super::Db;
use super::blocking::in_place;
use super::error::Origin;
use super::pool::Lease;
use super::postgres::PostgresManager;
use super::query::on_lease;
use super::sqlite::SqliteManager;
use crate::error::{DbErrorKind, Result};
use crate::metrics::DbOperation;

/// A connection with an open transaction. Dropped without [`commit`](Tx::commit) or [`rollback`](Tx::rollback), also
/// because a request was cancelled, it closes its connection, and nothing of it remains.
pub struct Tx {
    pub(super) lease: TxLease,
    /// Has an operation failed? Then PostgreSQL would answer COMMIT with a silent rollback.
    pub(super) unsound: AtomicBool,
    origin: Origin,
}

pub(super) enum TxLease {
    Sqlite(Box<Mutex<Lease<SqliteManager>>>),
    Postgres(Box<Lease<PostgresManager>>),
}

impl Tx {
    /// Opens a transaction.
    pub(super) async fn begin(db: &Db) -> Result<Self> {
        let mut tx = Self::acquire(db).await?;
        tx.open().await?;
        Ok(tx)
    }

    /// Opens a transaction and does this in it.
    pub(super) async fn begin_with<W>(db: &Db, work: W) -> Result<Self>
    where
        W: AsyncFnOnce(&Self) -> Result<()>,
    {
        let mut tx = Self::acquire(db).await?;
        let is_sqlite = matches!(tx.lease, TxLease::Sqlite(_));
        let all = async {
            tx.open().await?;
            match work(&tx).await {
                Ok(()) => Ok(tx),
                Err(error) => {
                    // The cause is the work's; a connection that cannot roll back is thrown away by the pool.
                    let _ = tx.rollback().await;
                    Err(error)
                }
            }
        };
        if is_sqlite { in_place(all).await } else { all.await }
    }

    /// Waits for a connection; there is no transaction yet.
    async fn acquire(db: &Db) -> Result<Self> {
        let (lease, origin) = match db {
            Db::Sqlite { writer, .. } => {
                (TxLease::Sqlite(Box::new(Mutex::new(writer.acquire().await?))), &writer.origin)
            }
            Db::Postgres { pool, .. } => (TxLease::Postgres(Box::new(pool.acquire().await?)), &pool.origin),
        };
        Ok(Self { lease, unsound: AtomicBool::new(false), origin: origin.clone() })
    }

    async fn open(&mut self) -> Result<()> {
        match &mut self.lease {
            // Immediate: a transaction that begins as a reader cannot become the writer once there is another.
            TxLease::Sqlite(lease) => on_lease!(lease.get_mut(), DbOperation::Begin, |conn| conn
                .spawn_blocking(|conn| AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE"))),
            TxLease::Postgres(lease) => on_lease!(lease, DbOperation::Begin, |conn| begin(conn)),
        }
    }

    /// Makes everything durable: when this returns `Ok`, it survives a crash.
    ///
    /// # Errors
    /// When the database fails, or when an operation of this transaction failed before. Nothing was written then, with
    /// one exception: after a broken connection (kinds `connection` and `timeout`) it may or may not have been.
    pub async fn commit(mut self) -> Result<()> {
        if *self.unsound.get_mut() {
            let origin = self.origin.clone();
            self.rollback().await?;
            return Err(origin.fail(DbErrorKind::Other, "a failed transaction was rolled back, not committed", None));
        }
        let outcome = match &mut self.lease {
            TxLease::Sqlite(lease) => {
                in_place(async { on_lease!(lease.get_mut(), DbOperation::Commit, |conn| commit(conn)) }).await
            }
            TxLease::Postgres(lease) => on_lease!(lease, DbOperation::Commit, |conn| commit(conn)),
        };
        self.end(outcome)
    }

    /// Takes everything back.
    ///
    /// # Errors
    /// When the database fails; the transaction is gone nevertheless.
    pub async fn rollback(mut self) -> Result<()> {
        let outcome = match &mut self.lease {
            TxLease::Sqlite(lease) => on_lease!(lease.get_mut(), DbOperation::Rollback, |conn| rollback(conn)),
            TxLease::Postgres(lease) => on_lease!(lease, DbOperation::Rollback, |conn| rollback(conn)),
        };
        self.end(outcome)
    }

    /// Gives the connection back after a success, and closes it otherwise.
    fn end(self, outcome: Result<()>) -> Result<()> {
        if outcome.is_ok() {
            match self.lease {
                TxLease::Sqlite(lease) => lease.into_inner().settle(&outcome),
                TxLease::Postgres(lease) => lease.settle(&outcome),
            }
        }
        outcome
    }
}

async fn begin<C: AsyncConnection>(conn: &mut C) -> QueryResult<()> {
    C::TransactionManager::begin_transaction(conn).await
}

async fn commit<C: AsyncConnection>(conn: &mut C) -> QueryResult<()> {
    C::TransactionManager::commit_transaction(conn).await
}

async fn rollback<C: AsyncConnection>(conn: &mut C) -> QueryResult<()> {
    C::TransactionManager::rollback_transaction(conn).await
}
