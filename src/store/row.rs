//! A row that is only inserted: into whichever table, on either database.

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::QueryFragment;
use futures_util::future::BoxFuture;

use super::sqlite::SqliteConn;

/// A row of some table, as it is inserted.
pub trait Row: Send + Sync + 'static {
    /// Inserts it.
    fn insert_on_sqlite<'a>(&'a self, conn: &'a mut SqliteConn) -> BoxFuture<'a, QueryResult<usize>>;
    /// The statement that inserts it.
    fn insertion_on_postgres(&self) -> Box<dyn QueryFragment<Pg> + Send + '_>;
}
