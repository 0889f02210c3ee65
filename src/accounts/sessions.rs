//! Sessions: a user stays signed in with refresh tokens, each of which is used once; sees where that is, and ends it.

mod cookie;
mod device;
mod events;
mod refresh;
mod rotation;
mod session;
mod token;

use futures_util::FutureExt;
use http::Method;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

pub use self::cookie::{Kept, SessionCookie, keep_up, replace as replace_cookie};
pub use self::device::Device;
pub use self::rotation::{GRACE, TokenRow, prune_expired_tokens};
pub use self::session::{
    Session, count, delete, delete_all, delete_others, goes_on, holder, keep_latest, list as of_user, prune_expired,
};
pub use self::token::{Pair, RefreshToken, Tokens};
use super::actor::Actor;
use super::id::PathId;
use crate::error::{Error, ErrorCode, Result};
use crate::http::{Access, Call, Endpoint, Json, NoContent, Path};
use crate::state::App;
use crate::telemetry::logging::{LoggerName, context, info};
use crate::telemetry::metrics::{self, SessionEnd};
use crate::tokens::Caller;
use crate::values::{Personal, timestamp};

pub(super) fn endpoints() -> Vec<Endpoint<App>> {
    const LOGOUT: &str = "Ends the session that the access token is of.";
    const LIST: &str = "Where the user is signed in.";
    const END: &str = "Ends one of the user's sessions.";
    const END_ALL: &str = "Ends all of the user's sessions, this one too.";
    const FAILS: &[ErrorCode] = &[ErrorCode::DatabaseError];
    vec![
        refresh::endpoint(),
        Endpoint::new(Access::User, Method::POST, "/auth/logout", LOGOUT, logout).fails_with(FAILS),
        Endpoint::new(Access::Session, Method::GET, "/auth/sessions", LIST, list).fails_with(FAILS),
        Endpoint::new(Access::Session, Method::DELETE, "/auth/sessions", END_ALL, end_all).fails_with(FAILS),
        Endpoint::new(Access::Session, Method::DELETE, "/auth/sessions/{id}", END, end).fails_with(FAILS),
    ]
}

/// A session, as its user sees it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Session")]
struct SessionBody {
    id: Uuid,
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    created_at: OffsetDateTime,
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    last_used_at: OffsetDateTime,
    client_ip: Option<String>,
    user_agent: Option<String>,
    /// Whether it is the one that asks.
    is_current: bool,
}

#[derive(Serialize, JsonSchema)]
struct Sessions {
    sessions: Vec<SessionBody>,
}

async fn list(call: Call<App>, (): ()) -> Result<Json<Sessions>> {
    let caller = call.caller()?;
    let sessions = {
        let _turn = call.state.db.turn(call.context.client).await?;
        session::list(&call.state.db, caller.user_id).await?
    };
    let shown = |session: Session| SessionBody {
        id: session.id,
        created_at: session.created_at,
        last_used_at: session.last_used_at,
        client_ip: session.client_ip.map(Personal::into_exposed),
        user_agent: session.user_agent.map(Personal::into_exposed),
        is_current: session.id == caller.session_id,
    };
    Ok(Json(Sessions { sessions: sessions.into_iter().map(shown).collect() }))
}

pub(super) async fn logout(call: Call<App>, (): ()) -> Result<NoContent> {
    let caller = call.caller()?;
    // One that has ended already is none the less so.
    if end_one(&call, caller, "user.signed_out").await? {
        metrics::sessions_ended(SessionEnd::SignedOut, 1);
        info!(call.context.logger(LoggerName::UserActions), "User action: user_signed_out");
    }
    Ok(NoContent)
}

pub(super) async fn end(call: Call<App>, Path(PathId(session_id)): Path<PathId>) -> Result<NoContent> {
    let ended = Caller { session_id, ..call.caller()? };
    if !end_one(&call, ended, "session.ended").await? {
        return Err(Error::NotFound);
    }
    metrics::sessions_ended(SessionEnd::Ended, 1);
    Ok(NoContent)
}

async fn end_all(call: Call<App>, (): ()) -> Result<NoContent> {
    let caller = call.caller()?;
    let actor = Actor::user(caller.user_id, call.context.origin());
    let _turn = call.state.db.turn(call.context.client).await?;
    let ended = call.state.db.transaction(move |tx| {
        async move {
            let ended = session::delete_all(tx, caller.user_id).await?;
            tx.insert(actor.entry("sessions.ended", caller.user_id, json!({ "sessions": ended })));
            Ok(ended)
        }
        .boxed()
    });
    metrics::sessions_ended(SessionEnd::Ended, ended.await?);
    Ok(NoContent)
}

/// Ends a session of the caller's. Says whether it went on.
async fn end_one(call: &Call<App>, ended: Caller, action: &str) -> Result<bool> {
    let actor = Actor::user(ended.user_id, call.context.origin());
    let entry = actor.entry(action, ended.user_id, json!({ "session_id": ended.session_id }));
    let _turn = call.state.db.turn(call.context.client).await?;
    let work = call.state.db.transaction(move |tx| {
        async move {
            let went_on = session::delete(tx, ended).await?;
            if went_on {
                tx.insert(entry);
            }
            Ok(went_on)
        }
        .boxed()
    });
    let went_on = work.await?;
    let log = call.context.logger(LoggerName::UserService);
    info!(log, "Session ended"; "context" => context(json!({ "session_id": ended.session_id, "went_on": went_on })));
    Ok(went_on)
}
