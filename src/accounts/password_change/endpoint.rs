//! `POST /auth/password`.

use std::sync::Arc;

use http::Method;
use serde_json::json;

use super::{Change, change};
use crate::accounts::authority::session_ended;
use crate::accounts::users::{self, User};
use crate::accounts::{Actor, new_password, sign_in};
use crate::error::{Error, ErrorCode, Result};
use crate::http::{Access, Call, Endpoint, Json, NoContent, Unread, json_body};
use crate::password_policy::PasswordPolicy;
use crate::state::App;
use crate::telemetry::logging::{LoggerName, context, info};
use crate::telemetry::metrics::{self, SessionEnd, UserChange};
use crate::values::{Fault, FaultCode, NewPassword, Password};

/// The field of the password from now on.
const NEW: &str = "new_password";

/// How it can fail.
pub(in crate::accounts) const FAILS: &[ErrorCode] = &[
    ErrorCode::InvalidCredentials,
    ErrorCode::PasswordLocked,
    ErrorCode::AuthenticationFailure,
    ErrorCode::DatabaseError,
];

pub(in crate::accounts) fn endpoints() -> Vec<Endpoint<App>> {
    const ABOUT: &str = "Changes the user's password, and ends all other sessions.";
    vec![Endpoint::new(Access::Session, Method::POST, "/auth/password", ABOUT, answer).fails_with(FAILS)]
}

json_body! {
    /// Another password, for whoever knows the one so far.
    struct PasswordChange {
        /// The one so far.
        current_password: Password = "current_password",
        /// The one from now on, of which as much is asked as of a registration's.
        new_password: NewPassword = "new_password",
    }
}

impl PasswordChange {
    /// Reads a JSON body, and holds the new password to the policy.
    fn parse(body: &[u8], policy: &PasswordPolicy, user: &User) -> Result<Self> {
        Self::from_json_and(body, |current, new| {
            let (new, about) = (new?, [user.email.expose(), user.full_name.expose()]);
            let is_same = current.is_some_and(|current| current.expose() == new.as_password().expose());
            let fault = if is_same { Some(unchanged()) } else { policy.check(new, &about).err() };
            fault.map(|fault| (NEW, fault))
        })
    }
}

fn unchanged() -> Fault {
    Fault::new(FaultCode::Unchanged, "must not be the password so far")
}

async fn answer(call: Call<App>, form: Unread<Json<PasswordChange>>) -> Result<NoContent> {
    let context = Arc::clone(&call.context);
    change_password(call, form.read_bytes(&context)).await
}

/// Changes the password of who calls, as a JSON body says that is still to be read.
pub(in crate::accounts) async fn change_password(
    call: Call<App>,
    body: impl Future<Output = Result<Vec<u8>>>,
) -> Result<NoContent> {
    let changed = prepare(&call, body).await.inspect_err(|failure| new_password::count_refusals(failure, NEW))?;
    // What is done is told and counted, also where the client has gone.
    tokio::spawn(finish(call, changed)).await.map_err(|failure| Error::Internal(failure.to_string()))?
}

/// Everything before the transaction: what is wrong with the form is said first, and nobody outside is asked for somebody who does
/// not know the password.
async fn prepare(call: &Call<App>, body: impl Future<Output = Result<Vec<u8>>>) -> Result<Change> {
    let (app, context, caller) = (&call.state, &call.context, call.caller()?);
    context.set_user_id(caller.user_id);
    let user = {
        let _turn = app.db.turn(context.client).await?;
        users::find(&app.db, caller.user_id).await?.ok_or_else(session_ended)?
    };
    let form = PasswordChange::parse(&body.await?, &app.password_policy, &user)?;
    let tries = sign_in::verify(app, context, &user, &form.current_password).await?;
    new_password::check_breaches(app, context, &form.new_password, NEW).await?;
    context.enter_step("hash_password");
    let hash = app.hash_pool.hash(context.client, form.new_password.as_password().clone()).await?;
    Ok(Change { caller, user, tries, hash, origin: context.origin() })
}

async fn finish(call: Call<App>, changes: Change) -> Result<NoContent> {
    let (Call { state: app, context: request, .. }, caller) = (call, changes.caller);
    request.enter_step("change_password");
    let changed = {
        let _turn = app.db.turn(request.client).await?;
        change(&app.db, changes).await?
    };
    app.outbox.committed(std::slice::from_ref(&changed.job));
    metrics::sessions_ended(SessionEnd::PasswordChanged, changed.sessions);
    Actor::user(caller.user_id, request.origin()).has_done(UserChange::PasswordChanged, caller.user_id);
    let details = json!({ "sessions": changed.sessions, "jobs": [changed.job.shown()] });
    info!(request.logger(LoggerName::UserActions), "User action: user_password_changed"; "context" => context(details));
    Ok(NoContent)
}
