//! Transactions: any statements on either database, all of them or none.
//!
//! ```ignore
//! db.transaction(move |tx| {
//!     async move {
//!         let user = tokens::use_up(tx, &token).await?;
//!         tx.insert(audit_entry);
//!         Ok(user)
//!     }
//!     .boxed()
//! })
//! .await
//! ```
//!
//! A transaction runs to its end even if whoever wants it has gone. Rows that are only inserted go to the database
//! together, at the latest with the commit; on PostgreSQL, where nothing else is asked, that is one round trip.

use std::panic::AssertUnwindSafe;

use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::combined_insertion::CombinedInsertion;
use super::error::{Session, copy, session_after, with_unknown_outcome};
use super::pool::{Lease, on_lease};
use super::postgres::PostgresManager;
use super::row::Row;
use super::sqlite::SqliteManager;
use crate::error::{Error, Result};
use crate::telemetry::metrics::DbOperation;

/// A transaction under way.
pub struct Transaction {
    connection: Connection,
    /// What has to be inserted before anything else is asked.
    rows: Vec<Box<dyn Row>>,
    /// What the insertion of rows is measured as.
    insertion: DbOperation,
    /// Whether the database knows of it.
    begun: bool,
    /// Whether rows were inserted.
    wrote: bool,
    /// The first statement that failed: nothing of the work can be kept, whatever becomes of it otherwise.
    failed: Option<Error>,
}

/// What the statements of a transaction run on.
pub(crate) enum Connection {
    Sqlite(Lease<SqliteManager>),
    Postgres(Lease<PostgresManager>),
}

/// What is done in a transaction, apart from the type of what comes of it.
pub(super) trait Work: Send {
    /// Does it.
    fn run<'a>(&'a mut self, tx: &'a mut Transaction) -> BoxFuture<'a, ()>;
    /// What it failed with: it is not to be committed.
    fn failure(&self) -> Option<&Error>;
    /// Tells whoever wants to know what came of it, once it is known how the transaction ended.
    fn tell(self: Box<Self>, ended: Result<()>);
    /// Whether anybody wants to know.
    fn is_wanted(&self) -> bool;
}

/// A value, and whether rows were inserted on the way to it.
pub(super) type Outcome<T> = Result<(T, bool)>;

struct Task<T, W> {
    work: Option<W>,
    outcome: Option<Outcome<T>>,
    caller: oneshot::Sender<Outcome<T>>,
}

/// Separates work from the type of its outcome.
pub(super) fn package<T, W>(work: W) -> (Box<dyn Work>, oneshot::Receiver<Outcome<T>>)
where
    T: Send + 'static,
    W: for<'a> FnOnce(&'a mut Transaction) -> BoxFuture<'a, Result<T>> + Send + 'static,
{
    let (caller, outcome) = oneshot::channel();
    (Box::new(Task { work: Some(work), outcome: None, caller }), outcome)
}

impl<T, W> Work for Task<T, W>
where
    T: Send + 'static,
    W: for<'a> FnOnce(&'a mut Transaction) -> BoxFuture<'a, Result<T>> + Send + 'static,
{
    fn run<'a>(&'a mut self, tx: &'a mut Transaction) -> BoxFuture<'a, ()> {
        let work = self.work.take();
        async move {
            let Some(work) = work else { return };
            (tx.wrote, tx.failed) = (false, None);
            // A bug in this work is none in that of others who share its commit.
            let worked = AssertUnwindSafe(async { work(tx).await }).catch_unwind().await;
            let worked = worked.unwrap_or_else(|_panic| Err(Error::Internal("a transaction panicked".to_owned())));
            self.outcome = Some(tx.outcome_of(worked).await);
        }
        .boxed()
    }

    fn failure(&self) -> Option<&Error> {
        self.outcome.as_ref().and_then(|outcome| outcome.as_ref().err())
    }

    fn tell(self: Box<Self>, ended: Result<()>) {
        let outcome = match (self.outcome, ended) {
            (Some(Err(refused)), _) => Err(refused),
            (Some(outcome), Ok(())) => outcome,
            (_, Err(failed)) => Err(failed),
            // Nobody commits what was not done: the caller is told that it is gone when its channel closes.
            (None, Ok(())) => return,
        };
        let _ = self.caller.send(outcome);
    }

    fn is_wanted(&self) -> bool {
        !self.caller.is_closed()
    }
}

impl Transaction {
    pub(super) fn new(connection: Connection) -> Self {
        Transaction {
            connection,
            rows: Vec::new(),
            insertion: DbOperation::InsertRows,
            begun: false,
            wrote: false,
            failed: None,
        }
    }

