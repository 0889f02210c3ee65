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
            (_, Some(token)) if bearer(headers).is_some_and(|given| is_same(given, token)) => Ok(()),
            (_, Some(_)) => Err(Error::Unauthorized),
        }
    }
}

/// The token of `Authorization: Bearer …` (RFC 6750); the scheme in any case (RFC 9110, 11.1).
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
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

    fn admitted(token: Option<&str>, access: Access, authorization: Option<&str>) -> std::result::Result<(), u16> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        Guard::new(token.map(Secret::new)).admit(access, &headers).map_err(|error| error.status().as_u16())
    }

    #[test]
    fn without_a_token_everything_can_be_read_and_nothing_changed() {
        assert_eq!(admitted(None, Access::Open, None), Ok(()));
        assert_eq!(admitted(None, Access::Token, None), Ok(()));
        assert_eq!(admitted(None, Access::TokenAlways, None), Err(403));
        assert_eq!(admitted(None, Access::TokenAlways, Some("Bearer ")), Err(403));
    }

    #[test]
    fn with_a_token_only_it_opens_what_is_not_open() {
        for access in [Access::Token, Access::TokenAlways] {
            for right in ["Bearer 0123456789abcdef", "bearer 0123456789abcdef", "BEARER   0123456789abcdef "] {
                assert_eq!(admitted(Some(TOKEN), access, Some(right)), Ok(()), "{right}");
            }
            for wrong in ["", "Bearer", "Bearer ", "Bearer 0123456789abcdeF", "Bearer 0123456789abcde", TOKEN, "Bäh"] {
                assert_eq!(admitted(Some(TOKEN), access, Some(wrong)), Err(401), "{wrong}");
            }
            assert_eq!(admitted(Some(TOKEN), access, Some("Basic 0123456789abcdef")), Err(401));
            assert_eq!(admitted(Some(TOKEN), access, None), Err(401));
        }
        assert_eq!(admitted(Some(TOKEN), Access::Open, Some("Bearer wrong")), Ok(()));
    }
}
