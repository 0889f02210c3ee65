//! Somebody who has forgotten the password chooses another one, with the code of an email. All sessions end with it, wrong passwords
//! are forgotten, the user is told by email, and the address is the user's own: the code was sent there.

mod endpoint;

use futures_util::FutureExt;
use serde_json::json;

pub(super) use self::endpoint::{answer, asker, endpoints, has_worked, send};
use super::account_email::AccountEmail;
use super::actor::Actor;
use super::codes;
use super::sessions;
use super::sign_in::{NobodysFailures, forget_failures_of};
use super::users::{self, User};
use super::verification::set_verified;
use super::webhooks::Webhooks;
use crate::error::Result;
use crate::mail::MailKind;
use crate::outbox::NewJob;
use crate::password::PasswordHash;
use crate::sealing::HASH_BYTES;
use crate::store::Db;
use crate::telemetry::metrics::CodePurpose;
use crate::values::Origin;

/// Who gets which password.
struct Reset {
    /// The user, as the code was looked up.
    user: User,
    /// The code.
    code: [u8; HASH_BYTES],
    /// The hash of the password from now on.
    hash: PasswordHash,
    origin: Origin,
    webhooks: Webhooks,
    /// Wrong passwords of the address that are nobody's yet.
    failures: NobodysFailures,
}

/// What came of it.
struct Done {
    /// Sessions that ended.
    sessions: usize,
    /// What tells the user, and endpoints if the address was not verified before.
    jobs: Vec<NewJob>,
}

/// The user whose code it is, if it is good for something: the address is still the one that it was sent to.
async fn user_of(db: &Db, code: &[u8; HASH_BYTES]) -> Result<Option<User>> {
    let Some(bound) = codes::find(db, code, CodePurpose::ResetPassword).await? else { return Ok(None) };
    let user = users::find(db, bound.user_id).await?;
    Ok(user.filter(|user| user.is_active && user.email_key == bound.email_key))
}

/// The transaction. Nothing where the code is good for nothing any more.
async fn reset(db: &Db, reset: Reset) -> Result<Option<Done>> {
    db.transaction(move |tx| {
        async move {
            let Reset { user: before, code, hash, origin, webhooks, failures } = reset;
            let Some(user) = users::find_to_change(tx, before.id).await? else { return Ok(None) };
            let is_same = user.is_active && user.email_key == before.email_key;
            if !is_same || !codes::spend(tx, &code).await? {
                return Ok(None);
            }
            // Whoever asked for another address did so with the password of before.
            for purpose in [CodePurpose::ResetPassword, CodePurpose::ChangeEmail] {
                codes::spend_all_of(tx, user.id, purpose).await?;
            }
            users::set_password(tx, user.id, &hash).await?;
            let actor = Actor::user(user.id, origin.clone());
            let mut jobs = Vec::new();
            if user.email_verified_at.is_none() {
                jobs.extend(set_verified(tx, &user, &webhooks, &origin).await?.1);
            }
            forget_failures_of(tx, user.id).await?;
            tx.insert(failures);
            let sessions = sessions::delete_all(tx, user.id).await?;
            let entry = actor.entry("user.password_reset", user.id, json!({ "sessions": sessions }));
            jobs.push(AccountEmail::job(MailKind::PasswordReplaced, &user, &origin, entry.occurred_at));
            tx.insert(entry);
            jobs.iter().for_each(|job| tx.insert(job.clone()));
            Ok(Some(Done { sessions, jobs }))
        }
        .boxed()
    })
    .await
}
