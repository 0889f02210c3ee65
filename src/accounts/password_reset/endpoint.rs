//! `POST /auth/reset-password/send` for a code, and `POST /auth/reset-password` for another password.

use http::Method;
use serde_json::json;

use super::{Reset, reset, user_of};
use crate::accounts::code_email::CodeEmail;
use crate::accounts::codes::{self, Code};
use crate::accounts::sign_in::{self, NobodysFailures};
use crate::accounts::users::User;
use crate::accounts::webhooks::Webhooks;
use crate::accounts::{Actor, new_password};
use crate::error::{Error, ErrorCode, Result};
use crate::http::{Accepted, Access, Call, Context, Endpoint, Json, NoContent, json_body};
use crate::mail::MailKind;
use crate::outbox::NewJob;
use crate::state::App;
use crate::telemetry::logging::{LoggerName, context, info};
use crate::telemetry::metrics::{self, CodeEvent, CodePurpose, SessionEnd, UserChange};
use crate::values::{Email, NewPassword};

const PURPOSE: CodePurpose = CodePurpose::ResetPassword;
/// The field of the password from now on.
const NEW: &str = "new_password";

pub(in crate::accounts) fn endpoints() -> Vec<Endpoint<App>> {
    const SEND: &str = "Sends an email with a code for another password, where there is such a user.";
    const RESET: &str = "Another password for whoever has the code of such an email; all sessions end.";
    vec![
        Endpoint::new(Access::Anyone, Method::POST, "/auth/reset-password/send", SEND, send)
            .limited_by(|app| app.code_emails.as_ref())
            .fails_with(&[ErrorCode::AuthenticationFailure, ErrorCode::DatabaseError]),
        Endpoint::new(Access::Anyone, Method::POST, "/auth/reset-password", RESET, answer)
            .fails_with(&[ErrorCode::AuthenticationFailure, ErrorCode::DatabaseError]),
    ]
}

json_body! {
    /// Whom an email goes to.
    pub(in crate::accounts) struct ResetWanted {
        /// The user's address.
        email: Email = "email",
    }
}

json_body! {
    /// Another password, for whoever got the email.
    pub(in crate::accounts) struct PasswordReset {
        /// The code in it.
        code: Code = "code",
        /// The password from now on, of which as much is asked as of a registration's.
        new_password: NewPassword = "new_password",
    }
}

pub(in crate::accounts) async fn send(call: Call<App>, Json(form): Json<ResetWanted>) -> Result<Accepted> {
    let wanted = CodeEmail { kind: MailKind::ResetPassword, purpose: PURPOSE, email: &form.email };
    wanted.order(&call.state, &call.context).await.map(|()| Accepted)
}

/// The user whose code it is, if it is good for something. Nothing changes: whoever has the code may look as often as they like.
pub(in crate::accounts) async fn asker(app: &App, request: &Context, code: &Code) -> Result<Option<User>> {
    let _turn = app.db.turn(request.client).await?;
    user_of(&app.db, &code.hash()).await
}

pub(in crate::accounts) async fn answer(call: Call<App>, Json(form): Json<PasswordReset>) -> Result<NoContent> {
    let prepared = prepare(&call, form).await.inspect_err(|failure| new_password::count_refusals(failure, NEW))?;
    // What is done is told and counted, also where the client has gone.
    tokio::spawn(finish(call, prepared)).await.map_err(|failure| Error::Internal(failure.to_string()))?
}

/// Whether the code has given the user this password before.
pub(in crate::accounts) async fn has_worked(app: &App, request: &Context, form: &PasswordReset) -> Result<bool> {
    let Some(user) = codes::user_of_spent(app, request, &form.code, PURPOSE).await? else { return Ok(false) };
    match sign_in::confirm(app, request, &user, form.new_password.as_password()).await {
        Ok(()) => Ok(true),
        Err(Error::ConfirmationWrong | Error::LoginDelayed { .. } | Error::PasswordLocked) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Everything before the transaction. Who has no code learns of no policy, and costs no hash.
async fn prepare(call: &Call<App>, form: PasswordReset) -> Result<Reset> {
    let (app, request, code) = (&call.state, &call.context, form.code.hash());
    request.enter_step("find_code");
    let user = {
        let _turn = app.db.turn(request.client).await?;
        user_of(&app.db, &code).await?.ok_or_else(|| codes::refused(PURPOSE, request))?
    };
    request.set_asking_user(user.id);
    let about = [user.email.expose(), user.full_name.expose()];
    app.password_policy.check(&form.new_password, &about).map_err(|fault| Error::Validation(vec![fault.of(NEW)]))?;
    new_password::check_breaches(app, request, &form.new_password, NEW).await?;
    request.enter_step("hash_password");
    let hash = app.hash_pool.hash(request.client, form.new_password.as_password().clone()).await?;
    let webhooks = Webhooks::new(&app.config.webhook);
    let failures = NobodysFailures::of(&app.login_key, user.email_key.expose());
    Ok(Reset { user, code, hash, origin: request.origin(), webhooks, failures })
}

async fn finish(call: Call<App>, prepared: Reset) -> Result<NoContent> {
    let Call { state: app, context: request, .. } = call;
    request.enter_step("reset_password");
    let id = prepared.user.id;
    let done = {
        let _turn = app.db.turn(request.client).await?;
        reset(&app.db, prepared).await?.ok_or_else(|| codes::refused(PURPOSE, &request))?
    };
    app.outbox.committed(&done.jobs);
    metrics::email_code(PURPOSE, CodeEvent::Used);
    metrics::sessions_ended(SessionEnd::PasswordChanged, done.sessions);
    Actor::user(id, request.origin()).has_done(UserChange::PasswordReset, id);
    let jobs: Vec<_> = done.jobs.iter().map(NewJob::shown).collect();
    let details = json!({ "sessions": done.sessions, "jobs": jobs });
    info!(request.logger(LoggerName::UserActions), "User action: user_password_reset"; "context" => context(details));
    Ok(NoContent)
}
