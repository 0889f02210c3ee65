//! `POST /auth/change-email/send`, `POST /auth/change-email` and `POST /auth/undo-email-change`.

use futures_util::FutureExt;
use http::Method;
use serde_json::json;

use super::{Changed, confirm, undo};
use crate::accounts::account_email::AccountEmail;
use crate::accounts::authority::session_ended;
use crate::accounts::codes::{self, Code};
use crate::accounts::users::{self, User};
use crate::accounts::{Actor, sessions, sign_in};
use crate::error::{Error, ErrorCode, Result};
use crate::http::{Accepted, Access, Call, Context, Endpoint, Json, NoContent, json_body};
use crate::mail::MailKind;
use crate::outbox::NewJob;
use crate::state::App;
use crate::telemetry::logging::{LoggerName, context, info};
use crate::telemetry::metrics::{self, CodeEvent, CodePurpose, SessionEnd, UserChange};
use crate::values::{Email, Fault, FaultCode, Password};

/// How asking for another address can fail.
pub(in crate::accounts) const SEND_FAILS: &[ErrorCode] = &[
    ErrorCode::EmailAlreadyExists,
    ErrorCode::InvalidCredentials,
    ErrorCode::PasswordLocked,
    ErrorCode::AuthenticationFailure,
    ErrorCode::DatabaseError,
];

pub(in crate::accounts) fn endpoints() -> Vec<Endpoint<App>> {
    const SEND: &str = "Sends an email to a new address, with a code that makes it the user's.";
    const CHANGE: &str = "Makes a new address the user's, with the code of such an email.";
    const UNDO: &str = "Makes the address of before the user's again, with the code of the email that told of the change; all sessions \
                        end.";
    vec![
        Endpoint::new(Access::Session, Method::POST, "/auth/change-email/send", SEND, send)
            .limited_by(|app| app.code_emails.as_ref())
            .fails_with(SEND_FAILS),
        Endpoint::new(Access::Anyone, Method::POST, "/auth/change-email", CHANGE, answer).fails_with(&[
            ErrorCode::EmailAlreadyExists,
            ErrorCode::AuthenticationFailure,
            ErrorCode::DatabaseError,
        ]),
        Endpoint::new(Access::Anyone, Method::POST, "/auth/undo-email-change", UNDO, take_back).fails_with(&[
            ErrorCode::EmailAlreadyExists,
            ErrorCode::AuthenticationFailure,
            ErrorCode::DatabaseError,
        ]),
    ]
}

json_body! {
    /// The address that is to be the user's.
    pub(in crate::accounts) struct ChangeWanted {
        /// The address.
        new_email: Email = "new_email",
        /// What only the user knows.
        password: Password = "password",
    }
}

json_body! {
    /// That somebody got the email to the new address.
    pub(in crate::accounts) struct EmailChange {
        /// The code in it.
        code: Code = "code",
    }
}

json_body! {
    /// That somebody got the email to the address of before.
    pub(in crate::accounts) struct EmailChangeUndo {
        /// The code in it.
        code: Code = "code",
    }
}

pub(in crate::accounts) async fn send(call: Call<App>, Json(form): Json<ChangeWanted>) -> Result<Accepted> {
    let (app, request, caller) = (&call.state, &call.context, call.caller()?);
    request.set_user_id(caller.user_id);
    let user = {
        let _turn = app.db.turn(request.client).await?;
        users::find(&app.db, caller.user_id).await?.ok_or_else(session_ended)?
    };
    if user.email.expose() == form.new_email.expose() {
        return Err(unchanged());
    }
    sign_in::confirm(app, request, &user, &form.password).await?;
    request.enter_step("request_code");
    let _turn = app.db.turn(request.client).await?;
    // Where it is not told who is registered, the email is not sent, and this is answered as any.
    if app.config.registration.conflict.is_told()
        && users::email_exists(&app.db, form.new_email.key(), Some(user.id)).await?
    {
        return Err(Error::EmailAlreadyExists);
    }
    let job = order(&call, &user, &form.new_email).await?;
    metrics::email_code(CodePurpose::ChangeEmail, CodeEvent::Asked);
    let details = json!({ "purpose": CodePurpose::ChangeEmail.as_str(), "job_id": job.id });
    info!(request.logger(LoggerName::UserService), "Code asked for"; "context" => context(details));
    app.outbox.committed(&[job]);
    Ok(Accepted)
}

