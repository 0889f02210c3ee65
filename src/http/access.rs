//! Who may ask what: under which names a listener is asked, who knows the token, and which users.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::Context;
use super::host::{Host, host_of};
use super::principal::{Authority, Permission, Principal};
use crate::config::{HostPattern, Secret, is_localhost};
use crate::error::{Error, ErrorCode, Result};

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody who reaches it.
    Anyone,
    /// Whoever knows the token, where one is set.
    Token,
    /// Whoever knows the token, and nobody where none is set: for what changes state or shows persons.
    TokenAlways,
    /// Users. Their token suffices: it is believed for minutes after their session has ended.
    User,
    /// Users whose session goes on.
    Session,
    /// Users who are signed in on the pages, as the cookie of their browser shows; others are led to where one signs in. The endpoint
    /// itself looks at the cookie: nothing else of the API does.
    SignedIn,
    /// The user whose id is the `{id}` of the path, and users who may do this.
    OneselfOr(Permission),
    /// Users who may do this.
    Permitted(Permission),
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Access::Anyone => f.write_str("anyone"),
            Access::Token => f.write_str("the token, where one is set"),
            Access::TokenAlways => f.write_str("the token; nobody without one"),
            Access::User | Access::Session => f.write_str("a user"),
            Access::SignedIn => f.write_str("a user who is signed in on the pages"),
            Access::OneselfOr(permission) => write!(f, "oneself, or `{}`", permission.as_str()),
            Access::Permitted(permission) => write!(f, "`{}`", permission.as_str()),
        }
    }
}

impl Access {
    /// How it refuses whom it does not admit.
    pub(super) fn errors(self) -> &'static [ErrorCode] {
        match self {
            Access::Anyone => &[],
            Access::Token => &[ErrorCode::Unauthorized],
            Access::TokenAlways => &[ErrorCode::Unauthorized, ErrorCode::Forbidden],
            Access::User => &[ErrorCode::Unauthorized],
            Access::Session => &[ErrorCode::Unauthorized, ErrorCode::DatabaseError],
            Access::SignedIn => &[ErrorCode::DatabaseError],
            Access::OneselfOr(_) | Access::Permitted(_) => {
                &[ErrorCode::Unauthorized, ErrorCode::Forbidden, ErrorCode::DatabaseError]
            }
        }
    }
}

/// Whom a listener serves.
pub struct Guard {
    token: Option<Secret>,
    /// None where every name will do, since anybody may come.
    names: Option<Vec<HostPattern>>,
    /// None where there is nothing for users.
    authority: Option<Arc<dyn Authority>>,
}

impl Guard {
    /// Serves everybody, under every name; what needs a token, to those who know it.
    pub fn open(token: Option<Secret>) -> Self {
        Guard { token, names: None, authority: None }
    }

    /// Serves those who know the token, if there is one, and ask under one of these names, a name of this machine itself
    /// (`localhost`), or an address.
    ///
    /// A page from elsewhere can have a browser ask for a name of its own that it lets lead here (DNS rebinding), and read
    /// the answer as if it were its own. For an address it cannot: nobody but the listener answers there.
    pub fn new(token: Option<Secret>, names: Vec<HostPattern>) -> Self {
        Guard { token, names: Some(names), authority: None }
    }

    /// Serves users as well, whom this authority knows.
    pub fn with_users(self, authority: Arc<dyn Authority>) -> Self {
        Guard { authority: Some(authority), ..self }
    }

    /// Whether it serves everybody.
    pub(super) fn is_open(&self) -> bool {
        self.names.is_none()
    }

    /// Lets a request pass that is for this listener, or says why not.
    pub(super) fn check_host(&self, head: &Parts) -> Result<()> {
        match (&self.names, host_of(head)?) {
            (Some(names), Some(Host::Name(name)))
                if !is_localhost(name) && !names.iter().any(|pattern| pattern.matches(name)) =>
            {
                Err(Error::Misdirected)
            }
            _ => Ok(()),
        }
    }

    /// Who calls, if they may as far as what they show can tell; or why not.
    pub(super) fn admit(&self, access: Access, headers: &HeaderMap) -> Result<Principal> {
        match (access, &self.token) {
            (Access::Anyone | Access::SignedIn, _) | (Access::Token, None) => Ok(Principal::Anonymous),
            (Access::User | Access::Session | Access::OneselfOr(_) | Access::Permitted(_), _) => {
                let token = bearer(headers).ok_or(Error::AccessTokenMissing)?;
                let authority = self.authority.as_ref().ok_or(Error::AccessTokenMissing)?;
                authority.identify(token).map(Principal::User)
            }
            (Access::TokenAlways, None) => Err(Error::Forbidden(
                "what changes the service, or shows persons, needs a token, and none is set: set NEODYME_OPS_TOKEN or NEODYME_OPS_TOKEN_FILE",
            )),
            (Access::Token | Access::TokenAlways, Some(token)) => match bearer(headers) {
                None => Err(Error::TokenMissing),
                Some(given) if is_same(given, token) => Ok(Principal::Operator),
                Some(_) => Err(Error::TokenWrong),
            },
        }
    }

