//! The session whose cookie a browser has so far, and which ends with the sign-in that replaces the cookie: nobody could end it any
//! more from there, and a copy of the cookie would go on opening the account.

use serde_json::json;
use uuid::Uuid;

use crate::accounts::actor::Actor;
use crate::accounts::sessions::{self, SessionCookie};
use crate::accounts::users::{self, User};
use crate::error::Result;
use crate::http::Context;
use crate::state::App;
use crate::store::Transaction;
use crate::telemetry::logging::{LoggerName, context, info};
use crate::telemetry::metrics::{self, SessionEnd};
use crate::tokens::Caller;
use crate::values::Origin;

/// The session of a cookie, if it goes on.
pub(super) async fn find(app: &App, request: &Context, cookie: Option<&SessionCookie>) -> Result<Option<Caller>> {
    let Some(cookie) = cookie else { return Ok(None) };
    let _turn = app.db.turn(request.client).await?;
    Ok(cookie.find(&app.db).await?.map(|(session, _user)| session.caller()))
}

/// Whoever signs in, whom nobody else changes until the transaction ends; nor whoever was signed in so far. Of two users the one
/// with the lesser id is asked for first: so nobody waits for one another.
pub(super) async fn find_to_change(tx: &mut Transaction, id: Uuid, replaced: Option<Caller>) -> Result<Option<User>> {
    let other = replaced.map(|caller| caller.user_id).filter(|other| *other != id);
    if let Some(other) = other.filter(|other| *other < id) {
        users::find_to_change(tx, other).await?;
    }
    let user = users::find_to_change(tx, id).await?;
    if let Some(other) = other.filter(|other| *other > id) {
        users::find_to_change(tx, other).await?;
    }
    Ok(user)
}

/// Ends it, as its user would by signing out. Gives it if it went on until now.
pub(super) async fn end(tx: &mut Transaction, replaced: Option<Caller>, origin: &Origin) -> Result<Option<Caller>> {
    let Some(ended) = replaced else { return Ok(None) };
    if !sessions::delete(tx, ended).await? {
        return Ok(None);
    }
    let actor = Actor::user(ended.user_id, origin.clone());
    tx.insert(actor.entry("user.signed_out", ended.user_id, json!({ "session_id": ended.session_id })));
    Ok(Some(ended))
}

/// It is ended for good.
pub(super) fn tell(request: &Context, ended: Caller) {
    metrics::sessions_ended(SessionEnd::SignedOut, 1);
    info!(request.logger(LoggerName::UserService), "Session replaced by a sign-in in the same browser"; "context" => context(json!({
        "session_id": ended.session_id, "session_user_id": ended.user_id,
    })));
}
