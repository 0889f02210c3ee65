//! Where a page is.

use http::Method;

use super::news::News;
use crate::accounts::codes::Code;
use crate::error::Result;
use crate::http::{FromHead, Request, Takes, is_led_by_others};

/// Where a page is, and what the link brings that led there. What was done is not said where another site led there.
#[derive(Default)]
pub(super) struct Place {
    /// What leads from the page to those beside it, also below a prefix.
    pub(super) beside: &'static str,
    /// The code of an email, so that nobody has to type it.
    pub(super) code: Option<String>,
    /// That its form has worked, and what that was sent with.
    pub(super) done: Option<String>,
    /// What was done on the page that led there.
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
        let value = |wanted| {
            let mut query = url::form_urlencoded::parse(query.as_bytes());
            query.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
        };
        let code = value("code").filter(|code| Code::parse(code).is_ok());
        // What is sent from such a page has an answer of its own.
        let is_ours = request.head.method != Method::POST && !is_led_by_others(&request.head);
        let (done, news) = (value("done").filter(|_| is_ours), News::in_query(query).filter(|_| is_ours));
        Ok(Place { beside: beside(uri.path()), code, done, news })
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
