//! Group commit for SQLite, which has one writer: transactions that wait for it while others are under way share the next
//! `COMMIT`, and its one write to the disk (DeWitt et al., "Implementation Techniques for Main Memory Database Systems",
//! SIGMOD 1984). They stay independent: what one of them has written is taken back to a savepoint where it fails.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::oneshot::error::RecvError;

use super::blocking::on_one_thread;
use super::error::{Session, copy, session_after};
use super::pool::{ConnectionPool, Lease};
use super::sqlite::SqliteManager;
use super::transaction::{Connection, Outcome, Transaction, Work, package, run};
use crate::error::Result;
use crate::telemetry::metrics::DbOperation;

/// The connection that writes, and what waits for it.
#[derive(Clone)]
pub struct GroupCommit {
    writer: ConnectionPool<SqliteManager>,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Default)]
struct Queue {
    next: u64,
    waiting: Vec<(u64, Box<dyn Work>)>,
}

impl GroupCommit {
    pub(super) fn new(writer: ConnectionPool<SqliteManager>) -> Self {
        Self { writer, queue: Arc::default() }
    }

    /// Runs a transaction: whoever gets the connection runs those of all that wait.
    pub(super) async fn transaction<T, W>(&self, work: W) -> Outcome<T>
    where
        T: Send + 'static,
        W: for<'a> FnOnce(&'a mut Transaction) -> BoxFuture<'a, Result<T>> + Send + 'static,
    {
        let (work, mut outcome) = package(work);
        let number = self.enqueue(work);
        tokio::select! {
            biased;
            told = &mut outcome => return self.outcome(told),
            lease = self.writer.acquire() => match lease {
                Ok(lease) => self.run(lease).await,
                Err(error) if self.withdraw(number) => return Err(error),
                Err(_others_have_it) => {}
            }
        }
        self.outcome(outcome.await)
    }

    fn enqueue(&self, work: Box<dyn Work>) -> u64 {
        let mut queue = self.lock();
        let number = queue.next;
        queue.next += 1;
        queue.waiting.push((number, work));
        number
    }

    async fn run(&self, lease: Lease<SqliteManager>) {
        // Those who were woken together with this one come along.
        tokio::task::yield_now().await;
        let waiting = std::mem::take(&mut self.lock().waiting).into_iter();
        let group: Vec<_> = waiting.map(|(_, work)| work).filter(|work| work.is_wanted()).collect();
        // Another may have taken them all, and be about to answer.
        if group.is_empty() { lease.settle(&Ok(())) } else { on_one_thread(run_group(lease, group)).await }
    }

    /// Takes the work back, unless it is being done.
    fn withdraw(&self, number: u64) -> bool {
        let waiting = &mut self.lock().waiting;
        let place = waiting.iter().position(|(other, _)| *other == number);
        place.map(|place| waiting.remove(place)).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outcome<T>(&self, told: std::result::Result<Outcome<T>, RecvError>) -> Outcome<T> {
        told.unwrap_or_else(|_gone| Err(self.writer.origin.abandoned()))
    }
}

async fn run_group(lease: Lease<SqliteManager>, mut group: Vec<Box<dyn Work>>) {
    let mut tx = Transaction::new(Connection::Sqlite(lease));
    let begun = tx.begin().await;
    if begun.is_ok() && group.len() == 1 {
        return run(tx, group.remove(0)).await;
    }
    let ended = match begun {
        Ok(()) => run_together(&mut tx, &mut group).await,
        Err(error) => Err(error),
    };
    tx.end(&ended);
    let failed = ended.err();
    group.into_iter().for_each(|work| work.tell(failed.as_ref().map_or(Ok(()), |error| Err(copy(error)))));
}

/// Does one after the other, and commits them. What fails leaves nothing, and the others as they are.
async fn run_together(tx: &mut Transaction, group: &mut [Box<dyn Work>]) -> Result<()> {
    for work in group {
        tx.execute(DbOperation::Savepoint, "SAVEPOINT work").await?;
        work.run(tx).await;
        if let Some(error) = work.failure() {
            if session_after(error) != Session::Usable {
                return Err(copy(error));
            }
            tx.discard_rows();
            tx.execute(DbOperation::Rollback, "ROLLBACK TO work").await?;
        }
        tx.execute(DbOperation::Savepoint, "RELEASE work").await?;
    }
    tx.commit().await
}
