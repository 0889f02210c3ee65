//! What a user, and those who may, see of a user.

use http::Method;
use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::authority::session_ended;
use super::id::PathId;
use super::sessions;
use super::users::{self, User};
use crate::error::{Error, ErrorCode, Result};
use crate::http::{Access, Call, Endpoint, Json, Path, Permission, Versioned};
use crate::language::Language;
use crate::state::App;
use crate::values::timestamp;

pub(super) fn endpoints() -> Vec<Endpoint<App>> {
    const ME: &str = "The user who is signed in.";
    const USER: &str = "A user.";
    let of_user = Access::OneselfOr(Permission::UsersRead);
    vec![
        Endpoint::new(Access::User, Method::GET, "/auth/me", ME, me).fails_with(&[ErrorCode::DatabaseError]),
        Endpoint::new(of_user, Method::GET, "/users/{id}", USER, user).fails_with(&[ErrorCode::DatabaseError]),
    ]
}

/// A user, as clients of the API see it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "User")]
pub(super) struct UserBody {
    pub(super) id: Uuid,
    email: String,
    full_name: String,
    is_active: bool,
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    created_at: OffsetDateTime,
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    updated_at: OffsetDateTime,
}

/// A user, as those see it who are signed in.
#[derive(Serialize, JsonSchema)]
pub(super) struct Profile {
    #[serde(flatten)]
    user: UserBody,
    /// When the address was shown to be the user's own.
    #[serde(serialize_with = "timestamp::option::serialize")]
    #[schemars(with = "Option<timestamp::Moment>")]
    email_verified_at: Option<OffsetDateTime>,
    #[schemars(extend("enum" = ["user", "support", "admin"]))]
    role: &'static str,
    /// What the user is written to in; null where the service decides.
    locale: Option<Language>,
}

impl From<User> for UserBody {
    fn from(user: User) -> Self {
        let User { id, email, full_name, is_active, created_at, updated_at, .. } = user;
        let (email, full_name) = (email.into_exposed(), full_name.into_exposed());
        UserBody { id, email, full_name, is_active, created_at, updated_at }
    }
}

impl From<User> for Profile {
    fn from(user: User) -> Self {
        let (role, email_verified_at, locale) = (user.role.as_str(), user.email_verified_at, user.locale.clone());
        Profile { user: user.into(), email_verified_at, role, locale }
    }
}

/// A user, with the version for changes.
pub(super) fn versioned(user: User) -> Versioned<Profile> {
    Versioned { version: user.version().to_string(), body: user.into() }
}

async fn me(call: Call<App>, (): ()) -> Result<Json<Profile>> {
    let caller = call.caller()?;
    let _turn = call.state.db.turn(call.context.client).await?;
    let user = sessions::holder(&call.state.db, caller).await?.ok_or_else(session_ended)?;
    Ok(Json(user.into()))
}

async fn user(call: Call<App>, Path(PathId(id)): Path<PathId>) -> Result<Versioned<Profile>> {
    let _turn = call.state.db.turn(call.context.client).await?;
    let user = users::find(&call.state.db, id).await?.ok_or(Error::NotFound)?;
    call.context.set_user_id(id);
    Ok(versioned(user))
}
