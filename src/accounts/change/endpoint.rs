//! `PATCH /users/{id}` and `PUT /users/{id}`: both change what they name, and nothing else.

use http::header::IF_MATCH;
use http::{HeaderMap, Method};
use schemars::json_schema;

use super::Change;
use crate::accounts::id::PathId;
use crate::accounts::profile::{Profile, versioned};
use crate::accounts::users::{Role, Version};
use crate::accounts::{Actor, change};
use crate::error::{Error, ErrorCode, Result};
use crate::http::{
    Access, Call, Endpoint, FromHead, Json, Parameter, Path, Permission, Request, Takes, Versioned, json_body,
};
use crate::state::App;
use crate::telemetry::logging::{LoggerName, info};
use crate::telemetry::metrics::{self, SessionEnd};
use crate::values::FullName;

pub(in crate::accounts) fn endpoints() -> Vec<Endpoint<App>> {
    const ABOUT: &str = "Changes a user: the name; with `users:write` also the state and the role of others.";
    let line =
        |method| {
            Endpoint::new(Access::OneselfOr(Permission::UsersWrite), method, "/users/{id}", ABOUT, answer).fails_with(
                &[ErrorCode::NotFound, ErrorCode::Forbidden, ErrorCode::PreconditionFailed, ErrorCode::DatabaseError],
            )
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
    }
}

/// The state that is to be changed; none where any will do.
struct IfMatch(Option<Version>);

impl FromHead for IfMatch {
    fn takes() -> Takes {
        let about = "The `ETag` of the user as it was read: 412 where it has changed since.";
        let tag = json_schema!({ "type": "string", "pattern": r#"^"-?[0-9]+"$"# });
        let any = json_schema!({ "type": "string", "const": "*" });
        let header = Parameter::new("If-Match", about, json_schema!({ "anyOf": [any, tag] }));
        Takes { headers: vec![header], ..Takes::default() }
    }

    fn from_head(request: &Request) -> Result<Self> {
        Self::from_headers(&request.head.headers)
    }
}

impl IfMatch {
    fn from_headers(headers: &HeaderMap) -> Result<Self> {
        const ONE: &str = "If-Match must have the ETag of the user, in its quotes, or be *";
        let mut tags = headers.get_all(IF_MATCH).iter();
        let tag = match (tags.next(), tags.next()) {
            (None, _) => return Ok(IfMatch(None)),
            (Some(tag), None) => tag.to_str().map_err(|_| Error::MalformedRequest(ONE))?.trim(),
            (Some(_), Some(_)) => return Err(Error::MalformedRequest(ONE)),
        };
        if tag == "*" {
            return Ok(IfMatch(None));
        }
        let text = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(Error::MalformedRequest(ONE))?;
        // One that is none of ours is of no state that there ever was.
        Version::parse(text).map(|version| IfMatch(Some(version))).ok_or(Error::VersionMismatch)
    }
}

async fn answer(
    call: Call<App>,
    (Path(PathId(id)), (IfMatch(expected), Json(body))): (Path<PathId>, (IfMatch, Json<ChangeBody>)),
) -> Result<Versioned<Profile>> {
    let caller = call.caller()?;
    let ChangeBody { full_name, is_active, role } = body;
    if caller.user_id == id && (is_active.is_some() || role.is_some()) {
        return Err(Error::Forbidden("nobody changes their own state or role; somebody else with `users:write` does"));
    }
    call.context.set_user_id(id);
    let actor = Actor::user(caller.user_id, call.context.origin());
    let changed = {
        let _turn = call.state.db.turn(call.context.client).await?;
        change::change(&call.state.db, &actor, id, expected, &Change { full_name, is_active, role }).await?
    };
    metrics::sessions_ended(SessionEnd::Revoked, changed.sessions);
    changed.changes.iter().for_each(|change| actor.has_done(*change, id));
    if changed.is_new() {
        info!(call.context.logger(LoggerName::UserActions), "User action: user_changed");
    }
    Ok(versioned(changed.user))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn read(tag: HeaderValue) -> Result<Option<Version>> {
        let headers = HeaderMap::from_iter([(IF_MATCH, tag)]);
        IfMatch::from_headers(&headers).map(|expected| expected.0)
    }

    #[test]
    fn a_tag_is_one_in_quotes_or_a_star() {
        for tag in ["*", " * "] {
            assert!(matches!(read(HeaderValue::from_static(tag)), Ok(None)), "{tag}");
        }
        for tag in ["", "7", "\"", "W/\"7\"", "\"7", "'7'"] {
            assert!(matches!(read(HeaderValue::from_static(tag)), Err(Error::MalformedRequest(_))), "{tag}");
        }
        for tag in ["\"\"", "\"x\"", "\"1\", \"2\""] {
            assert!(matches!(read(HeaderValue::from_static(tag)), Err(Error::VersionMismatch)), "{tag}");
        }
    }

    proptest! {
        #[test]
        fn any_tag_is_read_or_refused(tag in prop::collection::vec(any::<u8>(), 0..60), is_quoted: bool) {
            let tag = if is_quoted { [b"\"", tag.as_slice(), b"\""].concat() } else { tag };
            if let Ok(tag) = HeaderValue::from_bytes(&tag) {
                match read(tag) {
                    Ok(_) | Err(Error::MalformedRequest(_) | Error::VersionMismatch) => {}
                    Err(other) => prop_assert!(false, "{:?}", other),
                }
            }
        }

        #[test]
        fn a_version_is_read_as_it_is_written(micros in 0..253_402_300_800_000_000_u64) {
            let read = read(HeaderValue::try_from(format!("\"{micros}\"")).unwrap());
            prop_assert_eq!(read.unwrap().map(|version| version.to_string()), Some(micros.to_string()));
        }
    }
}
