//! Whom users ask, and what they see of the product.

use std::fmt;

use lettre::Address;
use url::Url;

/// Something on the web that readers of an email are led to: its URL begins with `https://`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebAddress(Url);

impl WebAddress {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "is not a URL")?;
        if url.scheme() != "https" {
            return Err("does not begin with https://, which readers of a mail can trust");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("has a user or a password, which every reader of a mail would see");
        }
        Ok(WebAddress(url))
    }

    /// What a page may be allowed to load it from: `https://example.com`.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }
}

impl fmt::Display for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where users ask: by mail, or on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contact {
    /// An address of mail.
    Mail(Address),
    /// A page.
    Page(WebAddress),
}

impl Contact {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.contains("://") {
            return WebAddress::parse(text).map(Contact::Page);
        }
        let address = text.parse().map_err(|_| "is neither an address of mail nor a URL that begins with https://")?;
        Ok(Contact::Mail(address))
    }

    /// Where a link to it leads.
    pub fn link(&self) -> String {
        match self {
            // What a `?` begins in such a link would be headers (RFC 6068).
            Contact::Mail(address) => format!("mailto:{}", address.to_string().replace('%', "%25").replace('?', "%3F")),
            Contact::Page(page) => page.to_string(),
        }
    }
}

impl fmt::Display for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Contact::Mail(address) => address.fmt(f),
            Contact::Page(page) => page.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_ask_by_mail_or_on_a_page() {
        for (text, link) in [
            ("help@example.com", "mailto:help@example.com"),
            ("a?b%c@example.com", "mailto:a%3Fb%25c@example.com"),
            ("https://example.com/help?from=mail#ask", "https://example.com/help?from=mail#ask"),
        ] {
            let contact = Contact::parse(text).unwrap();
            assert_eq!((contact.to_string().as_str(), contact.link().as_str()), (text, link));
        }
    }

    #[test]
    fn what_leads_nowhere_or_gives_something_away_is_refused() {
        for (text, word) in [
            ("help", "neither"),
            ("help@", "neither"),
            ("mailto:help@example.com?subject=x", "neither"),
            ("Help <help@example.com>", "neither"),
            ("help@example.com\n", "neither"),
            ("http://example.com/", "https"),
            ("javascript://example.com/", "https"),
            ("https://", "URL"),
            ("https://ada:secret@example.com/", "password"),
        ] {
            let fault = Contact::parse(text).expect_err(text);
            assert!(fault.contains(word), "{text}: {fault}");
        }
    }
}
