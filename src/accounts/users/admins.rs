//! Those who may administer users: somebody has to be left.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::Role;
use crate::error::{Error, Result};
use crate::store::Transaction;
use crate::store::query::{on_lease, with_tx};
use crate::store::schema::users;
use crate::store::transaction::Connection;
use crate::store::types::Id;
use crate::telemetry::metrics::DbOperation;

/// Fails where this user is the only one who may use the service and administer users. Otherwise nobody takes that from the others
/// until the transaction ends. It is to be asked before the user is asked for: all of them are, in the order of their ids.
///
/// # Errors
/// [`Error::LastAdmin`], or when the database fails.
pub async fn expect_another_admin(tx: &mut Transaction, id: Uuid) -> Result<()> {
    let role = with_tx!(tx, DbOperation::FindUser, |conn| async {
        users::table.find(Id(id)).select(users::role).first::<Role>(conn).await.optional()
    })?;
    if role != Some(Role::Admin) {
        return Ok(());
    }
    let admins = active_admins(tx).await?;
    if admins == [id] { Err(Error::LastAdmin) } else { Ok(()) }
}

async fn active_admins(tx: &mut Transaction) -> Result<Vec<Uuid>> {
    // As in the index of those who are not like most.
    let admins = || {
        let admins = users::table.filter(users::role.eq(Role::Admin.as_str())).filter(sql::<Bool>("role <> 'user'"));
        admins.filter(users::is_active).order(users::id).select(users::id)
    };
    let found = match tx.ready().await? {
        // There is one transaction that writes.
        Connection::Sqlite(lease) => on_lease!(lease, DbOperation::FindUser, |conn| admins().load::<Uuid>(conn)),
        Connection::Postgres(lease) => {
            on_lease!(lease, DbOperation::FindUser, |conn| admins().for_update().load::<Uuid>(conn))
        }
    };
    tx.note(found)
}
