//! The database itself: what it is made of, and what can be asked of it whatever the tables.

use std::time::Instant;

use diesel_async::RunQueryDsl;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use time::OffsetDateTime;

use super::group_commit::GroupCommit;
use super::last_write::LastWrite;
use super::migrations::{self, Task};
use super::pool::{ConnectionPool, with_lease};
use super::postgres::{PostgresManager, PostgresServer};
use super::row::Row;
use super::schema::InstantSql;
use super::sqlite::{Role, SqliteFile, SqliteManager};
use super::transaction::{Connection, Outcome, Transaction, package, run};
use crate::clock;
use crate::config::{DatabaseConfig, DatabaseUrl};
use crate::error::Result;
use crate::fairness::{ClientKey, Turn};
use crate::telemetry::metrics::{DbOperation, PoolStatus};

/// The database and its pools of connections; cheap to clone.
#[derive(Clone)]
pub enum Db {
    /// A file, with one connection that writes and a few that read.
    Sqlite {
        /// The connection that writes.
        writer: ConnectionPool<SqliteManager>,
        /// What it writes together.
        commits: GroupCommit,
        /// The connections that read.
        reader: ConnectionPool<SqliteManager>,
        /// The file itself.
        file: SqliteFile,
        /// What was written last.
        last_write: LastWrite,
    },
    /// A server.
    Postgres {
        /// The connections.
        pool: ConnectionPool<PostgresManager>,
        /// The server itself.
        server: PostgresServer,
        /// What was written last.
        last_write: LastWrite,
    },
}

impl Db {
    /// Opens the pools and verifies that the database answers and is one that neodyme can work with. For SQLite it creates
    /// the folder (mode 0700) and the file (mode 0600).
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn connect(config: &DatabaseConfig) -> Result<Self> {
        match &config.url {
            DatabaseUrl::Sqlite { path } => {
                let file = SqliteFile::new(path, config.query_timeout);
                file.create()?;
                let (writer, reader) = (file.pool(Role::Writer, config)?, file.pool(Role::Reader, config)?);
                let commits = GroupCommit::new(writer.clone());
                Self::Sqlite { writer, commits, reader, file, last_write: LastWrite::default() }.answering().await
            }
            DatabaseUrl::Postgres(url) => {
                let server = PostgresServer::new(url, config)?;
                let pool = server.pool(config)?;
                Self::Postgres { pool, server, last_write: LastWrite::default() }.answering().await
            }
        }
    }

    pub(super) fn last_write(&self) -> &LastWrite {
        match self {
            Db::Sqlite { last_write, .. } | Db::Postgres { last_write, .. } => last_write,
        }
    }

    async fn answering(self) -> Result<Self> {
        match &self {
            Db::Sqlite { .. } => self.ping().await?,
            Db::Postgres { pool, server, .. } => server.examine(pool).await?,
        }
        Ok(self)
    }

    /// Applies what is pending, in one transaction, and names it. Any number of instances may do this at once.
    ///
    /// # Errors
    /// When the database fails, or when a newer version of neodyme has migrated it.
    pub async fn migrate(&self) -> Result<Vec<String>> {
        self.run_migrations(Task::Apply).await
    }

    /// Names the migrations that are not applied. Writes nothing.
    ///
    /// # Errors
    /// When the database fails, or when a newer version of neodyme has migrated it.
    pub async fn pending_migrations(&self) -> Result<Vec<String>> {
        self.run_migrations(Task::List).await
    }

    async fn run_migrations(&self, task: Task) -> Result<Vec<String>> {
        match self {
            Db::Sqlite { file, .. } => migrations::on_sqlite(file, task).await,
            Db::Postgres { server, .. } => migrations::on_postgres(server, task).await,
        }
    }

