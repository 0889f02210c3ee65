//! Group commit for SQLite, which has one writer: rows that wait for it while others are written share the next
//! transaction, and its one write to the disk (DeWitt et al., "Implementation Techniques for Main Memory Database
//! Systems", SIGMOD 1984). They stay independent: where one of them is refused, each gets a transaction of its own.

use std::slice::from_ref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use diesel_async::SimpleAsyncConnection;
use tokio::sync::oneshot::{self, error::RecvError};

use super::blocking::on_one_thread;
use super::error::copy;
use super::pool::{ConnectionPool, Lease};
use super::query::on_lease;
use super::rows::Rows;
use super::sqlite::SqliteManager;
use crate::error::{DbErrorKind, Error, Result};
use crate::telemetry::metrics::DbOperation;

/// The connection that writes, and what waits for it.
#[derive(Clone)]
pub struct GroupCommit {
    writer: ConnectionPool<SqliteManager>,
    waiting: Arc<Mutex<Vec<Waiting>>>,
}

struct Waiting {
    rows: Arc<Rows>,
    answer: oneshot::Sender<Result<()>>,
}

/// How a transaction ended.
enum Ended {
    /// All is written.
    Committed,
    /// Some of the rows were refused, and nothing is written.
    Refused(Error),
    /// The database failed. Nothing is written, but the connection may still be in the transaction.
    Failed(Error),
}

impl GroupCommit {
    pub(super) fn new(writer: ConnectionPool<SqliteManager>) -> Self {
        Self { writer, waiting: Arc::default() }
    }

    /// Writes the rows: whoever gets the connection writes what all wait for.
    pub(super) async fn insert(&self, rows: &Arc<Rows>) -> Result<()> {
        let (answer, mut outcome) = oneshot::channel();
        self.lock().push(Waiting { rows: Arc::clone(rows), answer });
        tokio::select! {
            biased;
            answered = &mut outcome => return self.told(answered),
            lease = self.writer.acquire() => match lease {
                Ok(lease) => self.write(lease).await,
                Err(error) if self.withdraw(rows) => return Err(error),
                Err(_others_have_it) => {}
            }
        }
        self.told(outcome.await)
    }

    async fn write(&self, lease: Lease<SqliteManager>) {
        // Those who were woken together with this one come along.
        tokio::task::yield_now().await;
        let group: Vec<_> = self.lock().drain(..).filter(|waiting| !waiting.answer.is_closed()).collect();
        // Another may have taken them all, and be about to answer.
        if group.is_empty() { lease.settle(&Ok(())) } else { on_one_thread(write(lease, group)).await }
    }

    /// Takes the rows back, unless they are being written.
    fn withdraw(&self, rows: &Arc<Rows>) -> bool {
        let mut waiting = self.lock();
        let place = waiting.iter().position(|other| Arc::ptr_eq(&other.rows, rows));
        place.map(|place| waiting.swap_remove(place)).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self, answered: std::result::Result<Result<()>, RecvError>) -> Result<()> {
        let abandoned = || self.writer.origin.fail(DbErrorKind::Connection, "the transaction was abandoned", None);
        answered.unwrap_or_else(|_gone| Err(abandoned()))
    }
}

async fn write(mut lease: Lease<SqliteManager>, group: Vec<Waiting>) {
    let mut ended = transaction(&mut lease, &group).await;
    let alone = group.len() > 1 && matches!(ended, Ended::Refused(_));
    let mut answers = Vec::with_capacity(group.len());
    for waiting in group {
        if alone && !matches!(ended, Ended::Failed(_)) {
            ended = transaction(&mut lease, from_ref(&waiting)).await;
        }
        answers.push((waiting.answer, ended.outcome()));
    }
    match &ended {
        // Its transaction may still be open.
        Ended::Failed(error) => lease.abandon(error),
        Ended::Refused(error) => lease.settle(&Err::<(), _>(copy(error))),
        Ended::Committed => lease.settle(&Ok(())),
    }
    for (answer, outcome) in answers {
        let _ = answer.send(outcome);
    }
}

async fn transaction(lease: &mut Lease<SqliteManager>, group: &[Waiting]) -> Ended {
    // Immediate: a transaction that begins as a reader cannot become the writer once there is another.
    if let Err(error) = on_lease!(lease, DbOperation::Begin, |conn| conn.batch_execute("BEGIN IMMEDIATE")) {
        return Ended::Failed(error);
    }
    for waiting in group {
        if let Err(error) = on_lease!(lease, DbOperation::InsertRows, |conn| waiting.rows.insert_each(conn)) {
            let rolled_back = on_lease!(lease, DbOperation::Rollback, |conn| conn.batch_execute("ROLLBACK"));
            return if rolled_back.is_ok() { Ended::Refused(error) } else { Ended::Failed(error) };
        }
    }
    match on_lease!(lease, DbOperation::Commit, |conn| conn.batch_execute("COMMIT")) {
        Ok(()) => Ended::Committed,
        Err(error) => Ended::Failed(error),
    }
}

impl Ended {
    fn outcome(&self) -> Result<()> {
        match self {
            Ended::Committed => Ok(()),
            Ended::Refused(error) | Ended::Failed(error) => Err(copy(error)),
        }
    }
}
