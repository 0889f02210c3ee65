//! Rows that are written together, or not at all.

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use super::audit::{self, NewAuditEntry};
use super::blocking::in_place;
use super::pool::ConnectionPool;
use super::postgres::PostgresManager;
use super::query::{on_lease, with_lease};
use super::sqlite::{SqliteConn, SqliteManager};
use super::users::{self, NewUser};
use super::{Db, outbox};
use crate::error::Result;
use crate::metrics::DbOperation;
use crate::outbox::NewJob;

/// What is written in one transaction.
#[derive(Clone, Copy, Default)]
pub struct Rows<'a> {
    /// Users.
    pub users: &'a [NewUser],
    /// Entries of the audit trail.
    pub audit: &'a [NewAuditEntry],
    /// Jobs for the outbox, due at once.
    pub jobs: &'a [NewJob],
}

impl Rows<'_> {
    /// Writes the rows. When this returns `Ok`, they survive a crash.
    ///
    /// On SQLite `written` is called when only the commit is left. PostgreSQL has no such moment: it commits as part of the
    /// one statement.
    ///
    /// Given up before its end, it closes its connection; all of the rows may be written then, or none.
    ///
    /// # Errors
    /// [`Error::EmailAlreadyExists`](crate::error::Error::EmailAlreadyExists) when the address of a user is registered,
    /// [`Error::Database`](crate::error::Error::Database) when the database fails. Nothing was written then, with one
    /// exception: after a broken connection (kinds `connection` and `timeout`) all of it may have been.
    pub async fn insert(self, db: &Db, written: impl FnOnce()) -> Result<()> {
        let outcome = match db {
            Db::Sqlite { writer, .. } => self.one_by_one(writer, written).await,
            Db::Postgres { pool, .. } => self.at_once(pool).await,
        };
        outcome.map_err(users::taken)
    }

    /// All statements on one thread, which is woken once.
    async fn one_by_one(self, writer: &ConnectionPool<SqliteManager>, written: impl FnOnce()) -> Result<()> {
        let mut lease = writer.acquire().await?;
        in_place(async {
            // Immediate: a transaction that begins as a reader cannot become the writer once there is another.
            on_lease!(lease, DbOperation::Begin, |conn| conn.batch_execute("BEGIN IMMEDIATE"))?;
            let inserted = on_lease!(lease, DbOperation::InsertRows, |conn| self.insert_each(conn));
            let ended = match &inserted {
                Ok(()) => {
                    written();
                    on_lease!(lease, DbOperation::Commit, |conn| conn.batch_execute("COMMIT"))
                }
                Err(_) => on_lease!(lease, DbOperation::Rollback, |conn| conn.batch_execute("ROLLBACK")),
            };
            // A connection whose transaction may still be open is closed.
            if ended.is_ok() {
                lease.settle(&ended);
            }
            inserted.and(ended)
        })
        .await
    }

    async fn insert_each(self, conn: &mut SqliteConn) -> QueryResult<()> {
        for user in self.users {
            users::insertion(user).execute(conn).await?;
        }
        for entry in self.audit {
            audit::insertion(entry).execute(conn).await?;
        }
        for job in self.jobs {
            outbox::insertion(job).execute(conn).await?;
        }
        Ok(())
    }

    /// One statement, which is a transaction by itself: one round trip.
    async fn at_once(self, pool: &ConnectionPool<PostgresManager>) -> Result<()> {
        with_lease!(pool, DbOperation::InsertRows, |conn| Together::new(self).execute(conn)).map(|_rows| ())
    }
}

/// Insertions as one statement of PostgreSQL.
/// <https://www.postgresql.org/docs/current/queries-with.html#QUERIES-WITH-MODIFYING>
struct Together<'a>(Vec<Box<dyn QueryFragment<Pg> + Send + 'a>>);

impl<'a> Together<'a> {
    fn new(rows: Rows<'a>) -> Self {
        let mut insertions: Vec<Box<dyn QueryFragment<Pg> + Send + 'a>> = Vec::new();
        for user in rows.users {
            insertions.push(Box::new(users::insertion(user)));
        }
        for entry in rows.audit {
            insertions.push(Box::new(audit::insertion(entry)));
        }
        for job in rows.jobs {
            insertions.push(Box::new(outbox::insertion(job)));
        }
        Self(insertions)
    }
}

impl QueryFragment<Pg> for Together<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        for (number, insertion) in self.0.iter().enumerate() {
            out.push_sql(if number == 0 { "WITH " } else { ", " });
            out.push_identifier(&format!("row_{number}"))?;
            out.push_sql(" AS (");
            insertion.walk_ast(out.reborrow())?;
            out.push_sql(")");
        }
        out.push_sql(" SELECT");
        Ok(())
    }
}

/// The statement is known by its text.
impl QueryId for Together<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
