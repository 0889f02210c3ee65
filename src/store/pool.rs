//! Pools of connections, and the lease of one.
//!
//! This is the one place where the wait for a connection and the time of a query are measured, and where the drivers'
//! errors become [`Error::Database`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool::managed::{Manager, Object, Pool, PoolError, Status, TimeoutType};
use diesel::QueryResult;
use diesel_async::pooled_connection::PoolError as SetupError;

use super::error::{Origin, Session, session_after};
use crate::clock;
use crate::error::{DbErrorKind, Error, Result};
use crate::fairness::{ClientKey, Turn, Turns};
use crate::telemetry::metrics::{self, DbOperation};

/// The pool of one database's connections.
pub struct ConnectionPool<M: Manager> {
    pool: Pool<M>,
    pub(crate) origin: Origin,
    /// How long to wait for a connection, and then for an answer. None: the database itself keeps its limits, and a
    /// statement that is given up would block a thread.
    pub(crate) limits: Option<ServerLimits>,
    /// Connections that are older lead to the wrong place.
    oldest: Arc<Mutex<Option<Instant>>>,
    /// What clients may use at once: all connections but one.
    turns: Turns,
}

/// Limits of this side, for a server that does not even refuse.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerLimits {
    pub(crate) acquire: Duration,
    pub(crate) answer: Duration,
}

impl<M: Manager> Clone for ConnectionPool<M> {
    fn clone(&self) -> Self {
        let oldest = Arc::clone(&self.oldest);
        let turns = self.turns.clone();
        Self { pool: self.pool.clone(), origin: self.origin.clone(), limits: self.limits, oldest, turns }
    }
}

impl<M: Manager<Error = SetupError>> ConnectionPool<M> {
    pub(crate) fn new(pool: Pool<M>, origin: Origin, limits: Option<ServerLimits>) -> Self {
        let turns = Turns::new(pool.status().max_size.saturating_sub(1).max(1));
        Self { pool, origin, limits, oldest: Arc::default(), turns }
    }

    /// Waits until it is the client's turn to use a connection.
    pub(crate) async fn turn(&self, client: ClientKey) -> Result<Turn> {
        if let Some(turn) = self.turns.try_take() {
            return Ok(turn);
        }
        let started = Instant::now();
        let turn = within(self.pool.timeouts().wait, self.turns.take(client)).await;
        metrics::db_pool_wait(started.elapsed());
        turn.map_err(|_limit| self.origin.acquire_failed(PoolError::Timeout(TimeoutType::Wait)))
    }

    /// Waits for a connection.
    pub(crate) async fn acquire(&self) -> Result<Lease<M>> {
        let started = Instant::now();
        let limit = self.limits.map(|limits| limits.acquire);
        let acquired = within(limit, self.pool.get()).await;
        metrics::db_pool_wait(started.elapsed());
        let object = acquired.map_err(|limit| {
            self.retire();
            self.origin.silent(limit)
        })?;
        let object = object.map_err(|error| self.origin.acquire_failed(error))?;
        Ok(Lease { object: Some(object), pool: self.clone() })
    }
}

impl<M: Manager> ConnectionPool<M> {
    /// How many wait for a connection, or for their turn.
    pub(crate) fn waiters(&self) -> usize {
        self.pool.status().waiting + self.turns.waiting()
    }

    pub(crate) fn status(&self) -> Status {
        self.pool.status()
    }

    /// Closes all connections that there are: those at rest now, those on loan when they come back.
    pub(crate) fn retire(&self) {
        *self.oldest.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        drop(self.pool.retain(|_, _| false));
    }

    fn is_retired(&self, object: &Object<M>) -> bool {
        let oldest = *self.oldest.lock().unwrap_or_else(PoisonError::into_inner);
        oldest.is_some_and(|oldest| Object::metrics(object).created < oldest)
    }
}

/// A connection on loan. It goes back to the pool by [`Lease::settle`] only: dropped before (a cancelled request, a
/// transaction that was neither committed nor rolled back), it is closed, and the database rolls back.
pub(crate) struct Lease<M: Manager> {
    object: Option<Object<M>>,
    pool: ConnectionPool<M>,
}

impl<M: Manager> Lease<M> {
    pub(crate) fn connection(&mut self) -> Result<&mut M::Type> {
        match &mut self.object {
            Some(object) => Ok(object),
            None => Err(given_back(&self.pool.origin)),
        }
    }

    /// Starts the clock of an operation.
    pub(crate) fn watch(&self, operation: DbOperation) -> Watch {
        let limit = self.pool.limits.map(|limits| limits.answer);
        Watch { operation, started: Instant::now(), origin: self.pool.origin.clone(), limit }
    }

    /// Gives the connection back, if it is of use after the outcome of its last operation.
    pub(crate) fn settle<T>(mut self, outcome: &Result<T>) {
        match outcome {
            Err(error) if session_after(error) != Session::Usable => self.abandon(error),
            _ => drop(self.object.take_if(|object| !self.pool.is_retired(object))),
        }
    }

    /// Gives the connection back after a transaction that succeeded, and closes it after one that failed.
    pub(crate) fn end(self, ended: &Result<()>) {
        match ended {
            Ok(()) => self.settle(ended),
            Err(error) => self.abandon(error),
        }
    }

    /// Closes the connection after this failure, and all others if it says that they are of no use either.
    fn abandon(self, error: &Error) {
        let is_news = self.object.as_ref().is_some_and(|object| !self.pool.is_retired(object));
        if is_news && session_after(error) == Session::AllSpent {
            self.pool.retire();
        }
    }
}

fn given_back(origin: &Origin) -> Error {
    origin.fail(DbErrorKind::Other, "this connection was given back", None)
}

impl<M: Manager> Drop for Lease<M> {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}

/// Measures one operation.
pub(crate) struct Watch {
    operation: DbOperation,
    started: Instant,
    origin: Origin,
    limit: Option<Duration>,
}

impl Watch {
    pub(crate) async fn observe<T>(self, query: impl Future<Output = QueryResult<T>>) -> Result<T> {
        let answer = within(self.limit, query).await;
        metrics::db_query(self.operation, matches!(answer, Ok(Ok(_))), self.started.elapsed());
        match answer {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.origin.query_failed(error)),
            Err(limit) => Err(self.origin.silent(limit)),
        }
    }
}

async fn within<T>(limit: Option<Duration>, work: impl Future<Output = T>) -> std::result::Result<T, Duration> {
    match limit {
        Some(limit) => clock::timeout(limit, work).await.map_err(|_elapsed| limit),
        None => Ok(work.await),
    }
}

/// One operation on a leased connection.
macro_rules! on_lease {
    ($lease:expr, $operation:expr, |$conn:ident| $query:expr) => {{
        let watch = $lease.watch($operation);
        match $lease.connection() {
            Ok($conn) => watch.observe($query).await,
            Err(error) => Err(error),
        }
    }};
}

/// One operation on a connection of this pool.
macro_rules! with_lease {
    ($pool:expr, $operation:expr, |$conn:ident| $query:expr) => {
        match $pool.acquire().await {
            Ok(mut lease) => {
                let outcome = $crate::store::pool::on_lease!(lease, $operation, |$conn| $query);
                lease.settle(&outcome);
                outcome
            }
            Err(error) => Err(error),
        }
    };
}

pub(crate) use {on_lease, with_lease};
