//! The user whom an operator names, by id or by address.

use anyhow::anyhow;
use uuid::Uuid;

use crate::accounts::directory::{self, Who};
use crate::accounts::users::User;
use crate::store::Db;

/// The user who is named.
pub(super) async fn find(db: &Db, who: &Who) -> anyhow::Result<User> {
    directory::find(db, who).await?.ok_or_else(|| match who {
        Who::Id(id) => anyhow!("there is no user {id}"),
        Who::Address(_) => anyhow!("there is no user with this address"),
    })
}

/// The id of the user who is named. An id need not be anybody's: who was erased has a past.
pub(super) async fn id_of(db: &Db, who: &Who) -> anyhow::Result<Uuid> {
    match who {
        Who::Id(id) => Ok(*id),
        Who::Address(_) => Ok(find(db, who).await?.id),
    }
}
