//! A user is erased: the user, with sessions, tokens and wrong passwords; the jobs that wait, since they name the person; and the
//! addresses that the audit trail knows the person by. The trail keeps the id, which tells of nobody any more.

mod endpoint;
mod unwiped;
mod wiping;

use futures_util::FutureExt;
use serde_json::json;
use uuid::Uuid;

pub(super) use self::endpoint::{Confirmation, endpoints, erase_oneself};
use self::unwiped::Unwiped;
pub use self::wiping::make_up_for_wipes;
pub(super) use self::wiping::wipe_out;
use super::actor::Actor;
use super::users::{self, Role, User, Version};
use super::webhooks::Webhooks;
use super::{audit, codes, sessions, topics};
use crate::error::{Error, Result};
use crate::outbox::NewJob;
use crate::outbox::store as outbox;
use crate::store::Db;
use crate::values::Personal;

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
    /// Addresses that codes were of, in both forms.
    addresses: Vec<(Personal, Personal)>,
    /// What tells endpoints: the id, and no more.
    pub told: Vec<NewJob>,
}

/// Erases a user, if it is in one of the expected states; any will do where none is named. What the file of a SQLite database still holds of the person is [`wipe`]'s.
///
/// # Errors
/// [`Error::NotFound`], [`Error::VersionMismatch`], [`Error::LastAdmin`], or when the database fails.
pub async fn erase(
    db: &Db,
    webhooks: &Webhooks,
    actor: &Actor,
    id: Uuid,
    expected: Option<Vec<Version>>,
) -> Result<Erased> {
    erase_if(db, webhooks, actor, id, move |user| user.expect_one_of(expected.as_deref())).await
}

/// Erases a user whose address was not verified up to now, and who may no more than all may.
///
/// # Errors
/// [`Error::NotFound`] where there is no such user any more, or when the database fails.
pub async fn erase_unverified(db: &Db, webhooks: &Webhooks, actor: &Actor, id: Uuid) -> Result<Erased> {
    let is_one = |user: &User| user.email_verified_at.is_none() && user.role == Role::User;
    erase_if(db, webhooks, actor, id, move |user| if is_one(user) { Ok(()) } else { Err(Error::NotFound) }).await
}

async fn erase_if(
    db: &Db,
    webhooks: &Webhooks,
    actor: &Actor,
    id: Uuid,
    may_go: impl FnOnce(&User) -> Result<()> + Send + 'static,
) -> Result<Erased> {
    let webhooks = webhooks.clone();
    let has_own_file = matches!(db, Db::Sqlite { .. });
    let actor = if actor.is(id) { actor.clone().without_origin() } else { actor.clone() };
    db.transaction(move |tx| {
        async move {
            if !actor.insists() {
                users::expect_another_admin(tx, id).await?;
            }
            let user = users::find_to_change(tx, id).await?.ok_or(Error::NotFound)?;
            may_go(&user)?;
            let sessions = sessions::delete_all(tx, id).await?;
            let addresses = codes::addresses_of(tx, id).await?;
            if !users::delete(tx, id).await? {
                return Err(Error::NotFound);
            }
            let jobs = outbox::erase_of_user(tx, id, &topics::names()).await?
                + outbox::erase_of_address(tx, user.email_key.expose(), topics::ACCOUNT_EMAIL).await?;
            let entries = audit::forget_addresses(tx, id).await?;
            if has_own_file {
                tx.insert(Unwiped(id));
            }
            let entry = actor.entry("user.erased", id, json!({ "sessions": sessions, "jobs": jobs }));
            // After those that waited are gone, which were the user's own.
            let told = webhooks.deleted(id, actor.origin(), entry.occurred_at);
            tx.insert(entry);
            told.iter().for_each(|job| tx.insert(job.clone()));
            Ok(Erased { user, sessions, jobs, entries, addresses, told })
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
    let of_codes = erased.addresses.iter().flat_map(|(email, key)| [email, key]);
    let mut addresses: Vec<_> = of_codes.chain([email, email_key]).map(|text| text.expose().to_owned()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let is_wiped = db.wipe(addresses).await?;
    if is_wiped && matches!(db, Db::Sqlite { .. }) {
        unwiped::remove(db, &[*id]).await?;
    }
    Ok(is_wiped)
}
