//! The table `unwiped_erasures`: whom the file of a SQLite database may still hold, should the service end before it was wiped.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::error::Result;
use crate::store::Db;
use crate::store::query::{insertion, row, with_read, with_write};
use crate::store::schema::unwiped_erasures;
use crate::store::types::Id;
use crate::telemetry::metrics::DbOperation;

/// A user who is erased, to be written in the transaction that does it.
pub(super) struct Unwiped(pub(super) Uuid);

row!(Unwiped, insertion);

fn insertion(unwiped: &Unwiped) -> insertion!() {
    diesel::insert_into(unwiped_erasures::table).values(unwiped_erasures::user_id.eq(Id(unwiped.0)))
}

/// All of them.
pub(super) async fn list(db: &Db) -> Result<Vec<Uuid>> {
    with_read!(db, DbOperation::FindUser, |conn| {
        unwiped_erasures::table.select(unwiped_erasures::user_id).load::<Uuid>(conn)
    })
}

/// The file does not hold them any more.
pub(super) async fn remove(db: &Db, users: &[Uuid]) -> Result<()> {
    let users: Vec<_> = users.iter().copied().map(Id).collect();
    with_write!(db, DbOperation::ChangeUser, |conn| {
        diesel::delete(unwiped_erasures::table.filter(unwiped_erasures::user_id.eq_any(users))).execute(conn)
    })
    .map(drop)
}