    /// Asks the database for a sign of life: one that SQLite has to read from the file, and the time by the server's clock, which
    /// the service's own is held against.
    ///
    /// # Errors
    /// When there is none.
    pub async fn ping(&self) -> Result<()> {
        match self {
            Db::Sqlite { reader, .. } => with_lease!(reader, DbOperation::Ping, |conn| {
                diesel::sql_query("SELECT count(*) FROM sqlite_schema").execute(conn)
            })
            .map(|_rows| ()),
            Db::Postgres { pool, .. } => {
                let asked = Instant::now();
                let time = with_lease!(pool, DbOperation::Ping, |conn| {
                    diesel::select(diesel::dsl::sql::<InstantSql>("clock_timestamp()")).get_result(conn)
                });
                time.map(|time| clock::compare(time, asked))
            }
        }
    }

    /// Does the work in one transaction: all of it, or nothing. `src/store/transaction.rs` has an example.
    ///
    /// Once it has begun, it runs to its end whether or not anybody waits for the outcome. It must ask nothing but the database:
    /// on SQLite others wait for it. A statement that fails ends it, also where the work goes on.
    ///
    /// # Errors
    /// What the work returned, or when the database fails; nothing was written then. After
    /// [one kind of failure](crate::store::is_outcome_unknown), nobody knows whether it was.
    pub async fn transaction<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: for<'a> FnOnce(&'a mut Transaction) -> BoxFuture<'a, Result<T>> + Send + 'static,
    {
        let ended = match self {
            Db::Sqlite { commits, .. } => commits.transaction(work).await,
            Db::Postgres { pool, .. } => on_postgres(pool, work).await,
        };
        // One that inserted nothing says nothing of whether others could.
        if !matches!(&ended, Ok((_, false))) {
            self.last_write().note(&ended);
        }
        ended.map(|(value, _)| value)
    }

    /// Inserts a row in a transaction of its own.
    ///
    /// # Errors
    /// Those of [`Db::transaction`].
    pub async fn insert(&self, row: impl Row) -> Result<()> {
        self.transaction(move |tx| {
            tx.insert(row);
            async { Ok(()) }.boxed()
        })
        .await
    }

    /// The earliest time that it may be now, as far as the service's own clock and the database's say.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn earliest_time(&self) -> Result<OffsetDateTime> {
        if matches!(self, Db::Postgres { .. }) {
            self.ping().await?;
        }
        Ok(clock::earliest())
    }

    /// Waits until it is the client's turn to ask the database. Clients have all connections but one: whatever they ask,
    /// deliveries and the checks of health go on.
    ///
    /// # Errors
    /// When it is not within `database_acquire_timeout`.
    pub async fn turn(&self, client: ClientKey) -> Result<Turn> {
        match self {
            Db::Sqlite { reader, .. } => reader.turn(client).await,
            Db::Postgres { pool, .. } => pool.turn(client).await,
        }
    }

    /// The pools, as of now.
    pub fn pool_status(&self) -> PoolStatus {
        let (pools, waiters) = match self {
            Db::Sqlite { writer, reader, .. } => {
                (vec![writer.status(), reader.status()], writer.waiters() + reader.waiters())
            }
            Db::Postgres { pool, .. } => (vec![pool.status()], pool.waiters()),
        };
        PoolStatus {
            idle: pools.iter().map(|pool| pool.available).sum(),
            in_use: pools.iter().map(|pool| pool.size.saturating_sub(pool.available)).sum(),
            max: pools.iter().map(|pool| pool.max_size).sum(),
            waiters,
        }
    }

    /// Which database this is: `sqlite` or `postgresql`.
    pub fn backend(&self) -> &'static str {
        match self {
            Db::Sqlite { .. } => "sqlite",
            Db::Postgres { .. } => "postgresql",
        }
    }
}

async fn on_postgres<T, W>(pool: &ConnectionPool<PostgresManager>, work: W) -> Outcome<T>
where
    T: Send + 'static,
    W: for<'a> FnOnce(&'a mut Transaction) -> BoxFuture<'a, Result<T>> + Send + 'static,
{
    let tx = Transaction::new(Connection::Postgres(pool.acquire().await?));
    let (work, outcome) = package(work);
    tokio::spawn(run(tx, work));
    outcome.await.unwrap_or_else(|_gone| Err(pool.origin.abandoned()))
}
