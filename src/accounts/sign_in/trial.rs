//! A password that is tried for an address, at a sign-in or by a user who says it again: both count, and both have to wait.

use futures_util::FutureExt;
use serde_json::json;
use uuid::Uuid;

use super::failures::{self, Limits, Tries};
use crate::accounts::actor::Actor;
use crate::accounts::users::{self, User};
use crate::clock;
use crate::error::{Error, Result};
use crate::http::Context;
use crate::password::StoredHash;
use crate::state::App;
use crate::telemetry::metrics;
use crate::values::Password;

/// A try that is allowed.
pub(super) struct Trial<'a> {
    app: &'a App,
    context: &'a Context,
    pub(super) tries: Tries,
}

impl<'a> Trial<'a> {
    /// Begins one, if another password may be tried for this address now. What will be refused for want of a hash worker is
    /// refused before the database is asked.
    pub(super) async fn begin(app: &'a App, context: &'a Context, email_key: &str) -> Result<Self> {
        app.hash_pool.admit(context.client)?;
        context.enter_step("find_user");
        let address = users::address_hash(&app.login_key, email_key);
        let seen = {
            let _turn = app.db.turn(context.client).await?;
            failures::find(&app.db, &address).await?
        };
        let limits = Limits::of(&app.config.sign_in);
        limits.admit(&seen, clock::now())?;
        Ok(Trial { app, context, tries: Tries { address, seen, limits } })
    }

    /// Of which form of the password the hash is, if of any.
    pub(super) async fn verify(&self, stored: StoredHash, password: &Password) -> Result<Option<usize>> {
        self.context.enter_step("verify_password");
        self.app.hash_pool.verify(self.context.client, stored, password.stored_forms().collect()).await
    }

    /// The password was right, where nothing else is written of that.
    pub(super) async fn forget_failures(&self) -> Result<()> {
        let tries = self.tries;
        self.app.db.transaction(move |tx| async move { failures::forget_seen(tx, &tries).await }.boxed()).await
    }

    /// Counts a wrong password, and says what it is answered with. Of many at once, only as many are told that they are wrong
    /// as could have been told so one after the other.
    pub(super) async fn refuse(&self, user_id: Option<Uuid>) -> Result<Error> {
        self.context.enter_step("count_failure");
        let tries = self.tries;
        metrics::wrong_password(&format!("{:x?}", tries.address), &self.context.client.to_string());
        let locked = user_id
            .filter(|_| tries.are_used_up_by_one_more())
            .map(|id| Actor::of(self.context).entry("user.password_locked", id, json!({})));
        let work = self.app.db.transaction(move |tx| {
            async move {
                let counted = failures::add(tx, &tries, user_id).await?;
                if let Some(entry) = locked.filter(|_| counted) {
                    tx.insert(entry);
                }
                Ok(counted)
            }
            .boxed()
        });
        Ok(if work.await? { Error::InvalidCredentials } else { Error::LoginDelayed { retry_after: 1 } })
    }
}

/// The hash that a user's password is held against.
pub(super) fn hash_of(user: &User) -> Result<StoredHash> {
    StoredHash::of_database(user.password_hash.expose())
        .map_err(|fault| Error::Authentication(format!("the hash of {} {}", user.id, fault.message).into()))
}
