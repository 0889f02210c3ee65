//! One sign-in under way.

use std::sync::Arc;

use futures_util::FutureExt;
use serde_json::json;

use super::Login;
use super::decoy;
use super::failures::{self, Tries};
use super::replaced;
use super::ticket::Ticket;
use super::trial::{Trial, hash_of};
use crate::accounts::actor::Actor;
use crate::accounts::audit;
use crate::accounts::sessions::{self, Device, Session, SessionCookie};
use crate::accounts::users::{self, User};
use crate::clock;
use crate::error::{Error, Result};
use crate::http::Context;
use crate::password::{PasswordHash, StoredHash};
use crate::state::App;
use crate::store::types::to_micros;
use crate::telemetry::logging::{LoggerName, info};
use crate::telemetry::metrics::{self, FirstSignIn, SessionEnd};

/// What the audit trail calls a sign-in.
const SIGNED_IN: &str = "user.signed_in";

/// So often the password is held against the hash when that becomes another one meanwhile.
const TRIES: usize = 3;

pub(super) struct Attempt<'a> {
    pub(super) app: &'a Arc<App>,
    pub(super) context: &'a Arc<Context>,
    pub(super) login: &'a Login,
    /// The cookie that the browser has so far.
    pub(super) replaced: Option<&'a SessionCookie>,
}

impl Attempt<'_> {
    /// Signs in, or says why not.
    pub(super) async fn run<T: Ticket>(&self, device: Device) -> Result<(T, User)> {
        let trial = Trial::begin(self.app, self.context, self.login.email.key()).await?;
        for _ in 0..TRIES {
            let (user, renewed) = self.verified(&trial).await?;
            if let Some(ticket) = self.open_session(&user, &device, renewed, trial.tries).await? {
                return Ok((ticket, user));
            }
        }
        Err(Error::LoginDelayed { retry_after: 1 })
    }

    /// The user whose password it is, and its hash, where that is to be another one.
    async fn verified(&self, trial: &Trial<'_>) -> Result<(User, Option<PasswordHash>)> {
        let (user, decoy) = self.find_user(trial).await?;
        if let Some(user) = &user {
            self.context.set_asking_user(user.id);
        }
        let stored = match (&user, decoy) {
            (Some(user), _) => hash_of(user)?,
            // What comes of it is not asked for.
            (None, Some(decoy)) => decoy,
            (None, None) => self.app.hash_pool.of_nobody()?,
        };
        let right = trial.verify(stored.clone(), &self.login.password).await?;
        match user {
            Some(user) if right.is_some() && user.is_active && self.must_verify(&user) => {
                // Where it is not told who is registered, it is not told here either.
                if !self.app.config.registration.conflict.is_told() {
                    return Err(trial.refuse(Some(user.id)).await?);
                }
                trial.forget_failures().await?;
                Err(Error::EmailNotVerified)
            }
            Some(user) if right.is_some() && user.is_active => {
                let renewed = self.hash_anew(&stored, right).await;
                Ok((user, renewed))
            }
            Some(_) if right.is_some() => {
                trial.forget_failures().await?;
                Err(Error::AccountInactive)
            }
            user => Err(trial.refuse(user.map(|user| user.id)).await?),
        }
    }

    /// Whether the user has to show first that the address is the user's own.
    fn must_verify(&self, user: &User) -> bool {
        self.app.config.codes.require_verified && user.email_verified_at.is_none()
    }

    /// The user, and what the password is held against where there is none. Both are asked for in any case: it takes as long.
    async fn find_user(&self, trial: &Trial<'_>) -> Result<(Option<User>, Option<StoredHash>)> {
        let _turn = self.app.db.turn(self.context.client).await?;
        let user = users::find_by_key(&self.app.db, self.login.email.key()).await?;
        Ok((user, decoy::of(&self.app.db, &trial.tries.address).await?))
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

    /// Nothing where the password was changed since it was verified, or hashed anew, or the user switched off.
    async fn open_session<T: Ticket>(
        &self,
        user: &User,
        device: &Device,
        renewed: Option<PasswordHash>,
        tries: Tries,
    ) -> Result<Option<T>> {
        self.context.enter_step("open_session");
        let (app, settings, now) = (self.app, &self.app.config.sign_in, to_micros(clock::now()));
        let mut session = Session::begin(user.id, device, self.context.client_ip, settings, now);
        let (ticket, row) = T::issue(app, &mut session)?;
        let most = settings.sessions_per_user;
        let actor = Actor::user(user.id, self.context.origin());
        let entry = actor.entry(SIGNED_IN, user.id, json!({ "session_id": session.id }));
        let soon = soon_after_registration(now - user.created_at);
        let (verified, origin) = (user.clone(), self.context.origin());
        let so_far = replaced::find(app, self.context, self.replaced).await?;
        let work = app.db.transaction(move |tx| {
            async move {
                let user = replaced::find_to_change(tx, verified.id, so_far).await?;
                if !user.is_some_and(|user| user.may_enter_as(&verified)) {
                    return Ok(None);
                }
                failures::forget_seen(tx, &tries).await?;
                if let Some(hash) = renewed {
                    users::set_password(tx, verified.id, &hash).await?;
                }
                let ended = replaced::end(tx, so_far, &origin).await?;
                let displaced = sessions::keep_latest(tx, session.user_id, most - 1).await?;
                // Of who has been here for long it is not asked.
                let is_first = soon.is_some() && !audit::has_happened(tx, session.user_id, SIGNED_IN).await?;
                tx.insert(session);
                row.into_iter().for_each(|row| tx.insert(row));
                tx.insert(entry);
                Ok(Some((ended, displaced, is_first)))
            }
            .boxed()
        });
        let Some((ended, displaced, is_first)) = work.await? else { return Ok(None) };
        ended.into_iter().for_each(|ended| replaced::tell(self.context, ended));
        metrics::sessions_ended(SessionEnd::Displaced, displaced);
        soon.filter(|_| is_first).into_iter().for_each(metrics::first_sign_in);
        info!(self.context.logger(LoggerName::UserActions), "User action: user_signed_in");
        Ok(Some(ticket))
    }
}

/// Which first sign-in it would be, so long after the registration.
fn soon_after_registration(age: time::Duration) -> Option<FirstSignIn> {
    match age.whole_days() {
        ..1 => Some(FirstSignIn::Day),
        1..7 => Some(FirstSignIn::Week),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    #[test]
    fn a_first_sign_in_is_of_the_first_day_or_the_first_week() {
        let moment = Duration::microseconds(1);
        for (age, soon) in [
            (Duration::ZERO, Some(FirstSignIn::Day)),
            (Duration::DAY - moment, Some(FirstSignIn::Day)),
            (Duration::DAY, Some(FirstSignIn::Week)),
            (Duration::WEEK - moment, Some(FirstSignIn::Week)),
            (Duration::WEEK, None),
        ] {
            assert_eq!(soon_after_registration(age), soon, "{age}");
        }
    }
}
