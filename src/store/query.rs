//! Macros that expand a query once per backend, so that it is written once and checked against both.
//!
//! What is measured of a query, and what its errors become, is said in [`pool`](super::pool).

use super::db::Db;
pub(crate) use super::pool::on_lease;

/// Lets instances on one PostgreSQL work side by side; on SQLite there is one writer anyway.
pub(crate) fn skip_locked(db: &Db) -> &'static str {
    match db {
        Db::Sqlite { .. } => "",
        Db::Postgres { .. } => "FOR UPDATE SKIP LOCKED",
    }
}

/// One query outside of any transaction: `with_read!(db, DbOperation::Ping, |conn| query)`.
macro_rules! with_read {
    ($db:expr, $operation:expr, |$conn:ident| $query:expr) => {
        match $db {
            $crate::store::Db::Sqlite { reader, .. } => {
                $crate::store::pool::with_lease!(reader, $operation, |$conn| $query)
            }
            $crate::store::Db::Postgres { pool, .. } => {
                $crate::store::pool::with_lease!(pool, $operation, |$conn| $query)
            }
        }
    };
}

/// One statement that writes and needs no other: `with_write!(db, DbOperation::ClaimJobs, |conn| query)`.
macro_rules! with_write {
    ($db:expr, $operation:expr, |$conn:ident| $query:expr) => {
        match $db {
            $crate::store::Db::Sqlite { writer, .. } => {
                $crate::store::pool::with_lease!(writer, $operation, |$conn| $query)
            }
            $crate::store::Db::Postgres { pool, .. } => {
                $crate::store::pool::with_lease!(pool, $operation, |$conn| $query)
            }
        }
    };
}

/// One statement of a transaction: `with_tx!(tx, DbOperation::UseToken, |conn| query)`.
macro_rules! with_tx {
    ($tx:expr, $operation:expr, |$conn:ident| $query:expr) => {{
        let outcome = match $tx.ready().await {
            Ok($crate::store::transaction::Connection::Sqlite(lease)) => {
                $crate::store::query::on_lease!(lease, $operation, |$conn| $query)
            }
            Ok($crate::store::transaction::Connection::Postgres(lease)) => {
                $crate::store::query::on_lease!(lease, $operation, |$conn| $query)
            }
            Err(error) => Err(error),
        };
        $tx.note(outcome)
    }};
}

/// The type of a statement that writes a row, on either database.
macro_rules! insertion {
    () => {
        impl diesel::query_builder::QueryFragment<diesel::pg::Pg>
        + diesel::query_builder::QueryFragment<diesel::sqlite::Sqlite>
        + diesel::query_builder::QueryId
        + Send
    };
}

/// Makes rows of a type that can be [inserted](crate::store::Transaction::insert) on either database:
/// `row!(User, insertion)`.
macro_rules! row {
    ($row:ty, $insertion:path) => {
        impl $crate::store::Row for $row {
            fn insert_on_sqlite<'a>(
                &'a self,
                conn: &'a mut $crate::store::sqlite::SqliteConn,
            ) -> futures_util::future::BoxFuture<'a, diesel::QueryResult<usize>> {
                Box::pin(diesel_async::RunQueryDsl::execute($insertion(self), conn))
            }

            fn insertion_on_postgres(
                &self,
            ) -> Box<dyn diesel::query_builder::QueryFragment<diesel::pg::Pg> + Send + '_> {
                Box::new($insertion(self))
            }
        }
    };
}

pub(crate) use {insertion, row, with_read, with_tx, with_write};
