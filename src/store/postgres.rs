//! PostgreSQL: one pool, verified TLS to other hosts, and limits for a server that falls silent.

mod connection;
mod fitness;
mod pooler;
mod row;
mod statement;
mod target;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Manager, Metrics, Pool, QueueMode, RecycleError, RecycleResult};
use diesel::result::{DatabaseErrorKind, Error as QueryError};
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::SimpleAsyncConnection;
use diesel_async::pooled_connection::PoolError;

pub use self::connection::PostgresConn;
use self::pooler::Pooler;
use self::target::Target;
use super::error::Origin;
use super::pool::{ConnectionPool, ServerLimits};
use crate::config::{DatabaseConfig, PostgresUrl};
use crate::error::{DbErrorKind, Result};

/// A connection that was lent less than this ago is lent again without a question: a round trip before each loan would
/// cost a registration as much as one of its statements.
const REST: Duration = Duration::from_secs(1);

/// What the client waits beyond the server's own `statement_timeout`, so that the server's message wins.
const GRACE: Duration = Duration::from_secs(1);

/// The server, or several of which one takes writes, and how to connect.
#[derive(Clone)]
pub struct PostgresServer {
    targets: Arc<[Target]>,
    /// The target that was good last.
    current: Arc<AtomicUsize>,
    shuffled: bool,
    has_options: bool,
    pooler: Pooler,
    pub(super) origin: Origin,
}

impl PostgresServer {
    pub(super) fn new(url: &PostgresUrl, settings: &DatabaseConfig) -> Result<Self> {
        let origin = Origin::new(&url.describe());
        let targets = url.hosts.iter().map(|host| Target::new(url, host, settings, &origin));
        let targets = targets
            .collect::<std::result::Result<Arc<[_]>, _>>()
            .map_err(|what| origin.fail(DbErrorKind::Unsuitable, format_args!("database_url: {what}"), None))?;
        let (current, pooler) = (Arc::default(), Pooler::default());
        Ok(Self { targets, current, shuffled: url.shuffled, has_options: url.options.is_some(), pooler, origin })
    }

    /// Opens a connection to the first target that is good, beginning with the one that was good last.
    pub(super) async fn connect(&self) -> ConnectionResult<PostgresConn> {
        let count = self.targets.len();
        let first = if self.shuffled { rand::random_range(0..count) } else { self.current.load(Ordering::Relaxed) };
        let mut failures = Vec::new();
        for index in (0..count).map(|n| (first + n) % count) {
            match self.targets[index].connect(&self.pooler).await {
                Ok(client) => {
                    self.current.store(index, Ordering::Relaxed);
                    return Ok(PostgresConn::new(client, self.pooler.clone()));
                }
                Err(failure) => failures.push((index, failure)),
            }
        }
        Err(ConnectionError::CouldntSetupConfiguration(self.together(failures)))
    }

    /// One failure as it is; several as one that has no code.
    fn together(&self, mut failures: Vec<(usize, QueryError)>) -> QueryError {
        if failures.len() == 1
            && let Some((_, only)) = failures.pop()
        {
            return only;
        }
        let failures = failures.iter().map(|(index, failure)| format!("{}: {failure}", self.targets[*index].name()));
        let what = format!("none of its hosts can be used: {}", failures.collect::<Vec<_>>().join("; "));
        QueryError::DatabaseError(DatabaseErrorKind::UnableToSendCommand, Box::new(what))
    }

    /// A pool of connections that are opened when needed.
    pub(super) fn pool(&self, settings: &DatabaseConfig) -> Result<ConnectionPool<PostgresManager>> {
        let pool = Pool::builder(PostgresManager(self.clone()))
            .max_size(settings.pool_size.max(1))
            // What was used last is warm, also at the server.
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(settings.acquire_timeout))
            .recycle_timeout(Some(settings.acquire_timeout))
            .build()
            .map_err(|error| self.origin.fail(DbErrorKind::Other, "no pool", Some(Box::new(error))))?;
        let connect = self.targets.iter().map(Target::timeout).sum::<Duration>();
        let limits =
            ServerLimits { acquire: settings.acquire_timeout + connect, answer: settings.query_timeout + GRACE };
        Ok(ConnectionPool::new(pool, self.origin.clone(), Some(limits)))
    }
}

/// Opens connections for the pool. One that rested is asked whether it lives before it is lent again; one whose end the
/// driver has seen is never lent.
pub struct PostgresManager(PostgresServer);

impl Manager for PostgresManager {
    type Type = PostgresConn;
    type Error = PoolError;

    async fn create(&self) -> std::result::Result<PostgresConn, PoolError> {
        // On the heap: every query would carry its state, which is that of TLS and of authentication.
        Box::pin(self.0.connect()).await.map_err(PoolError::ConnectionError)
    }

    async fn recycle(&self, conn: &mut PostgresConn, metrics: &Metrics) -> RecycleResult<PoolError> {
        if conn.is_closed() {
            return Err(RecycleError::message("closed"));
        }
        match metrics.last_used() < REST {
            true => Ok(()),
            false => conn.batch_execute("").await.map_err(|error| PoolError::QueryError(error).into()),
        }
    }
}
