//! A user is changed: the name, whether the user may use the service, the role, the language. Who is switched off is signed out
//! everywhere, and endpoints are told.

mod endpoint;

use futures_util::FutureExt;
use serde_json::json;
use uuid::Uuid;

pub(super) use self::endpoint::{endpoints, rename};
use super::actor::Actor;
use super::audit::AuditEntry;
use super::users::{self, Role, User, Version};
use super::webhooks::Webhooks;
use super::{sessions, sign_in};
use crate::error::{Error, Result};
use crate::language::Language;
use crate::outbox::NewJob;
use crate::store::Db;
use crate::telemetry::metrics::UserChange;
use crate::values::{FullName, OrNull};

/// What of a user is to be otherwise; what is none stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The name.
    pub full_name: Option<FullName>,
    /// Whether the user may use the service.
    pub is_active: Option<bool>,
    /// The role.
    pub role: Option<Role>,
    /// What the user is written to in; null where the service is to decide.
    pub locale: Option<OrNull<Language>>,
}

/// What came of a change.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The user, as it is now.
    pub user: User,
    /// In what it was otherwise before.
    pub changes: Vec<UserChange>,
    /// How many sessions ended with it.
    pub sessions: usize,
    /// Whether wrong passwords were forgotten.
    pub is_unlocked: bool,
    /// What tells endpoints.
    pub jobs: Vec<NewJob>,
}

/// Changes a user, if it still is in the state that is expected, where one is.
///
/// # Errors
/// [`Error::NotFound`], [`Error::VersionMismatch`], [`Error::LastAdmin`], or when the database fails.
pub async fn change(
    db: &Db,
    webhooks: &Webhooks,
    actor: &Actor,
    id: Uuid,
    expected: Option<Vec<Version>>,
    change: &Change,
) -> Result<Changed> {
    let (webhooks, actor, change) = (webhooks.clone(), actor.clone(), change.clone());
    db.transaction(move |tx| {
        async move {
            if change.takes_away() && !actor.insists() {
                users::expect_another_admin(tx, id).await?;
            }
            let before = users::find_to_change(tx, id).await?.ok_or(Error::NotFound)?;
            before.expect_one_of(expected.as_deref())?;
            let is_unlocked = change.is_active == Some(true) && sign_in::forget_failures_of(tx, id).await?;
            if is_unlocked {
                tx.insert(actor.entry("user.password_unlocked", id, json!({})));
            }
            let user = change.applied_to(&before);
            let (changes, entries): (Vec<_>, Vec<_>) = entries(&actor, &before, &user).into_iter().unzip();
            if changes.is_empty() {
                return Ok(Changed { user: before, changes, sessions: 0, is_unlocked, jobs: Vec::new() });
            }
            users::replace(tx, &user).await?;
            let is_switched_off = before.is_active && !user.is_active;
            let sessions = if is_switched_off { sessions::delete_all(tx, id).await? } else { 0 };
            entries.into_iter().for_each(|entry| tx.insert(entry));
            let jobs = webhooks.changed(&before, &user, actor.origin());
            jobs.iter().for_each(|job| tx.insert(job.clone()));
            Ok(Changed { user, changes, sessions, is_unlocked, jobs })
        }
        .boxed()
    })
    .await
}

impl Changed {
    /// Whether the user was otherwise before.
    pub fn is_new(&self) -> bool {
        !self.changes.is_empty()
    }
}

impl Change {
    /// Whether an admin would be none after it.
    fn takes_away(&self) -> bool {
        self.is_active == Some(false) || self.role.is_some_and(|role| role != Role::Admin)
    }

    fn applied_to(&self, before: &User) -> User {
        User {
            full_name: self.full_name.as_ref().map_or_else(|| before.full_name.clone(), |name| name.expose().into()),
            is_active: self.is_active.unwrap_or(before.is_active),
            role: self.role.unwrap_or(before.role),
            locale: self.locale.clone().map_or_else(|| before.locale.clone(), |OrNull(locale)| locale),
            updated_at: before.next_change(),
            ..before.clone()
        }
    }
}

/// What the audit trail has to tell; that there is a new name, and not which.
fn entries(actor: &Actor, before: &User, after: &User) -> Vec<(UserChange, AuditEntry)> {
    let mut entries = Vec::new();
    let mut tell = |change: UserChange, details| {
        entries.push((change, actor.entry(&format!("user.{}", change.as_str()), before.id, details)));
    };
    if after.full_name != before.full_name {
        tell(UserChange::Renamed, json!({}));
    }
    if after.is_active != before.is_active {
        tell(if after.is_active { UserChange::Activated } else { UserChange::Deactivated }, json!({}));
    }
    if after.role != before.role {
        tell(UserChange::RoleChanged, json!({ "from": before.role.as_str(), "to": after.role.as_str() }));
    }
    if after.locale != before.locale {
        tell(UserChange::LanguageChanged, json!({}));
    }
    entries
}
