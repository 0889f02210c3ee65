//! The database: SQLite (the embedded default) or PostgreSQL behind one set of functions.
//!
//! Every query is written once, in the file of its table, and compiled for both. A failure is always
//! [`Error::Database`](crate::error::Error::Database) with its kind; it is counted here and logged by the caller.

mod batches;
pub(crate) mod blocking;
mod combined_insertion;
mod db;
pub(crate) mod error;
mod group_commit;
pub mod history;
mod last_write;
mod migrations;
pub(crate) mod moment;
pub(crate) mod pool;
mod postgres;
pub(crate) mod prune;
pub(crate) mod query;
mod readiness;
mod row;
pub(crate) mod schema;
pub(crate) mod sqlite;
mod tls;
pub(crate) mod transaction;
pub mod types;
mod wipe;

pub use self::batches::in_batches;
pub use self::db::Db;
pub use self::error::is_outcome_unknown;
pub use self::last_write::LastWrite;
pub use self::readiness::Rehearsal;
pub use self::row::Row;
pub use self::transaction::Transaction;
