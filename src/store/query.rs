//! Macros that expand a query once per backend, so that it is written once and checked against both.
//!
//! They are the one place where the wait for a connection and the time of a query are measured, and where the drivers'
//! errors become [`Error::Database`](crate::error::Error::Database).

use super::Db;

/// Lets instances on one PostgreSQL work side by side; on SQLite there is one writer anyway.
pub(crate) fn skip_locked(db: &Db) -> &'static str {
    match db {
        Db::Sqlite { .. } => "",
        Db::Postgres { .. } => "FOR UPDATE SKIP LOCKED",
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

/// One query outside of any transaction: `with_read!(db, DbOperation::Ping, |conn| query)`.
macro_rules! with_read {
    ($db:expr, $operation:expr, |$conn:ident| $query:expr) => {
        match $db {
            $crate::store::Db::Sqlite { reader, .. } => {
                $crate::store::query::with_lease!(reader, $operation, |$conn| $query)
            }
            $crate::store::Db::Postgres { pool, .. } => {
                $crate::store::query::with_lease!(pool, $operation, |$conn| $query)
            }
        }
    };
}

/// One statement that writes and needs no other: `with_write!(db, DbOperation::ClaimJobs, |conn| query)`.
macro_rules! with_write {
    ($db:expr, $operation:expr, |$conn:ident| $query:expr) => {
        match $db {
            $crate::store::Db::Sqlite { writer, .. } => {
                $crate::store::query::with_lease!(writer, $operation, |$conn| $query)
            }
            $crate::store::Db::Postgres { pool, .. } => {
                $crate::store::query::with_lease!(pool, $operation, |$conn| $query)
            }
        }
    };
}

/// One operation on a connection of this pool.
macro_rules! with_lease {
    ($pool:expr, $operation:expr, |$conn:ident| $query:expr) => {
        match $pool.acquire().await {
            Ok(mut lease) => {
                let outcome = $crate::store::query::on_lease!(lease, $operation, |$conn| $query);
                lease.settle(&outcome);
                outcome
            }
            Err(error) => Err(error),
        }
    };
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

pub(crate) use {insertion, on_lease, with_lease, with_read, with_write};
