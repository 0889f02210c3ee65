//! `GET /users/{id}/export`.

use http::Method;

use super::{Export, export};
use crate::accounts::Actor;
use crate::accounts::id::PathId;
use crate::error::{ErrorCode, Result};
use crate::http::{Access, Call, Endpoint, Json, Path, Permission};
use crate::state::App;
use crate::telemetry::metrics::UserChange;

pub(in crate::accounts) fn endpoints() -> Vec<Endpoint<App>> {
    const ABOUT: &str = "All that is stored of a user, but for what signs in.";
    let access = Access::OneselfOr(Permission::UsersRead);
    vec![
        Endpoint::new(access, Method::GET, "/users/{id}/export", ABOUT, answer)
            .fails_with(&[ErrorCode::NotFound, ErrorCode::DatabaseError]),
    ]
}

/// What is stored of who calls.
pub(in crate::accounts) async fn of_oneself(call: Call<App>) -> Result<Json<Export>> {
    let id = call.caller()?.user_id;
    answer(call, Path(PathId(id))).await
}

async fn answer(call: Call<App>, Path(PathId(id)): Path<PathId>) -> Result<Json<Export>> {
    call.context.set_user_id(id);
    let actor = Actor::user(call.caller()?.user_id, call.context.origin());
    let _turn = call.state.db.turn(call.context.client).await?;
    let export = export(&call.state.db, &actor, id).await?;
    actor.has_done(UserChange::Exported, id);
    Ok(Json(export))
}
