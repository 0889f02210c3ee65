//! Where a page is.

use serde::Serialize;

use crate::accounts::codes::Code;
use crate::error::Result;
use crate::http::{FromHead, Request, Takes};

/// Where a page is, and what the link brings that led there.
#[derive(Default)]
pub(super) struct Place {
    /// What leads from the page to those beside it, also below a prefix.
    pub(super) beside: &'static str,
    /// The code of an email, so that nobody has to type it.
    pub(super) code: Option<String>,
    /// That its form has worked, and what that was sent with.
    pub(super) done: Option<String>,
    /// Why whoever comes has to sign in.
    pub(super) notice: Option<Notice>,
}

/// Why somebody was led to where one signs in.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Notice {
    /// By signing out.
    SignedOut,
    /// The session has ended.
    Ended,
}

impl Notice {
    const ALL: [Notice; 2] = [Notice::SignedOut, Notice::Ended];

    /// Where one signs in who is told this.
    pub(super) fn way(self) -> &'static str {
        match self {
            Notice::SignedOut => "/account/sign-in?signed-out",
            Notice::Ended => "/account/sign-in?ended",
        }
    }
}

impl FromHead for Place {
    fn takes() -> Takes {
        Takes::default()
    }

    fn from_head(request: &Request) -> Result<Self> {
        let uri = &request.head.uri;
        // Mail services add parameters of their own to links.
        let query = uri.query().unwrap_or_default();
        let value = |wanted| {
            let mut query = url::form_urlencoded::parse(query.as_bytes());
            query.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
        };
        let code = value("code").filter(|code| Code::parse(code).is_ok());
        let notice = Notice::ALL.into_iter().find(|notice| notice.way().ends_with(&format!("?{query}")));
        Ok(Place { beside: beside(uri.path()), code, done: value("done"), notice })
    }
}

/// What leads to the account, also from where no page is.
pub(super) fn to_account(path: &str) -> String {
    match path.split_once("/account/") {
        Some((_, below)) => format!("./{}", "../".repeat(below.matches('/').count())),
        None => format!("{}./", beside(path)),
    }
}

/// Paths are served with and without a slash at their end.
fn beside(path: &str) -> &'static str {
    match (path.strip_suffix('/'), path.trim_end_matches('/').ends_with("/account")) {
        (Some(_), true) | (None, false) => "",
        (None, true) => "account/",
        (Some(_), false) => "../",
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    #[test]
    fn a_link_leads_beside_the_page_however_that_is_called() {
        for path in ["/account", "/account/", "/account/sign-up", "/account/sign-up/", "/api/v1/account/sign-up/"] {
            let page = Url::parse("https://example.com").unwrap().join(path).unwrap();
            let led = page.join(&format!("{}sign-in", beside(path))).unwrap();
            let prefix = if path.starts_with("/api") { "/api/v1" } else { "" };
            assert_eq!(led.path(), format!("{prefix}/account/sign-in"), "{path}");
            let home = page.join(&to_account(path)).unwrap();
            assert_eq!(home.path(), format!("{prefix}/account/"), "{path}");
        }
        for path in ["/account/nothing/", "/account/account", "/account/sign-in/nothing", "/account/a/b/"] {
            let home = Url::parse("https://example.com").unwrap().join(path).unwrap().join(&to_account(path)).unwrap();
            assert_eq!(home.path(), "/account/", "{path}");
        }
    }
}