    /// Inserts a row, at the latest when the transaction is committed: what the database says against it is said then. Some
    /// thousands at most: on PostgreSQL those that wait are one statement, of at most 65,535 values.
    pub fn insert(&mut self, row: impl Row) {
        self.rows.push(Box::new(row));
    }

    /// Measures the insertion of rows as something else.
    pub(super) fn insert_as(&mut self, operation: DbOperation) {
        self.insertion = operation;
    }

    /// What comes of work that ended like this. A statement that failed cannot be undone by going on: PostgreSQL would answer
    /// the commit with a rollback, and SQLite keep the rest.
    async fn outcome_of<T>(&mut self, worked: Result<T>) -> Outcome<T> {
        let value = worked?;
        if self.failed.is_none() {
            self.flush().await?;
        }
        match self.failed.take() {
            Some(failed) => Err(failed),
            None => Ok((value, self.wrote)),
        }
    }

    /// Remembers a statement that failed.
    pub(crate) fn note<T>(&mut self, outcome: Result<T>) -> Result<T> {
        if let Err(error) = &outcome {
            self.failed.get_or_insert_with(|| copy(error));
        }
        outcome
    }

    /// The connection, on which all that came before is done.
    pub(crate) async fn ready(&mut self) -> Result<&mut Connection> {
        self.begin().await?;
        self.flush().await?;
        Ok(&mut self.connection)
    }

    /// Begins, if it has not. SQLite: as the writer, since a transaction that begins as a reader cannot become the writer
    /// once there is another.
    pub(super) async fn begin(&mut self) -> Result<()> {
        if !self.begun {
            match self.connection {
                Connection::Sqlite(_) => self.execute(DbOperation::Begin, "BEGIN IMMEDIATE").await?,
                Connection::Postgres(_) => self.execute(DbOperation::Begin, "BEGIN").await?,
            }
            self.begun = true;
        }
        Ok(())
    }

    /// Sends the rows that wait. Where nothing was asked before, PostgreSQL takes them as a transaction of their own.
    pub(super) async fn flush(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return Ok(());
        }
        let inserted = match &mut self.connection {
            Connection::Sqlite(lease) => on_lease!(lease, self.insertion, |conn| async {
                for row in &rows {
                    row.insert_on_sqlite(conn).await?;
                }
                Ok(())
            }),
            Connection::Postgres(lease) => {
                on_lease!(lease, self.insertion, |conn| CombinedInsertion::new(&rows).execute(conn)).map(|_rows| ())
            }
        };
        self.wrote |= inserted.is_ok();
        self.note(inserted.map_err(|error| if self.begun { error } else { with_unknown_outcome(error) }))
    }

    /// Makes it durable. Where the connection is lost meanwhile, nobody knows whether it is.
    pub(super) async fn commit(&mut self) -> Result<()> {
        if !self.begun {
            return Ok(());
        }
        self.begun = false;
        self.execute(DbOperation::Commit, "COMMIT").await.map_err(with_unknown_outcome)
    }

    /// Forgets the rows that were not sent.
    pub(super) fn discard_rows(&mut self) {
        self.rows.clear();
    }

    /// Takes it back.
    pub(super) async fn roll_back(&mut self) -> Result<()> {
        self.discard_rows();
        if !self.begun {
            return Ok(());
        }
        self.begun = false;
        self.execute(DbOperation::Rollback, "ROLLBACK").await
    }

    pub(super) async fn execute(&mut self, operation: DbOperation, statement: &str) -> Result<()> {
        match &mut self.connection {
            Connection::Sqlite(lease) => on_lease!(lease, operation, |conn| conn.batch_execute(statement)),
            Connection::Postgres(lease) => on_lease!(lease, operation, |conn| conn.batch_execute(statement)),
        }
    }

    /// Gives the connection back once the transaction has ended. After a failure it may still be open: the connection is
    /// closed then.
    pub(super) fn end(self, ended: &Result<()>) {
        match self.connection {
            Connection::Sqlite(lease) => lease.end(ended),
            Connection::Postgres(lease) => lease.end(ended),
        }
    }
}

/// Does the work of one transaction, and ends it.
pub(super) async fn run(mut tx: Transaction, mut work: Box<dyn Work>) {
    work.run(&mut tx).await;
    let ended = match work.failure() {
        None => tx.commit().await,
        Some(error) if session_after(error) == Session::Usable => tx.roll_back().await,
        Some(error) => Err(copy(error)),
    };
    tx.end(&ended);
    work.tell(ended);
}
