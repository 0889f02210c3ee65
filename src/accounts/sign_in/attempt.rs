//! One sign-in under way.

use std::sync::Arc;

use futures_util::FutureExt;
use serde_json::json;

use super::Login;
use super::failures::{self, Tries};
use super::trial::{Trial, hash_of};
use crate::accounts::actor::Actor;
use crate::accounts::sessions::{self, Device, Pair, RefreshToken, Session, TokenRow};
use crate::accounts::users::{self, User};
use crate::clock;
use crate::error::{Error, Result};
use crate::http::Context;
use crate::password::{PasswordHash, StoredHash};
use crate::state::App;
use crate::store::types::to_micros;
use crate::telemetry::logging::{LoggerName, info};
use crate::telemetry::metrics::{self, SessionEnd};

pub(super) struct Attempt<'a> {
    pub(super) app: &'a Arc<App>,
    pub(super) context: &'a Arc<Context>,
    pub(super) login: &'a Login,
}

impl Attempt<'_> {
    /// Signs in, or says why not.
    pub(super) async fn run(&self, device: Device) -> Result<(Pair, User)> {
        let trial = Trial::begin(self.app, self.context, self.login.email.key()).await?;
        let user = self.find_user().await?;
        // Where there is no user, a hash that is nobody's.
        let stored = user.as_ref().map_or_else(|| self.app.hash_pool.of_nobody(), hash_of)?;
        let right = trial.verify(stored.clone(), &self.login.password).await?;
        if let Some(user) = &user {
            self.context.set_user_id(user.id);
        }
        let Some(user) = user.as_ref().filter(|_| right.is_some()) else {
            return Err(trial.refuse(user.map(|user| user.id)).await?);
        };
        if !user.is_active {
            return Err(Error::AccountInactive);
        }
        let renewed = self.hash_anew(&stored, right).await;
        let pair = self.open_session(user, device, renewed, trial.tries).await?;
        Ok((pair, user.clone()))
    }

    async fn find_user(&self) -> Result<Option<User>> {
        let _turn = self.app.db.turn(self.context.client).await?;
        users::find_by_key(&self.app.db, self.login.email.key()).await
    }

    /// The hash of the password as new ones are made, where this one was made otherwise, or of another form of it. Without it
    /// the user signs in as well.
    async fn hash_anew(&self, stored: &StoredHash, form: Option<usize>) -> Option<PasswordHash> {
        if self.app.hash_pool.is_current(stored) && form == Some(0) {
            return None;
        }
        self.context.enter_step("hash_password");
        self.app.hash_pool.hash(self.context.client, self.login.password.clone()).await.ok()
    }

    async fn open_session(
        &self,
        user: &User,
        device: Device,
        renewed: Option<PasswordHash>,
        tries: Tries,
    ) -> Result<Pair> {
        self.context.enter_step("open_session");
        let (app, settings, now) = (self.app, &self.app.config.sign_in, to_micros(clock::now()));
        let session = Session::begin(user.id, &device, self.context.client_ip, settings, now);
        let token = RefreshToken::generate()?;
        let pair = Pair::new(app.keyring.sign(session.caller())?, &token);
        let (row, most) = (TokenRow::next(token.hash(), &session), settings.sessions_per_user);
        let actor = Actor::user(user.id, self.context.origin());
        let entry = actor.entry("user.signed_in", user.id, json!({ "session_id": session.id }));
        let old = user.clone();
        let work = app.db.transaction(move |tx| {
            async move {
                if !failures::forget_seen(tx, &tries).await? {
                    return Err(Error::LoginDelayed { retry_after: 1 });
                }
                if let Some(hash) = renewed {
                    users::renew_hash(tx, &old, hash.expose()).await?;
                }
                let displaced = sessions::keep_latest(tx, session.user_id, most - 1).await?;
                tx.insert(session);
                tx.insert(row);
                tx.insert(entry);
                Ok(displaced)
            }
            .boxed()
        });
        metrics::sessions_ended(SessionEnd::Displaced, work.await?);
        info!(self.context.logger(LoggerName::UserActions), "User action: user_signed_in");
        Ok(pair)
    }
}
