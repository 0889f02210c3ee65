//! Can a registration be written? To read says nothing of that: a standby, a missing right and a full disk all let read.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;

use super::db::Db;
use super::sqlite::SqliteFile;
use super::transaction::{Connection, Transaction};
use crate::error::{DbErrorKind, Error, Result};
use crate::telemetry::metrics::DbOperation;

/// A write that succeeded speaks for the next one for this long.
const CONVINCES_FOR: Duration = Duration::from_secs(5);

/// A registration that waits for a lock for longer than this is one that cannot be written; an answer within the time of a check
/// says so.
const LOCK_PATIENCE: &str = "SET LOCAL lock_timeout = '1s'";

/// Does in a transaction what a registration does, and undoes it.
pub type Rehearsal = for<'a> fn(&'a mut Transaction) -> BoxFuture<'a, Result<()>>;

impl Db {
    /// Whether a registration can be written, now: the database answers, and a registration was written of late, or one
    /// that nobody asked for can be written and taken back.
    ///
    /// # Errors
    /// What a registration would fail with.
    pub async fn check(&self, rehearsal: Rehearsal) -> Result<()> {
        let began = Instant::now();
        if let Db::Sqlite { writer, reader, file, .. } = self
            && is_replaced(file).await
        {
            // What is written through them is written into a file that nobody will find.
            writer.retire();
            reader.retire();
        }
        self.ping().await.inspect_err(|error| self.let_go(error))?;
        if self.last_write().was_within(CONVINCES_FOR) {
            return Ok(());
        }
        let outcome = self.rehearse(rehearsal).await.inspect_err(|error| self.let_go(error));
        // A rehearsal that waits in vain behind registrations that are written is no outage.
        if outcome.is_err() && self.last_write().was_within(began.elapsed()) {
            return Ok(());
        }
        self.last_write().note(&outcome);
        outcome
    }

    /// Connections share what SQLite found when it opened the files, until the last one is closed: as long as one stays, all
    /// new ones are as read-only as it is.
    fn let_go(&self, error: &Error) {
        let Error::Database { kind: DbErrorKind::ReadOnly | DbErrorKind::Permission, .. } = error else { return };
        if let Db::Sqlite { writer, reader, .. } = self {
            writer.retire();
            reader.retire();
        }
    }

    /// A file gets a commit as well: what is not committed does not reach the disk. A server is spared that.
    async fn rehearse(&self, rehearsal: Rehearsal) -> Result<()> {
        let connection = match self {
            Db::Sqlite { writer, .. } => Connection::Sqlite(writer.acquire().await?),
            Db::Postgres { pool, .. } => Connection::Postgres(pool.acquire().await?),
        };
        let mut tx = Transaction::new(connection);
        tx.insert_as(DbOperation::Rehearse);
        let outcome = self.rehearse_in(&mut tx, rehearsal).await;
        tx.end(&outcome);
        outcome
    }

    async fn rehearse_in(&self, tx: &mut Transaction, rehearsal: Rehearsal) -> Result<()> {
        tx.begin().await?;
        if matches!(self, Db::Postgres { .. }) {
            tx.execute(DbOperation::Rehearse, LOCK_PATIENCE).await?;
        }
        rehearsal(tx).await?;
        tx.flush().await?;
        match self {
            Db::Sqlite { .. } => tx.commit().await,
            Db::Postgres { .. } => tx.roll_back().await,
        }
    }
}

async fn is_replaced(file: &SqliteFile) -> bool {
    let file = file.clone();
    tokio::task::spawn_blocking(move || file.is_replaced()).await.unwrap_or(false)
}
