//! `POST /auth/refresh`: a refresh token for a new pair.

use std::sync::Arc;

use futures_util::FutureExt;
use http::Method;
use serde_json::json;

use super::device::Device;
use super::events::{RefreshEnded, Reused};
use super::rotation::{Rotated, TokenRow, find_session, rotate};
use super::session::{self, Session};
use super::token::{Pair, RefreshToken, Tokens};
use crate::accounts::actor::Actor;
use crate::error::{Error, ErrorCode, Result};
use crate::http::{Access, Call, Context, Endpoint, Json, json_body};
use crate::state::App;
use crate::telemetry::Event;
use crate::telemetry::logging::LoggerName;
use crate::telemetry::metrics::RefreshOutcome;

json_body! {
    /// What a session goes on with.
    pub struct Refresh {
        /// The last one that was given.
        pub refresh_token: RefreshToken = "refresh_token",
    }
}

pub(super) fn endpoint() -> Endpoint<App> {
    const ABOUT: &str =
        "A refresh token for a new pair. Each is used once; one that comes again later ends its session.";
    Endpoint::new(Access::Anyone, Method::POST, "/auth/refresh", ABOUT, refresh)
        .limited_by(|app| app.refreshes.as_ref())
        .fails_with(&[
            ErrorCode::Unauthorized,
            ErrorCode::AccountInactive,
            ErrorCode::SecurityViolation,
            ErrorCode::AuthenticationFailure,
            ErrorCode::DatabaseError,
        ])
}

async fn refresh(call: Call<App>, (device, Json(form)): (Device, Json<Refresh>)) -> Result<Json<Tokens>> {
    let Call { state, context, .. } = call;
    let refreshed = renew(&state, &context, device, form.refresh_token).await;
    let outcome = match &refreshed {
        Ok((_, outcome)) => *outcome,
        Err(error) => outcome_of(error),
    };
    RefreshEnded { outcome }.emit(&context.logger(LoggerName::UserService));
    refreshed.map(|(pair, _)| Json(pair.into()))
}

fn outcome_of(error: &Error) -> RefreshOutcome {
    match error.code() {
        ErrorCode::Unauthorized => RefreshOutcome::Invalid,
        ErrorCode::AccountInactive => RefreshOutcome::Inactive,
        ErrorCode::SecurityViolation => RefreshOutcome::Reused,
        ErrorCode::DatabaseError => RefreshOutcome::Database,
        ErrorCode::AuthenticationFailure => RefreshOutcome::Authentication,
        _ => RefreshOutcome::Error,
    }
}

async fn renew(
    app: &App,
    context: &Arc<Context>,
    device: Device,
    token: RefreshToken,
) -> Result<(Pair, RefreshOutcome)> {
    let _turn = app.db.turn(context.client).await?;
    let found = find_session(&app.db, &token.hash()).await?;
    let (session, is_active) = found.ok_or(Error::RefreshTokenInvalid)?;
    context.set_asking_user(session.user_id);
    if !is_active {
        return Err(Error::AccountInactive);
    }
    let session = session.used_by(context, device, &app.config.sign_in);
    let next = RefreshToken::generate()?;
    let pair = Pair::new(app.keyring.sign(session.caller())?, &next);
    match exchange(app, context, &token, &session, &next, token.seal(&pair)?).await? {
        Rotated::Now => Ok((pair, RefreshOutcome::Rotated)),
        Rotated::Before(sealed) => Ok((token.open(&sealed)?, RefreshOutcome::Repeated)),
        Rotated::Gone => Err(Error::RefreshTokenInvalid),
        Rotated::Again => {
            Reused { session_id: session.id, client_ip: context.client_ip }
                .emit(&context.logger(LoggerName::UserService));
            Err(Error::Security("this refresh token was used before: its session has ended, sign in again"))
        }
    }
}

/// The transaction. A token that comes again has its session end, with whoever has the later tokens of it.
async fn exchange(
    app: &App,
    context: &Context,
    token: &RefreshToken,
    session: &Session,
    next: &RefreshToken,
    sealed: Vec<u8>,
) -> Result<Rotated> {
    let (old, row, session) = (token.hash(), TokenRow::next(next.hash(), session), session.clone());
    let details = json!({ "session_id": session.id });
    let entry = Actor::of(context).entry("session.token_reused", session.user_id, details);
    let work = app.db.transaction(move |tx| {
        async move {
            let rotated = rotate(tx, &old, &session, row, sealed).await?;
            if let Rotated::Again = rotated {
                session::delete(tx, session.caller()).await?;
                tx.insert(entry);
            }
            Ok(rotated)
        }
        .boxed()
    });
    work.await
}
