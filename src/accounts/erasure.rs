//! A user is erased: the user, with sessions, tokens and wrong passwords; the jobs that wait, since they name the person; and the
//! addresses that the audit trail knows the person by. The trail keeps the id, which tells of nobody any more.

mod endpoint;

use futures_util::FutureExt;
use serde_json::json;
use uuid::Uuid;

pub(super) use self::endpoint::endpoints;
use super::actor::Actor;
use super::users::{self, User, Version};
use super::webhooks::Webhooks;
use super::{audit, sessions, topics};
use crate::error::{Error, Result};
use crate::outbox::NewJob;
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
    /// What tells endpoints: the id, and no more.
    pub told: Vec<NewJob>,
}

/// Erases a user, if it is in one of the expected states; any will do where none is named. What the file of a SQLite database still holds of the person is [`wipe`]'s.
///
/// # Errors
/// [`Error::NotFound`], [`Error::VersionMismatch`], or when the database fails.
pub async fn erase(
    db: &Db,
    webhooks: &Webhooks,
    actor: &Actor,
    id: Uuid,
    expected: Option<Vec<Version>>,
) -> Result<Erased> {
    let webhooks = webhooks.clone();
    let actor = if actor.is(id) { actor.clone().without_origin() } else { actor.clone() };
    db.transaction(move |tx| {
        async move {
            let user = users::find_to_change(tx, id).await?.ok_or(Error::NotFound)?;
            user.expect_one_of(expected.as_deref())?;
            let sessions = sessions::delete_all(tx, id).await?;
            if !users::delete(tx, id).await? {
                return Err(Error::NotFound);
            }
            let jobs = outbox::erase_of_user(tx, id, &topics::names()).await?;
            let entries = audit::forget_addresses(tx, id).await?;
            let entry = actor.entry("user.erased", id, json!({ "sessions": sessions, "jobs": jobs }));
            // After those that waited are gone, which were the user's own.
            let told = webhooks.deleted(id, actor.origin(), entry.occurred_at);
            tx.insert(entry);
            told.iter().for_each(|job| tx.insert(job.clone()));
            Ok(Erased { user, sessions, jobs, entries, told })
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
    let User { email, email_key, .. } = &erased.user;
    db.wipe(vec![email.expose().to_owned(), email_key.expose().to_owned()]).await
}
