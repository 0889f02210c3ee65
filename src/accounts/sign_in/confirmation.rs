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

/// Verifies a user's password, and says which wrong ones can be forgotten now. One that is wrong counts as at a sign-in: who has
/// stolen a token has no more tries than others.
///
/// # Errors
/// [`Error::RateLimited`](crate::error::Error::RateLimited),
/// [`Error::InvalidCredentials`](crate::error::Error::InvalidCredentials),
/// [`Error::LoginDelayed`](crate::error::Error::LoginDelayed),
/// [`Error::PasswordLocked`](crate::error::Error::PasswordLocked), or what keeps the service from its work.
pub async fn confirm(app: &App, context: &Context, user: &User, password: &Password) -> Result<Tries> {
    let confirmed = try_once(app, context, user, password).await;
    metrics::password_confirmed(confirmed.as_ref().err().map_or(SignInOutcome::Success, outcome_of));
    confirmed
}

async fn try_once(app: &App, context: &Context, user: &User, password: &Password) -> Result<Tries> {
    app.sign_ins.as_ref().map_or(Ok(()), |limit| context.take_one_of(limit))?;
    let trial = Trial::begin(app, context, user.email_key.expose()).await?;
    match trial.verify(hash_of(user)?, password).await? {
        Some(_) => Ok(trial.tries),
        None => Err(trial.refuse(Some(user.id)).await?),
    }
}
