//! Rows that were kept for long enough.

use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;

use super::Db;
use super::query::{skip_locked, with_write};
use super::schema::InstantSql;
use super::types::{UtcTime, to_bigint};
use crate::error::Result;
use crate::telemetry::metrics::DbOperation;

/// Which rows of a table are kept for some time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept<'a> {
    /// The table.
    pub table: &'static str,
    /// Its key.
    pub key: &'static str,
    /// The time that counts.
    pub time: &'static str,
    /// What else must hold of a row.
    pub also: &'a str,
}

/// Deletes at most `limit` rows from before this time. Says how many; fewer than `limit` means that there are no more.
///
/// # Errors
/// When the database fails.
pub(crate) async fn prune(db: &Db, kept: Kept<'_>, before: OffsetDateTime, limit: usize) -> Result<usize> {
    let Kept { table, key, time, also } = kept;
    let statement = format!(
        "WITH old AS MATERIALIZED (SELECT {key} FROM {table} WHERE {time} < $1 AND {also} ORDER BY {time} LIMIT $2 {})
         DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM old)",
        skip_locked(db)
    );
    with_write!(db, DbOperation::Prune, |conn| {
        diesel::sql_query(statement)
            .bind::<InstantSql, _>(UtcTime(before))
            .bind::<BigInt, _>(to_bigint(limit))
            .execute(conn)
    })
}
