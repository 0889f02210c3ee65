//! What the history of the schema tells.

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;

use super::Db;
use super::query::with_read;
use super::schema::InstantSql;
use crate::error::Result;
use crate::telemetry::metrics::DbOperation;

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = InstantSql)]
    at: OffsetDateTime,
}

/// When a migration was applied to this database, to the second; it is named by its version, such as `20261122000000`.
///
/// # Errors
/// When the database fails.
pub async fn applied_at(db: &Db, version: &str) -> Result<Option<OffsetDateTime>> {
    let statement = match db {
        Db::Sqlite { .. } => {
            "SELECT CAST(strftime('%s', run_on) AS integer) * 1000000 AS at FROM __diesel_schema_migrations WHERE version = $1"
        }
        // It was written by a session with the time zone of this one.
        Db::Postgres { .. } => {
            "SELECT CAST(run_on AS timestamptz) AS at FROM __diesel_schema_migrations WHERE version = $1"
        }
    };
    let applied = with_read!(db, DbOperation::Ping, |conn| async {
        diesel::sql_query(statement).bind::<Text, _>(version).get_result::<Applied>(conn).await.optional()
    })?;
    Ok(applied.map(|applied| applied.at))
}
