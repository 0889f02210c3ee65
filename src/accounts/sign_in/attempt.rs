//! One sign-in under way.

use std::sync::Arc;

use futures_util::FutureExt;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::failures::{self, Failures, Limits};
use super::form::Login;
use crate::accounts::audit::AuditEntry;
use crate::accounts::sessions::{self, Device, Pair, RefreshToken, Session, TokenRow};
use crate::accounts::users::{self, User};
use crate::clock;
use crate::error::{Error, Result};
use crate::http::Context;
use crate::password::{PasswordHash, StoredHash};
use crate::sealing::HASH_BYTES;
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
        let (app, client) = (self.app, self.context.client);
        // What will be refused is refused before the database is asked.
        app.hash_pool.admit(client)?;
        let address = failures::address_hash(&app.login_key, self.login.email.key());
        let (failures, user) = self.look(&address).await?;
        let limits = Limits::of(&app.config.sign_in);
        limits.admit(&failures, clock::now())?;
        let stored = self.stored_hash(user.as_ref())?;
        self.context.enter_step("verify_password");
        let forms = self.login.password.stored_forms().collect();
        let right = app.hash_pool.verify(client, stored.clone(), forms).await?;
        if let Some(user) = &user {
            self.context.set_user_id(user.id);
        }
        let Some(user) = user.as_ref().filter(|_| right.is_some()) else {
            return Err(self.refuse(address, user.map(|user| user.id), failures, limits).await?);
        };
        if !user.is_active {
            return Err(Error::AccountInactive);
        }
        let renewed = self.hash_anew(&stored, right).await;
        let pair = self.open_session(user, device, renewed, address, failures, limits).await?;
        Ok((pair, user.clone()))
    }

    async fn look(&self, address: &[u8; HASH_BYTES]) -> Result<(Failures, Option<User>)> {
        self.context.enter_step("find_user");
        let _turn = self.app.db.turn(self.context.client).await?;
        let failures = failures::find(&self.app.db, address).await?;
        Ok((failures, users::find_by_key(&self.app.db, self.login.email.key()).await?))
    }

    /// The hash that the password is held against: where there is no user, one that is nobody's.
    fn stored_hash(&self, user: Option<&User>) -> Result<StoredHash> {
        match user {
            None => self.app.hash_pool.of_nobody(),
            Some(user) => StoredHash::of_database(user.password_hash.expose())
                .map_err(|fault| Error::Authentication(format!("the hash of {} {}", user.id, fault.message).into())),
        }
    }

    /// Counts a wrong password, and says what it is answered with. Of many at once, only as many are told that they are wrong
    /// as could have been told so one after the other.
    async fn refuse(
        &self,
        address: [u8; HASH_BYTES],
        user_id: Option<Uuid>,
        seen: Failures,
        limits: Limits,
    ) -> Result<Error> {
        self.context.enter_step("count_failure");
        let locked =
            user_id.filter(|_| limits.is_last(&seen)).map(|id| self.entry("user.password_locked", "anonymous", id));
        let work = self.app.db.transaction(move |tx| {
            async move {
                let counted = failures::add(tx, &address, user_id, &seen, limits).await?;
                if let Some(entry) = locked.filter(|_| counted) {
                    tx.insert(entry);
                }
                Ok(counted)
            }
            .boxed()
        });
        Ok(if work.await? { Error::InvalidCredentials } else { Error::LoginDelayed { retry_after: 1 } })
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
        address: [u8; HASH_BYTES],
        seen: Failures,
        limits: Limits,
    ) -> Result<Pair> {
        self.context.enter_step("open_session");
        let (app, settings, now) = (self.app, &self.app.config.sign_in, now());
        let session = Session::begin(user.id, &device, self.context.client_ip, settings, now);
        let token = RefreshToken::generate()?;
        let pair = Pair::new(app.keyring.sign(session.caller())?, &token);
        let (row, most) = (TokenRow::next(token.hash(), &session), settings.sessions_per_user);
        let entry = self.entry("user.signed_in", &user.id.to_string(), user.id);
        let entry = AuditEntry { details: json!({ "session_id": session.id }), ..entry };
        let old = user.clone();
        let work = app.db.transaction(move |tx| {
            async move {
                if !failures::forget_seen(tx, &address, &seen, limits).await? {
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

    fn entry(&self, action: &str, actor: &str, user_id: Uuid) -> AuditEntry {
        AuditEntry::new(action, actor, user_id, &self.context.origin(), now())
    }
}

fn now() -> OffsetDateTime {
    to_micros(clock::now())
}
