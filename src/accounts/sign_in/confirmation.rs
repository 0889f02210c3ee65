//! A user who is signed in says the password again, for what cannot be undone.

use futures_util::FutureExt;

use super::failures::{self, Limits};
use crate::accounts::users::User;
use crate::clock;
use crate::error::{Error, Result};
use crate::http::Context;
use crate::password::StoredHash;
use crate::state::App;
use crate::values::Password;

/// Verifies a user's password. One that is wrong counts as at a sign-in: who has stolen a token has no more tries than others.
///
/// # Errors
/// [`Error::InvalidCredentials`], [`Error::LoginDelayed`], [`Error::PasswordLocked`], or what keeps the service from its work.
pub async fn confirm(app: &App, context: &Context, user: &User, password: &Password) -> Result<()> {
    app.hash_pool.admit(context.client)?;
    let address = failures::address_hash(&app.login_key, user.email_key.expose());
    let seen = {
        let _turn = app.db.turn(context.client).await?;
        failures::find(&app.db, &address).await?
    };
    let limits = Limits::of(&app.config.sign_in);
    limits.admit(&seen, clock::now())?;
    let stored = StoredHash::of_database(user.password_hash.expose())
        .map_err(|fault| Error::Authentication(format!("the hash of {} {}", user.id, fault.message).into()))?;
    context.enter_step("verify_password");
    if app.hash_pool.verify(context.client, stored, password.stored_forms().collect()).await?.is_some() {
        return Ok(());
    }
    let user_id = Some(user.id);
    let count =
        app.db.transaction(move |tx| async move { failures::add(tx, &address, user_id, &seen, limits).await }.boxed());
    Err(if count.await? { Error::InvalidCredentials } else { Error::LoginDelayed { retry_after: 1 } })
}
