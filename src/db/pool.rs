//! Pools of connections, and the lease of one.

use std::time::{Duration, Instant};

use deadpool::managed::{Manager, Object, Pool, Status};
use diesel::QueryResult;
use diesel_async::pooled_connection::PoolError;

use super::error::Origin;
use crate::error::{DbErrorKind, Error, Result};
use crate::metrics::{self, DbOperation};

/// The pool of one database's connections.
pub struct ConnectionPool<M: Manager> {
    pool: Pool<M>,
    pub(super) origin: Origin,
    /// How long to wait for a connection, and then for an answer. None: the database itself keeps its limits, and a
    /// statement that is given up would block a thread.
    pub(super) limits: Option<Limits>,
}

/// Limits of this side, for a server that does not even refuse.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) acquire: Duration,
    pub(super) answer: Duration,
}

impl<M: Manager> Clone for ConnectionPool<M> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), origin: self.origin.clone(), limits: self.limits }
    }
}

impl<M: Manager<Error = PoolError>> ConnectionPool<M> {
    pub(super) fn new(pool: Pool<M>, origin: Origin, limits: Option<Limits>) -> Self {
        Self { pool, origin, limits }
    }

    /// Waits for a connection.
    pub(super) async fn acquire(&self) -> Result<Lease<M>> {
        let started = Instant::now();
        let limit = self.limits.map(|limits| limits.acquire);
        let acquired = within(limit, self.pool.get()).await;
        metrics::db_pool_wait(started.elapsed());
        let object = acquired.map_err(|limit| self.origin.silent(limit))?;
        let object = object.map_err(|error| self.origin.acquire_failed(error))?;
        let limit = self.limits.map(|limits| limits.answer);
        Ok(Lease { object: Some(object), origin: self.origin.clone(), limit })
    }

    pub(super) fn status(&self) -> Status {
        self.pool.status()
    }
}

/// A connection on loan. It goes back to the pool by [`Lease::settle`] only: dropped before (a cancelled request, a
/// transaction that was neither committed nor rolled back), it is closed, and the database rolls back.
pub(super) struct Lease<M: Manager> {
    object: Option<Object<M>>,
    origin: Origin,
    limit: Option<Duration>,
}

impl<M: Manager> Lease<M> {
    pub(super) fn connection(&mut self) -> Result<&mut M::Type> {
        match &mut self.object {
            Some(object) => Ok(object),
            None => Err(given_back(&self.origin)),
        }
    }

    /// Starts the clock of an operation.
    pub(super) fn watch(&self, operation: DbOperation) -> Watch {
        Watch { operation, started: Instant::now(), origin: self.origin.clone(), limit: self.limit }
    }

    /// Gives the connection back, unless the outcome of its last operation leaves its state in doubt.
    pub(super) fn settle<T>(mut self, outcome: &Result<T>) {
        use DbErrorKind::{Connection, Timeout};
        if !matches!(outcome, Err(Error::Database { kind: Connection | Timeout, .. })) {
            drop(self.object.take());
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
pub(super) struct Watch {
    operation: DbOperation,
    started: Instant,
    origin: Origin,
    limit: Option<Duration>,
}

impl Watch {
    pub(super) async fn observe<T>(self, query: impl Future<Output = QueryResult<T>>) -> Result<T> {
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
        Some(limit) => tokio::time::timeout(limit, work).await.map_err(|_elapsed| limit),
        None => Ok(work.await),
    }
}
