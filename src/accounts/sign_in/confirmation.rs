//! A user who is signed in says the password again, for what a stolen token is not enough for.

use super::events::outcome_of;
use super::failures::Tries;
use super::trial::{Trial, hash_of};
use crate::accounts::users::User;
use crate::error::Result;
use crate::http::Context;
use crate::state::App;
use crate::telemetry::metrics::{self, SignInOutcome};
use crate::values::Password;

/// Verifies a user's password, and forgets the wrong ones before it.
///
/// # Errors
/// Those of [`verify`].
pub async fn confirm(app: &App, context: &Context, user: &User, password: &Password) -> Result<()> {
    counted(async { try_once(app, context, user, password).await?.forget_failures().await }).await
}

/// Verifies a user's password, and says which wrong ones the caller's transaction is to forget: it fails where more of them came
/// meanwhile, and the right one would have had to wait. One that is wrong counts as at a sign-in: who has stolen a token has no
/// more tries than others.
///
/// # Errors
/// [`Error::RateLimited`](crate::error::Error::RateLimited),
/// [`Error::InvalidCredentials`](crate::error::Error::InvalidCredentials),
/// [`Error::LoginDelayed`](crate::error::Error::LoginDelayed),
/// [`Error::PasswordLocked`](crate::error::Error::PasswordLocked), or what keeps the service from its work.
pub async fn verify(app: &App, context: &Context, user: &User, password: &Password) -> Result<Tries> {
    counted(async { try_once(app, context, user, password).await.map(|trial| trial.tries) }).await
}

async fn counted<T>(confirmation: impl Future<Output = Result<T>>) -> Result<T> {
    let confirmed = confirmation.await;
    metrics::password_confirmed(confirmed.as_ref().err().map_or(SignInOutcome::Success, outcome_of));
    confirmed
}

async fn try_once<'a>(app: &'a App, context: &'a Context, user: &User, password: &Password) -> Result<Trial<'a>> {
    context.take_one_of(app.sign_ins.as_ref())?;
    let trial = Trial::begin(app, context, user.email_key.expose()).await?;
    match trial.verify(hash_of(user)?, password).await? {
        Some(_) => Ok(trial),
        None => Err(trial.refuse(Some(user.id)).await?),
    }
}
