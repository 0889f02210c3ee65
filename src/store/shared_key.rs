//! The table `shared_keys`: keys that all instances must agree on and nobody has set.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::db::Db;
use super::pool::with_lease;
use super::schema::shared_keys;
use crate::error::Result;
use crate::telemetry::metrics::DbOperation;

impl Db {
    /// The key of this name: the one that is there, or else `fresh`, which is the key of all from then on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn shared_key(&self, name: &str, fresh: &[u8]) -> Result<Vec<u8>> {
        if let Some(key) = self.find_shared_key(name).await? {
            return Ok(key);
        }
        let (name_is, value_is) = (shared_keys::name.eq(name), shared_keys::value.eq(fresh));
        let insertion = diesel::insert_into(shared_keys::table).values((name_is, value_is)).on_conflict_do_nothing();
        match self {
            Db::Sqlite { writer, .. } => with_lease!(writer, DbOperation::Ping, |conn| insertion.execute(conn)),
            Db::Postgres { pool, .. } => with_lease!(pool, DbOperation::Ping, |conn| insertion.execute(conn)),
        }?;
        Ok(self.find_shared_key(name).await?.unwrap_or_else(|| fresh.to_vec()))
    }

    async fn find_shared_key(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let key = shared_keys::table.find(name).select(shared_keys::value);
        match self {
            Db::Sqlite { reader, .. } => {
                with_lease!(reader, DbOperation::Ping, |conn| async { key.first(conn).await.optional() })
            }
            Db::Postgres { pool, .. } => {
                with_lease!(pool, DbOperation::Ping, |conn| async { key.first(conn).await.optional() })
            }
        }
    }
}
