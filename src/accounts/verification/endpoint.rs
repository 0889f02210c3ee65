//! `POST /auth/verify-email`, and `POST /auth/verify-email/send` for another code.

use http::Method;

use super::{Verified, verify};
use crate::accounts::Actor;
use crate::accounts::code_email::CodeEmail;
use crate::accounts::codes::{self, Code};
use crate::error::{ErrorCode, Result};
use crate::http::{Accepted, Access, Call, Context, Endpoint, Json, NoContent, json_body};
use crate::mail::MailKind;
use crate::state::App;
use crate::telemetry::logging::{LoggerName, info};
use crate::telemetry::metrics::{self, CodeEvent, CodePurpose, UserChange};
use crate::values::Email;

pub(in crate::accounts) fn endpoints() -> Vec<Endpoint<App>> {
    const VERIFY: &str = "Shows that an address is its user's own, with the code of an email that was sent there.";
    const SEND: &str = "Sends another such email, where there is such a user whose address is not verified.";
    vec![
        Endpoint::new(Access::Anyone, Method::POST, "/auth/verify-email", VERIFY, answer)
            .fails_with(&[ErrorCode::DatabaseError]),
        Endpoint::new(Access::Anyone, Method::POST, "/auth/verify-email/send", SEND, send)
            .limited_by(|app| app.code_emails.as_ref())
            .fails_with(&[ErrorCode::AuthenticationFailure, ErrorCode::DatabaseError]),
    ]
}

json_body! {
    /// That somebody got an email.
    pub(in crate::accounts) struct Verification {
        /// The code in it.
        code: Code = "code",
    }
}

json_body! {
    /// Whom another email goes to.
    pub(in crate::accounts) struct VerificationWanted {
        /// The user's address.
        email: Email = "email",
    }
}

pub(in crate::accounts) async fn answer(call: Call<App>, Json(form): Json<Verification>) -> Result<NoContent> {
    let (app, request) = (&call.state, &call.context);
    request.enter_step("verify_email");
    let origin = request.origin();
    let verified = {
        let _turn = app.db.turn(request.client).await?;
        verify(app, &form.code, &origin).await?
    };
    let Some(Verified { user, is_new, jobs }) = verified else {
        return Err(codes::refused(CodePurpose::VerifyEmail, request));
    };
    request.set_user_id(user.id);
    app.outbox.committed(&jobs);
    metrics::email_code(CodePurpose::VerifyEmail, CodeEvent::Used);
    if is_new {
        Actor::user(user.id, origin).has_done(UserChange::Verified, user.id);
    }
    info!(request.logger(LoggerName::UserActions), "User action: user_verified");
    Ok(NoContent)
}

/// Whether the code has verified the address before.
pub(in crate::accounts) async fn has_worked(app: &App, request: &Context, form: &Verification) -> Result<bool> {
    let user = codes::user_of_spent(app, request, &form.code, CodePurpose::VerifyEmail).await?;
    Ok(user.is_some_and(|user| user.email_verified_at.is_some()))
}

pub(in crate::accounts) async fn send(call: Call<App>, Json(form): Json<VerificationWanted>) -> Result<Accepted> {
    let wanted = CodeEmail { kind: MailKind::VerifyEmail, purpose: CodePurpose::VerifyEmail, email: &form.email };
    wanted.order(&call.state, &call.context).await.map(|()| Accepted)
}
