//! A user shows that an address is the user's own, with the code of an email that was sent there.

mod endpoint;

use futures_util::FutureExt;
use serde_json::json;

pub(super) use self::endpoint::{answer, endpoints, has_worked, send};
use super::actor::Actor;
use super::codes::{self, Code};
use super::sign_in::NobodysFailures;
use super::users::{self, User};
use super::webhooks::Webhooks;
use crate::error::Result;
use crate::outbox::NewJob;
use crate::state::App;
use crate::store::Transaction;
use crate::telemetry::metrics::CodePurpose;
use crate::values::Origin;

/// What came of it.
struct Verified {
    user: User,
    /// Whether the address was not verified before.
    is_new: bool,
    /// What tells endpoints.
    jobs: Vec<NewJob>,
}

/// The address is the user's own from now on. Returns the user as of now, and what tells endpoints, which is still to be inserted.
pub(super) async fn set_verified(
    tx: &mut Transaction,
    user: &User,
    webhooks: &Webhooks,
    origin: &Origin,
) -> Result<(User, Vec<NewJob>)> {
    let user = users::set_verified(tx, user).await?;
    tx.insert(Actor::user(user.id, origin.clone()).entry("user.verified", user.id, json!({})));
    let jobs = webhooks.verified(&user, origin);
    Ok((user, jobs))
}

/// The transaction. Nothing where the code is good for nothing, or for another address than the user has now.
async fn verify(app: &App, code: &Code, origin: &Origin) -> Result<Option<Verified>> {
    const PURPOSE: CodePurpose = CodePurpose::VerifyEmail;
    let (hash, webhooks, origin) = (code.hash(), Webhooks::new(&app.config.webhook), origin.clone());
    let Some(bound) = codes::find(&app.db, &hash, PURPOSE).await? else { return Ok(None) };
    let failures = NobodysFailures::of(&app.login_key, bound.email_key.expose());
    app.db
        .transaction(move |tx| {
            async move {
                let Some(user) = users::find_to_change(tx, bound.user_id).await? else { return Ok(None) };
                if user.email_key != bound.email_key || !codes::spend(tx, &hash).await? {
                    return Ok(None);
                }
                codes::spend_all_of(tx, user.id, PURPOSE).await?;
                if user.email_verified_at.is_some() {
                    return Ok(Some(Verified { user, is_new: false, jobs: Vec::new() }));
                }
                // Whoever reads the emails of the address may try anew.
                tx.insert(failures);
                let (user, jobs) = set_verified(tx, &user, &webhooks, &origin).await?;
                jobs.iter().for_each(|job| tx.insert(job.clone()));
                Ok(Some(Verified { user, is_new: true, jobs }))
            }
            .boxed()
        })
        .await
}