    /// Whether a caller who was admitted may do this now.
    pub(super) async fn permit(
        &self,
        access: Access,
        principal: Principal,
        path: &BTreeMap<String, String>,
        context: &Context,
    ) -> Result<()> {
        let (Principal::User(caller), Some(authority)) = (principal, &self.authority) else { return Ok(()) };
        let permission = match access {
            Access::Anyone | Access::SignedIn | Access::Token | Access::TokenAlways | Access::User => return Ok(()),
            Access::Session => None,
            Access::OneselfOr(_) if is_id_of(path, caller.user_id) => None,
            Access::OneselfOr(permission) | Access::Permitted(permission) => Some(permission),
        };
        context.enter_step("authorize");
        authority.check(caller, permission, context.client).await
    }
}

/// Whether the `{id}` of a path is this one.
fn is_id_of(path: &BTreeMap<String, String>, id: Uuid) -> bool {
    path.get("id").is_some_and(|text| Uuid::parse_str(text) == Ok(id))
}

/// The token of `Authorization: Bearer …` (RFC 6750), if there is one; the scheme in any case (RFC 9110, 11.1).
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.as_bytes().split_at_checked("Bearer ".len())?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !token.is_empty()).then_some(token)
}

/// Takes the same time wherever the first difference is; only the length can be told from it.
fn is_same(given: &[u8], token: &Secret) -> bool {
    given.ct_eq(token.expose().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};

    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn admitted(token: Option<&str>, access: Access, authorization: Option<&str>) -> Result<Principal> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        Guard::new(token.map(Secret::new), Vec::new()).admit(access, &headers)
    }

    #[test]
    fn without_a_token_everything_can_be_read_and_nothing_changed() {
        assert!(admitted(None, Access::Anyone, None).is_ok());
        assert!(admitted(None, Access::Token, None).is_ok());
        for authorization in [None, Some("Bearer ")] {
            assert!(matches!(admitted(None, Access::TokenAlways, authorization), Err(Error::Forbidden(_))));
        }
    }

    #[test]
    fn with_a_token_only_it_opens_what_is_not_open() {
        for access in [Access::Token, Access::TokenAlways] {
            for right in ["Bearer 0123456789abcdef", "bearer 0123456789abcdef", "BEARER   0123456789abcdef "] {
                assert!(admitted(Some(TOKEN), access, Some(right)).is_ok(), "{right}");
            }
            for wrong in ["Bearer 0123456789abcdeF", "Bearer 0123456789abcde", "Bearer x"] {
                assert!(matches!(admitted(Some(TOKEN), access, Some(wrong)), Err(Error::TokenWrong)), "{wrong}");
            }
            for none in [None, Some(""), Some("Bearer"), Some("Bearer "), Some(TOKEN), Some("Bäh"), Some("Basic eDp5")]
            {
                assert!(matches!(admitted(Some(TOKEN), access, none), Err(Error::TokenMissing)), "{none:?}");
            }
        }
        assert!(admitted(Some(TOKEN), Access::Anyone, Some("Bearer wrong")).is_ok());
    }

    #[test]
    fn a_name_that_is_not_of_this_listener_is_refused() {
        let names = ["metrics.example.com", "*.svc.cluster.local"].map(|name| HostPattern::parse(name).unwrap());
        let guard = Guard::new(None, names.into());
        let check = |guard: &Guard, host: &str| {
            guard.check_host(&Request::builder().header("host", host).body(()).unwrap().into_parts().0)
        };
        for host in [
            "127.0.0.1:9000",
            "[::1]:9000",
            "192.0.2.7",
            "localhost:9000",
            "neodyme.localhost",
            "metrics.example.com:9000",
            "neodyme.svc.cluster.local",
        ] {
            assert!(check(&guard, host).is_ok(), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "example.com", "2130706433"] {
            assert!(matches!(check(&guard, host), Err(Error::Misdirected)), "{host}");
            assert!(check(&Guard::open(None), host).is_ok(), "{host}");
        }
        assert!(matches!(check(&Guard::open(None), "a b"), Err(Error::MalformedRequest(_))));
    }
}
