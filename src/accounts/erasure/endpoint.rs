//! `DELETE /users/{id}`.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use tokio::sync::Mutex;

use super::{Erased, erase, wipe};
use crate::accounts::id::PathId;
use crate::accounts::if_match::IfMatch;
use crate::accounts::users::{self, Role};
use crate::accounts::webhooks::Webhooks;
use crate::accounts::{Actor, sign_in};
use crate::error::{Error, ErrorCode, FieldError, Result};
use crate::http::{Access, Call, Endpoint, Json, NoContent, Path, Permission, json_body};
use crate::state::App;
use crate::telemetry::logging::{Exception, LoggerName, info, warn};
use crate::telemetry::metrics::{self, SessionEnd, UserChange};
use crate::values::Password;

/// The first pause before it is tried anew to take a user out of the file, and the longest.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// One look through the file at a time.
static WIPING: Mutex<()> = Mutex::const_new(());

pub(in crate::accounts) fn endpoints() -> Vec<Endpoint<App>> {
    const ABOUT: &str = "Erases a user: oneself with the password again, or others with `users:delete`.";
    vec![
        Endpoint::new(Access::OneselfOr(Permission::UsersDelete), Method::DELETE, "/users/{id}", ABOUT, answer)
            .fails_with(&[
                ErrorCode::NotFound,
                ErrorCode::PreconditionFailed,
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
    struct Confirmation {
        /// What only the user knows.
        password: Password = "password",
    }
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
    let message = "is required to delete oneself".to_owned();
    Error::Validation(vec![FieldError { field: "password".to_owned(), code: "missing", message }])
}

/// Takes the user out of the files of the database, as soon as nobody reads what is to go.
async fn wipe_out(app: Arc<App>, erased: Erased) {
    let log = app.loggers.get(LoggerName::Db);
    let mut pause = PAUSE;
    loop {
        let wiped = {
            let _only = WIPING.lock().await;
            wipe(&app.db, &erased).await
        };
        match wiped {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                warn!(log, "The database's file may still hold a user who was erased"; "exception" => Exception::of(&error));
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
