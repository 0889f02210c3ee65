//! `PATCH /users/{id}` and `PUT /users/{id}`: both change what they name, and nothing else.

use http::Method;

use super::Change;
use crate::accounts::id::PathId;
use crate::accounts::if_match::IfMatch;
use crate::accounts::profile::{Profile, versioned};
use crate::accounts::users::Role;
use crate::accounts::webhooks::Webhooks;
use crate::accounts::{Actor, change};
use crate::error::{Error, ErrorCode, Result};
use crate::http::{Access, Call, Endpoint, Json, Path, Permission, Versioned, json_body};
use crate::language::Language;
use crate::state::App;
use crate::telemetry::logging::{LoggerName, info};
use crate::telemetry::metrics::{self, SessionEnd};
use crate::values::{FullName, OrNull};

pub(in crate::accounts) fn endpoints() -> Vec<Endpoint<App>> {
    const ABOUT: &str =
        "Changes a user: the name and the language; with `users:write` also the state and the role of others.";
    let line = |method| {
        Endpoint::new(Access::OneselfOr(Permission::UsersWrite), method, "/users/{id}", ABOUT, answer).fails_with(&[
            ErrorCode::NotFound,
            ErrorCode::Forbidden,
            ErrorCode::LastAdmin,
            ErrorCode::PreconditionFailed,
            ErrorCode::DatabaseError,
        ])
    };
    vec![line(Method::PATCH), line(Method::PUT)]
}

json_body! {
    /// What of a user is to be otherwise.
    struct ChangeBody {
        /// The name.
        full_name: Option<FullName> = "full_name",
        /// Whether the user may use the service.
        is_active: Option<bool> = "is_active",
        /// What the user may do beside what all may.
        role: Option<Role> = "role",
        /// What the user is written to in; null, and the service decides.
        locale: Option<OrNull<Language>> = "locale",
    }
}

json_body! {
    /// Another name.
    pub(in crate::accounts) struct Renaming {
        /// The name.
        full_name: FullName = "full_name",
    }
}

/// Changes the name of who calls.
pub(in crate::accounts) async fn rename(
    call: Call<App>,
    Json(Renaming { full_name }): Json<Renaming>,
) -> Result<Versioned<Profile>> {
    let id = call.caller()?.user_id;
    let body = ChangeBody { full_name: Some(full_name), is_active: None, role: None, locale: None };
    answer(call, (Path(PathId(id)), (IfMatch(None), Json(body)))).await
}

async fn answer(
    call: Call<App>,
    (Path(PathId(id)), (IfMatch(expected), Json(body))): (Path<PathId>, (IfMatch, Json<ChangeBody>)),
) -> Result<Versioned<Profile>> {
    let caller = call.caller()?;
    let app = &call.state;
    let ChangeBody { full_name, is_active, role, locale } = body;
    if caller.user_id == id && (is_active.is_some() || role.is_some()) {
        return Err(Error::Forbidden("nobody changes their own state or role; somebody else with `users:write` does"));
    }
    call.context.set_user_id(id);
    let actor = Actor::user(caller.user_id, call.context.origin());
    let changed = {
        let (webhooks, change) = (Webhooks::new(&app.config.webhook), Change { full_name, is_active, role, locale });
        let _turn = app.db.turn(call.context.client).await?;
        change::change(&app.db, &webhooks, &actor, id, expected, &change).await?
    };
    app.outbox.committed(&changed.jobs);
    metrics::sessions_ended(SessionEnd::Revoked, changed.sessions);
    changed.changes.iter().for_each(|change| actor.has_done(*change, id));
    if changed.is_new() {
        info!(call.context.logger(LoggerName::UserActions), "User action: user_changed");
    }
    Ok(versioned(changed.user))
}