fn unchanged() -> Error {
    Error::Validation(vec![Fault::new(FaultCode::Unchanged, "must not be the address so far").of("new_email")])
}

async fn order(call: &Call<App>, user: &User, email: &Email) -> Result<NewJob> {
    let (caller, origin) = (call.caller()?, call.context.origin());
    let entry = Actor::user(user.id, origin.clone()).entry("user.email_change_requested", user.id, json!({}));
    let job = AccountEmail::asked(MailKind::ChangeEmail, email, Some(caller), &origin, entry.occurred_at)?;
    let row = job.clone();
    let work = call.state.db.transaction(move |tx| {
        async move {
            // Who was erased or signed out meanwhile asks for nothing.
            users::find_to_change(tx, caller.user_id).await?.ok_or_else(session_ended)?;
            if !sessions::goes_on(tx, caller).await? {
                return Err(session_ended());
            }
            tx.insert(entry);
            tx.insert(row);
            Ok(())
        }
        .boxed()
    });
    work.await.map(|()| job)
}

pub(in crate::accounts) async fn answer(call: Call<App>, Json(form): Json<EmailChange>) -> Result<NoContent> {
    let (app, request) = (&call.state, &call.context);
    request.enter_step("change_email");
    let changed = {
        let _turn = app.db.turn(request.client).await?;
        confirm(app, &form.code, &request.origin()).await?
    };
    tell(&call, changed, CodePurpose::ChangeEmail, UserChange::EmailChanged)
}

pub(in crate::accounts) async fn take_back(call: Call<App>, Json(form): Json<EmailChangeUndo>) -> Result<NoContent> {
    let (app, request) = (&call.state, &call.context);
    request.enter_step("undo_email_change");
    let changed = {
        let _turn = app.db.turn(request.client).await?;
        undo(app, &form.code, &request.origin()).await?
    };
    tell(&call, changed, CodePurpose::UndoEmailChange, UserChange::EmailRestored)
}

/// Whether the code has changed the address before.
pub(in crate::accounts) async fn has_changed(app: &App, request: &Context, form: &EmailChange) -> Result<bool> {
    codes::user_of_spent(app, request, &form.code, CodePurpose::ChangeEmail).await.map(|user| user.is_some())
}

/// Whether the code has taken the change back before.
pub(in crate::accounts) async fn has_taken_back(app: &App, request: &Context, form: &EmailChangeUndo) -> Result<bool> {
    codes::user_of_spent(app, request, &form.code, CodePurpose::UndoEmailChange).await.map(|user| user.is_some())
}

fn tell(call: &Call<App>, changed: Option<Changed>, purpose: CodePurpose, change: UserChange) -> Result<NoContent> {
    let request = &call.context;
    let Some(Changed { user, sessions, jobs }) = changed else { return Err(codes::refused(purpose, request)) };
    request.set_user_id(user.id);
    metrics::email_code(purpose, CodeEvent::Used);
    metrics::sessions_ended(SessionEnd::Revoked, sessions);
    Actor::user(user.id, request.origin()).has_done(change, user.id);
    let told: Vec<_> = jobs.iter().map(NewJob::shown).collect();
    let details = json!({ "change": change.as_str(), "sessions": sessions, "jobs": told });
    call.state.outbox.committed(&jobs);
    info!(request.logger(LoggerName::UserActions), "User action: user_email_changed"; "context" => context(details));
    Ok(NoContent)
}
