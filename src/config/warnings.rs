//! Settings of which each is right and that are hardly meant together: the service starts with them, and says so.

use url::Url;

use super::Config;

/// What the settings lead to, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What they lead to.
    pub message: &'static str,
    /// Which setting to change, and to what.
    pub remedy: &'static str,
}

impl Config {
    /// Everything that is hardly meant.
    pub fn warnings(&self) -> Vec<Warning> {
        // Links without pages are no mistake: whoever has a front end has its own.
        let codes_lead_nowhere = Warning {
            message: "Emails bring a bare code, and no page of hosted_pages leads to where it is typed in",
            remedy: "set mail_links_url to where users reach the pages, such as https://accounts.example.com/account",
        };
        let links_miss_pages = Warning {
            message: "The links of emails do not lead to hosted_pages, which are below /account",
            remedy: "let mail_links_url end with /account, such as https://accounts.example.com/account, unless pages of your own are there",
        };
        let misses = |url: &Url| !url.as_str().trim_end_matches('/').ends_with("/account");
        let found = [
            (self.hosted_pages && self.mail.links_url.is_none(), codes_lead_nowhere),
            (self.hosted_pages && self.mail.links_url.as_ref().is_some_and(misses), links_miss_pages),
        ];
        found.into_iter().filter(|(is_so, _)| *is_so).map(|(_, warning)| warning).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Sources};

    #[test]
    fn pages_want_emails_that_link_to_them() {
        for (settings, warnings) in [
            (&[][..], 0),
            (&[("NEODYME_HOSTED_PAGES", "on")], 1),
            (&[("NEODYME_HOSTED_PAGES", "on"), ("NEODYME_MAIL_LINKS_URL", "https://example.com/account")], 0),
            (&[("NEODYME_HOSTED_PAGES", "on"), ("NEODYME_MAIL_LINKS_URL", "https://example.com/api/account/")], 0),
            (&[("NEODYME_HOSTED_PAGES", "on"), ("NEODYME_MAIL_LINKS_URL", "https://example.com")], 1),
            (&[("NEODYME_MAIL_LINKS_URL", "https://example.com/account")], 0),
        ] {
            let environment = settings.iter().map(|(name, value)| (name.into(), value.into())).collect();
            let config = Config::load(&Sources { environment, ..Sources::default() }).unwrap();
            assert_eq!(config.warnings().len(), warnings, "{settings:?}");
        }
    }
}
