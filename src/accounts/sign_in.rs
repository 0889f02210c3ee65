//! A sign-in: have too many passwords been wrong for this address → is there a user → is it the password → one transaction → a
//! session.
//!
//! An address that is unknown and a password that is wrong are alike, in the answer and in the time: a hash is verified either
//! way, of the kinds that users have, and failures are counted either way.

mod attempt;
mod confirmation;
mod decoy;
mod events;
mod failures;
mod form;
mod observation;
mod replaced;
mod ticket;
mod trial;

use http::Method;
use schemars::JsonSchema;
use serde::Serialize;

use self::attempt::Attempt;
pub use self::confirmation::{confirm, verify};
pub use self::failures::{
    Failures, Limits, NobodysFailures, Tries, forget_of as forget_failures_of, forget_seen as forget_seen_failures,
    of_user as failures_of, prune_old as prune_failures,
};
pub(super) use self::form::Login;
use self::observation::Observation;
pub(super) use self::ticket::Entry;
use self::ticket::Ticket;
use super::profile::Profile;
use super::sessions::{Device, Pair, SessionCookie, Tokens};
use super::users::User;
use crate::error::{ErrorCode, Result};
use crate::http::{Access, Call, Endpoint, Json};
use crate::state::App;

/// How a sign-in can fail.
pub(super) const FAILS: &[ErrorCode] = &[
    ErrorCode::InvalidCredentials,
    ErrorCode::AccountInactive,
    ErrorCode::EmailNotVerified,
    ErrorCode::PasswordLocked,
    ErrorCode::AuthenticationFailure,
    ErrorCode::DatabaseError,
];

pub(super) fn endpoints() -> Vec<Endpoint<App>> {
    const ABOUT: &str = "Signs a user in: an access token for minutes, a refresh token for the next one.";
    vec![
        Endpoint::new(Access::Anyone, Method::POST, "/auth/login", ABOUT, login)
            .limited_by(|app| app.sign_ins.as_ref())
            .fails_with(FAILS),
    ]
}

/// What a user is given who signed in.
#[derive(Serialize, JsonSchema)]
struct SignedIn {
    #[serde(flatten)]
    tokens: Tokens,
    user: Profile,
}

async fn login(call: Call<App>, (device, Json(login)): (Device, Json<Login>)) -> Result<Json<SignedIn>> {
    let (pair, user) = sign_in::<Pair>(call, device, login, None).await?;
    Ok(Json(SignedIn { tokens: pair.into(), user: user.into() }))
}

/// Signs a user in, who is given this in place of the cookie that the browser has so far, whose session ends.
pub(super) async fn sign_in<T: Ticket>(
    call: Call<App>,
    device: Device,
    login: Login,
    replaced: Option<SessionCookie>,
) -> Result<(T, User)> {
    let Call { state, context, .. } = call;
    context.set_address(login.email.key());
    let email = if state.config.log.full_emails { login.email.expose().to_owned() } else { login.email.masked() };
    let observation = Observation::begin(&context, email);
    let signed_in =
        Attempt { app: &state, context: &context, login: &login, replaced: replaced.as_ref() }.run(device).await;
    observation.end(signed_in.as_ref().err());
    signed_in
}
