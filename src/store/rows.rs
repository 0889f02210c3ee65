//! Rows that are written together, or not at all.

use std::sync::Arc;

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::query_dsl::methods::FindDsl;
use diesel_async::RunQueryDsl;

use super::query::with_lease;
use super::schema::{audit_log, outbox_jobs, users};
use super::sqlite::SqliteConn;
use super::types::Id;
use super::Db;
use crate::outbox::store as outbox;
use crate::accounts::audit::{self, NewAuditEntry};
use crate::accounts::users::{self as user_rows, NewUser};
use crate::error::Result;
use crate::outbox::NewJob;
use crate::telemetry::metrics::DbOperation;

/// What is written in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Users.
    pub users: Vec<NewUser>,
    /// Entries of the audit trail.
    pub audit: Vec<NewAuditEntry>,
    /// Jobs for the outbox, due at once.
    pub jobs: Vec<NewJob>,
}

impl Rows {
    /// Writes the rows. After `Ok`, they survive a crash.
    ///
    /// Given up before its end, all of the rows may be written, or none.
    ///
    /// # Errors
    /// [`Error::EmailAlreadyExists`](crate::error::Error::EmailAlreadyExists) when the address of a user is registered, [`Error::Database`](crate::error::Error::Database) when the database fails.
    /// Nothing was written then, with one exception: after a broken connection (kinds `connection` and `timeout`) all of
    /// it may have been.
    pub async fn insert(self: &Arc<Self>, db: &Db) -> Result<()> {
        let written = match db {
            Db::Sqlite { commits, .. } => commits.insert(self).await,
            // One statement, which is a transaction by itself: one round trip.
            Db::Postgres { pool, .. } => {
                with_lease!(pool, DbOperation::InsertRows, |conn| Together::new(self).execute(conn)).map(|_rows| ())
            }
        };
        db.last_write().note(&written);
        written.map_err(user_rows::taken)
    }

    /// Writes the rows one after the other, within a transaction of the caller's.
    pub(super) async fn insert_each(&self, conn: &mut SqliteConn) -> QueryResult<()> {
        for user in &self.users {
            user_rows::insertion(user).execute(conn).await?;
        }
        for entry in &self.audit {
            audit::insertion(entry).execute(conn).await?;
        }
        for job in &self.jobs {
            outbox::insertion(job).execute(conn).await?;
        }
        Ok(())
    }

    /// Deletes them again.
    pub(super) async fn delete_each(&self, conn: &mut SqliteConn) -> QueryResult<()> {
        for user in &self.users {
            diesel::delete(users::table.find(Id(user.id))).execute(conn).await?;
        }
        for entry in &self.audit {
            diesel::delete(audit_log::table.find(Id(entry.id))).execute(conn).await?;
        }
        for job in &self.jobs {
            diesel::delete(outbox_jobs::table.find(Id(job.id))).execute(conn).await?;
        }
        Ok(())
    }
}

/// Insertions as one statement of PostgreSQL.
/// <https://www.postgresql.org/docs/current/queries-with.html#QUERIES-WITH-MODIFYING>
pub(super) struct Together<'a>(Vec<Box<dyn QueryFragment<Pg> + Send + 'a>>);

impl<'a> Together<'a> {
    pub(super) fn new(rows: &'a Rows) -> Self {
        let mut insertions: Vec<Box<dyn QueryFragment<Pg> + Send + 'a>> = Vec::new();
        for user in &rows.users {
            insertions.push(Box::new(user_rows::insertion(user)));
        }
        for entry in &rows.audit {
            insertions.push(Box::new(audit::insertion(entry)));
        }
        for job in &rows.jobs {
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
