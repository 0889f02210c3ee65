//! A user who is signed in says the password again, for what a stolen token is not enough for.

use super::events::ConfirmationEnded;
use super::failures::Tries;
use super::trial::{Trial, hash_of};
use crate::accounts::users::User;
use crate::error::{Error, Result};
use crate::http::Context;
use crate::state::App;
use crate::telemetry::Event;
use crate::telemetry::logging::LoggerName;
use crate::values::Password;

/// Verifies a user's password, and forgets the wrong ones before it.
///
/// # Errors
/// Those of [`verify`].
pub async fn confirm(app: &App, context: &Context, user: &User, password: &Password) -> Result<()> {
    told(context, async { try_once(app, context, user, password).await?.forget_failures().await }).await
}

/// Verifies a user's password, and says which wrong ones the caller's transaction is to forget: it fails where more of them came
/// meanwhile, and the right one would have had to wait. One that is wrong counts as at a sign-in: who has stolen a token has no
/// more tries than others.
///
/// # Errors
/// [`Error::RateLimited`], [`Error::ConfirmationWrong`], [`Error::LoginDelayed`],
/// [`Error::PasswordLocked`], or what keeps the service from its work.
pub async fn verify(app: &App, context: &Context, user: &User, password: &Password) -> Result<Tries> {
    told(context, async { try_once(app, context, user, password).await.map(|trial| trial.tries) }).await
}

async fn told<T>(context: &Context, confirmation: impl Future<Output = Result<T>>) -> Result<T> {
    let confirmed = confirmation.await.map_err(|error| match error {
        Error::InvalidCredentials => Error::ConfirmationWrong,
        other => other,
    });
    let ended = ConfirmationEnded { client_ip: context.client_ip, failure: confirmed.as_ref().err() };
    ended.emit(&context.logger(LoggerName::UserService));
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
