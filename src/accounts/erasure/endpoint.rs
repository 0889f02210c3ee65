//! `DELETE /users/{id}`.

use http::Method;

use super::erase;
use super::wiping::wipe_out;
use crate::accounts::id::PathId;
use crate::accounts::if_match::IfMatch;
use crate::accounts::users::{self, Role};
use crate::accounts::webhooks::Webhooks;
use crate::accounts::{Actor, sign_in};
use crate::error::{Error, ErrorCode, Result};
use crate::http::{Access, Call, Endpoint, Json, NoContent, Path, Permission, json_body};
use crate::state::App;
use crate::telemetry::logging::{LoggerName, info};
use crate::telemetry::metrics::{self, SessionEnd, UserChange};
use crate::values::{Fault, FaultCode, Password};

pub(in crate::accounts) fn endpoints() -> Vec<Endpoint<App>> {
    const ABOUT: &str = "Erases a user: oneself with the password again, or others with `users:delete`.";
    vec![
        Endpoint::new(Access::OneselfOr(Permission::UsersDelete), Method::DELETE, "/users/{id}", ABOUT, answer)
            .fails_with(&[
                ErrorCode::NotFound,
                ErrorCode::PreconditionFailed,
                ErrorCode::LastAdmin,
                ErrorCode::Forbidden,
                ErrorCode::InvalidCredentials,
                ErrorCode::PasswordLocked,
                ErrorCode::AuthenticationFailure,
                ErrorCode::DatabaseError,
            ]),
    ]
}

json_body! {
    /// That it is the user who erases the user.
    pub(in crate::accounts) struct Confirmation {
        /// What only the user knows.
        password: Password = "password",
    }
}

/// Erases who calls.
pub(in crate::accounts) async fn erase_oneself(call: Call<App>, confirmation: Json<Confirmation>) -> Result<NoContent> {
    let id = call.caller()?.user_id;
    answer(call, (Path(PathId(id)), (IfMatch(None), Some(confirmation)))).await
}

async fn answer(
    call: Call<App>,
    (Path(PathId(id)), (IfMatch(expected), confirmation)): (Path<PathId>, (IfMatch, Option<Json<Confirmation>>)),
) -> Result<NoContent> {
    let caller = call.caller()?;
    call.context.set_user_id(id);
    if caller.user_id == id {
        confirm(&call, confirmation.map(|Json(confirmation)| confirmation)).await?;
    }
    let actor = Actor::user(caller.user_id, call.context.origin());
    let erased = {
        let webhooks = Webhooks::new(&call.state.config.webhook);
        let _turn = call.state.db.turn(call.context.client).await?;
        erase(&call.state.db, &webhooks, &actor, id, expected).await?
    };
    call.state.outbox.committed(&erased.told);
    metrics::sessions_ended(SessionEnd::Revoked, erased.sessions);
    actor.has_done(UserChange::Erased, id);
    info!(call.context.logger(LoggerName::UserActions), "User action: user_erased");
    tokio::spawn(wipe_out(call.state, erased));
    Ok(NoContent)
}

/// Oneself has to know the password, and be nobody whom others need.
async fn confirm(call: &Call<App>, confirmation: Option<Confirmation>) -> Result<()> {
    let caller = call.caller()?;
    let user = {
        let _turn = call.state.db.turn(call.context.client).await?;
        users::find(&call.state.db, caller.user_id).await?.ok_or(Error::NotFound)?
    };
    if user.role == Role::Admin {
        return Err(Error::Forbidden("an admin does not delete oneself: another admin takes the role away first"));
    }
    let password = confirmation.ok_or_else(password_missing)?.password;
    sign_in::confirm(&call.state, &call.context, &user, &password).await
}

fn password_missing() -> Error {
    Error::Validation(vec![Fault::new(FaultCode::Missing, "is required to delete oneself").of("password")])
}
