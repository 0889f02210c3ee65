//! Who may use a route: everybody, or whoever knows the token.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use subtle::ConstantTimeEq;

use crate::config::Secret;
use crate::error::{Error, Result};

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody who reaches it.
    Open,
    /// Whoever knows the token, where one is set.
    Token,
    /// Whoever knows the token, and nobody where none is set: for what changes state.
    TokenAlways,
}

/// The token of a listener, if it has one.
pub(super) struct Guard(Option<Secret>);

impl Guard {
    pub(super) fn new(token: Option<Secret>) -> Self {
        Guard(token)
    }

    /// Lets a request pass, or says why not.
    pub(super) fn admit(&self, access: Access, headers: &HeaderMap) -> Result<()> {
        match (access, &self.0) {
            (Access::Open, _) | (Access::Token, None) => Ok(()),
            (Access::TokenAlways, None) => Err(Error::Forbidden(
                "what changes the service needs a token, and none is set: set NEODYME_OPS_TOKEN or NEODYME_OPS_TOKEN_FILE",
            )),
            (_, Some(token)) => match bearer(headers) {
                None => Err(Error::TokenMissing),
                Some(given) if is_same(given, token) => Ok(()),
                Some(_) => Err(Error::TokenWrong),
            },
        }
    }
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
    use http::HeaderValue;

    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn admitted(token: Option<&str>, access: Access, authorization: Option<&str>) -> Result<()> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        Guard::new(token.map(Secret::new)).admit(access, &headers)
    }

    #[test]
    fn without_a_token_everything_can_be_read_and_nothing_changed() {
        assert!(admitted(None, Access::Open, None).is_ok());
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
        assert!(admitted(Some(TOKEN), Access::Open, Some("Bearer wrong")).is_ok());
    }
}
