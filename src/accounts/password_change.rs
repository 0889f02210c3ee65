//! A user chooses another password, and says the one so far. All other sessions end with it, and the user is told by email: also
//! of what somebody else did.

mod endpoint;

use futures_util::FutureExt;
use serde_json::json;

pub(super) use self::endpoint::{FAILS, change_password, endpoints};
use super::account_email::AccountEmail;
use super::actor::Actor;
use super::authority::session_ended;
use super::codes;
use super::sessions;
use super::sign_in::{Tries, forget_seen_failures};
use super::users::{self, User};
use crate::error::{Error, Result};
use crate::mail::MailKind;
use crate::outbox::NewJob;
use crate::password::PasswordHash;
use crate::store::Db;
use crate::telemetry::metrics::CodePurpose;
use crate::tokens::Caller;
use crate::values::Origin;

/// Who changes what: all of it was verified.
#[derive(Clone)]
struct Change {
    /// The session that goes on.
    caller: Caller,
    /// The user, with the hash that the password so far was held against.
    user: User,
    /// The wrong passwords before it.
    tries: Tries,
    /// The hash of the password from now on.
    hash: PasswordHash,
    origin: Origin,
}

/// What came of it.
struct Changed {
    /// Sessions that ended.
    sessions: usize,
    /// What tells the user.
    job: NewJob,
}

/// The transaction. Whoever signs in, or refreshes a token of another session, does so before it or not at all.
async fn change(db: &Db, change: Change) -> Result<Changed> {
    db.transaction(move |tx| {
        async move {
            let Change { caller, user: verified, tries, hash, origin } = change;
            let user = users::find_to_change(tx, caller.user_id).await?.ok_or_else(session_ended)?;
            if !sessions::goes_on(tx, caller).await? {
                return Err(session_ended());
            }
            if !user.may_enter_as(&verified) {
                return Err(Error::LoginDelayed { retry_after: 1 });
            }
            forget_seen_failures(tx, &tries).await?;
            users::set_password(tx, user.id, &hash).await?;
            // One that somebody else asked for, who reads the emails, is of no use any more.
            codes::spend_all_of(tx, user.id, CodePurpose::ResetPassword).await?;
            let sessions = sessions::delete_others(tx, caller).await?;
            let actor = Actor::user(user.id, origin.clone());
            let entry = actor.entry("user.password_changed", user.id, json!({ "sessions": sessions }));
            let job = AccountEmail::job(MailKind::PasswordChanged, &user, &origin, entry.occurred_at);
            tx.insert(entry);
            tx.insert(job.clone());
            Ok(Changed { sessions, job })
        }
        .boxed()
    })
    .await
}
