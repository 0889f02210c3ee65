//! Where a page is.

use super::news::News;
use crate::accounts::codes::Code;
use crate::error::Result;
use crate::http::{FromHead, Request, Takes};

/// What browsers say of where the link is that led to a page, and what they say of one of our pages.
const FROM_OURS: (&str, &str) = ("sec-fetch-site", "same-origin");

/// Where a page is, and what the link brings that led there.
#[derive(Default)]
pub(super) struct Place {
    /// What leads from the page to those beside it, also below a prefix.
    pub(super) beside: &'static str,
    /// The code of an email, so that nobody has to type it.
    pub(super) code: Option<String>,
    /// What was done on the page of ours that led there: another site has nothing of the kind said here.
    pub(super) news: Option<News>,
}

impl FromHead for Place {
    fn takes() -> Takes {
        Takes::default()
    }

    fn from_head(request: &Request) -> Result<Self> {
        let uri = &request.head.uri;
        let query = uri.query().unwrap_or_default();
        // Mail services add parameters of their own to links.
        let mut parameters = url::form_urlencoded::parse(query.as_bytes());
        let code = parameters.find(|(name, _)| name == "code").map(|(_, code)| code.into_owned());
        let is_ours = request.head.headers.get(FROM_OURS.0).is_some_and(|from| from == FROM_OURS.1);
        Ok(Place {
            beside: beside(uri.path()),
            code: code.filter(|code| Code::parse(code).is_ok()),
            news: News::in_query(query).filter(|_| is_ours),
        })
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
            let home = page.join(&format!("{}./", beside(path))).unwrap();
            assert_eq!(home.path(), format!("{prefix}/account/"), "{path}");
        }
    }
}
