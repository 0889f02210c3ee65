//! A user is erased: the user, with sessions, tokens and wrong passwords; the jobs that wait, since they name the person; and the
//! addresses that the audit trail knows the person by. The trail keeps the id, which tells of nobody any more.

mod endpoint;
mod unwiped;
mod wiping;

use futures_util::FutureExt;
use serde_json::json;
use uuid::Uuid;

pub(super) use self::endpoint::endpoints;
use self::unwiped::Unwiped;
pub use self::wiping::make_up_for_wipes;
use super::actor::Actor;
use super::users::{self, User, Version};
use super::{audit, sessions, topics};
use crate::error::{Error, Result};
use crate::outbox::store as outbox;
use crate::store::Db;

/// What was erased.
#[derive(Clone, Debug)]
pub struct Erased {
    /// The user, who is not there any more.
    pub user: User,
    /// Sessions that went on.
    pub sessions: usize,
    /// Jobs that waited.
    pub jobs: usize,
    /// Entries of the trail that have lost their address.
    pub entries: usize,
}

/// Erases a user, if it is in one of the expected states; any will do where none is named. What the file of a SQLite database still holds of the person is [`wipe`]'s.
///
/// # Errors
/// [`Error::NotFound`], [`Error::VersionMismatch`], [`Error::LastAdmin`], or when the database fails.
pub async fn erase(db: &Db, actor: &Actor, id: Uuid, expected: Option<Vec<Version>>) -> Result<Erased> {
    let has_own_file = matches!(db, Db::Sqlite { .. });
    let actor = if actor.is(id) { actor.clone().without_origin() } else { actor.clone() };
    db.transaction(move |tx| {
        async move {
            if !actor.insists() {
                users::expect_another_admin(tx, id).await?;
            }
            let user = users::find_to_change(tx, id).await?.ok_or(Error::NotFound)?;
            user.expect_one_of(expected.as_deref())?;
            let sessions = sessions::delete_all(tx, id).await?;
            if !users::delete(tx, id).await? {
                return Err(Error::NotFound);
            }
            let jobs = outbox::erase_of_user(tx, id, &topics::names()).await?;
            let entries = audit::forget_addresses(tx, id).await?;
            if has_own_file {
                tx.insert(Unwiped(id));
            }
            tx.insert(actor.entry("user.erased", id, json!({ "sessions": sessions, "jobs": jobs })));
            Ok(Erased { user, sessions, jobs, entries })
        }
        .boxed()
    })
    .await
}

/// Takes what was deleted out of the files of the database, where those are ours, and looks whether it is gone. Says no when
/// somebody reads, who may need it: it is to be tried again then.
///
/// # Errors
/// When the database fails.
pub async fn wipe(db: &Db, erased: &Erased) -> Result<bool> {
    let User { id, email, email_key, .. } = &erased.user;
    let is_wiped = db.wipe(vec![email.expose().to_owned(), email_key.expose().to_owned()]).await?;
    if is_wiped && matches!(db, Db::Sqlite { .. }) {
        unwiped::remove(db, &[*id]).await?;
    }
    Ok(is_wiped)
}
