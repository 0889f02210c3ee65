//! A user changes the address: says the password, confirms it with the code of an email to the new address, and can take it back
//! for some time, with that of an email to the address of before. Until then nobody else can register that.

mod endpoint;

use std::time::Duration;

use futures_util::FutureExt;
use serde_json::json;

pub(super) use self::endpoint::{SEND_FAILS, answer, endpoints, has_changed, has_taken_back, send, take_back};
use super::account_email::AccountEmail;
use super::actor::Actor;
use super::codes::{self, Bound, Code, CodeRow};
use super::sessions;
use super::sign_in::NobodysFailures;
use super::users::{self, User};
use super::webhooks::Webhooks;
use crate::error::{Error, Result};
use crate::mail::MailKind;
use crate::outbox::NewJob;
use crate::sealing::HASH_BYTES;
use crate::state::App;
use crate::store::Transaction;
use crate::telemetry::metrics::CodePurpose;
use crate::tokens::Caller;
use crate::values::Origin;

/// What came of it.
struct Changed {
    user: User,
    /// Sessions that ended.
    sessions: usize,
    /// What tells the user, and endpoints.
    jobs: Vec<NewJob>,
}

/// Uses a code up, and says whose it is. Nothing where it is good for nothing.
async fn spent(tx: &mut Transaction, bound: &Bound, code: &[u8; HASH_BYTES]) -> Result<Option<User>> {
    let Some(user) = users::find_to_change(tx, bound.user_id).await? else { return Ok(None) };
    if let Some(session_id) = bound.session_id
        && !sessions::goes_on(tx, Caller { user_id: user.id, session_id }).await?
    {
        return Ok(None);
    }
    Ok((user.is_active && codes::spend(tx, code).await?).then_some(user))
}

/// The new address is the user's. The user is told at the one of before, which is kept for as long as that can be taken back.
async fn confirm(app: &App, code: &Code, origin: &Origin) -> Result<Option<Changed>> {
    const PURPOSE: CodePurpose = CodePurpose::ChangeEmail;
    let (hash, undo, origin) = (code.hash(), Code::generate()?, origin.clone());
    let (webhooks, undo_lifetime) = (Webhooks::new(&app.config.webhook), app.config.codes.undo_lifetime);
    let Some(bound) = codes::find(&app.db, &hash, PURPOSE).await? else { return Ok(None) };
    if users::email_exists(&app.db, bound.email_key.expose(), Some(bound.user_id)).await? {
        return Err(Error::EmailAlreadyExists);
    }
    let failures = NobodysFailures::of(&app.login_key, bound.email_key.expose());
    app.db
        .transaction(move |tx| {
            async move {
                let Some(before) = spent(tx, &bound, &hash).await? else { return Ok(None) };
                codes::spend_all_of(tx, before.id, PURPOSE).await?;
                // Who goes back to an address that can take back the change from it has repaired what somebody else did.
                let first_undo = codes::first_undo_to(tx, before.id, bound.email_key.expose()).await?;
                if let Some(first) = &first_undo {
                    codes::spend_later_undos(tx, first).await?;
                }
                // Whoever reads the emails of the address may try anew.
                tx.insert(failures);
                let after = users::set_email(tx, &before, bound.email, bound.email_key).await?;
                let entry = Actor::user(before.id, origin.clone()).entry("user.email_changed", before.id, json!({}));
                let mut jobs = webhooks.changed(&before, &after, &origin);
                if first_undo.is_none() {
                    // An address of before that one stays good to take it back: a thief makes two changes in a row.
                    codes::issue(tx, &undo_to(&before, &undo, undo_lifetime)).await?;
                    let (kind, at) = (MailKind::EmailChanged, entry.occurred_at);
                    jobs.push(AccountEmail::job_with(kind, &before, Some(&undo), &origin, at));
                }
                tx.insert(entry);
                jobs.iter().for_each(|job| tx.insert(job.clone()));
                Ok(Some(Changed { user: after, sessions: 0, jobs }))
            }
            .boxed()
        })
        .await
}

/// The code that makes the address of before the user's again.
fn undo_to(before: &User, code: &Code, lifetime: Duration) -> CodeRow {
    CodeRow {
        hash: code.hash(),
        purpose: CodePurpose::UndoEmailChange,
        user_id: before.id,
        email: before.email.clone(),
        email_key: before.email_key.clone(),
        session_id: None,
        lifetime,
    }
}

/// The address of before is the user's again. Whoever changed it may know the password: all sessions end, and a code for another
/// password is sent.
async fn undo(app: &App, code: &Code, origin: &Origin) -> Result<Option<Changed>> {
    const PURPOSE: CodePurpose = CodePurpose::UndoEmailChange;
    let (hash, webhooks, origin) = (code.hash(), Webhooks::new(&app.config.webhook), origin.clone());
    let Some(bound) = codes::find(&app.db, &hash, PURPOSE).await? else { return Ok(None) };
    let failures = NobodysFailures::of(&app.login_key, bound.email_key.expose());
    app.db
        .transaction(move |tx| {
            async move {
                let Some(user) = spent(tx, &bound, &hash).await? else { return Ok(None) };
                codes::spend_later_undos(tx, &bound).await?;
                tx.insert(failures);
                let restored = users::set_email(tx, &user, bound.email, bound.email_key).await?;
                // What was sent to the other address is good for nothing any more.
                for purpose in [CodePurpose::ResetPassword, CodePurpose::ChangeEmail] {
                    codes::spend_all_of(tx, user.id, purpose).await?;
                }
                let sessions = sessions::delete_all(tx, user.id).await?;
                let entry = Actor::user(user.id, origin.clone()).entry(
                    "user.email_restored",
                    user.id,
                    json!({ "sessions": sessions }),
                );
                let (kind, at) = (MailKind::EmailRestored, entry.occurred_at);
                let mut jobs = webhooks.changed(&user, &restored, &origin);
                jobs.push(AccountEmail::job_with(kind, &restored, Some(&Code::generate()?), &origin, at));
                tx.insert(entry);
                jobs.iter().for_each(|job| tx.insert(job.clone()));
                Ok(Some(Changed { user: restored, sessions, jobs }))
            }
            .boxed()
        })
        .await
}
