//! The table `shared_keys`: keys that all instances must agree on and nobody has set.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use slog::Logger;

use crate::error::{Cause, Result};
use crate::store::Db;
use crate::store::query::{with_read, with_write};
use crate::store::schema::shared_keys;
use crate::telemetry::logging::{Exception, warn};
use crate::telemetry::metrics::DbOperation;

/// What the addresses of failed sign-ins are hashed with. It keeps them from whoever sees that table alone.
pub(super) async fn login_key(db: &Db, log: &Logger) -> anyhow::Result<[u8; 32]> {
    const WITHOUT: &str = "to count wrong passwords: until the next start, each counts its own";
    let key = shared_or_own::<32>(db, "login_failures", log, WITHOUT).await?;
    key.try_into().map_err(|_| anyhow::anyhow!("the key login_failures in the table shared_keys has not 32 bytes"))
}

/// The key of this name that all instances have. Where the database gives none, this process has one of its own, and the log
/// says what it is `without`.
pub(super) async fn shared_or_own<const BYTES: usize>(
    db: &Db,
    name: &str,
    log: &Logger,
    without: &str,
) -> anyhow::Result<Vec<u8>> {
    let mut fresh = [0; BYTES];
    getrandom::fill(&mut fresh).map_err(|error| Cause::from(error.to_string())).map_err(anyhow::Error::from_boxed)?;
    Ok(shared(db, name, &fresh).await.unwrap_or_else(|error| {
        let exception = Exception::named(error.code().as_str(), &error);
        warn!(log, "Instances have no key in common {}", without; "exception" => exception);
        fresh.to_vec()
    }))
}

/// The key of this name: the one that is there, or else `fresh`, which is the key of all from then on.
async fn shared(db: &Db, name: &str, fresh: &[u8]) -> Result<Vec<u8>> {
    if let Some(key) = find(db, name).await? {
        return Ok(key);
    }
    with_write!(db, DbOperation::Ping, |conn| {
        diesel::insert_into(shared_keys::table)
            .values((shared_keys::name.eq(name), shared_keys::value.eq(fresh)))
            .on_conflict_do_nothing()
            .execute(conn)
    })?;
    Ok(find(db, name).await?.unwrap_or_else(|| fresh.to_vec()))
}

async fn find(db: &Db, name: &str) -> Result<Option<Vec<u8>>> {
    with_read!(db, DbOperation::Ping, |conn| async {
        shared_keys::table.find(name).select(shared_keys::value).first::<Vec<u8>>(conn).await.optional()
    })
}
