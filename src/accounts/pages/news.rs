//! What was done on a page, which the page that it leads to says.

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// An email is on its way to another address.
    Address,
    /// There is another name.
    Name,
    /// The account is erased.
    Deleted,
    /// Somebody has signed out.
    SignedOut,
    /// Somebody is not signed in any more.
    SessionEnded,
}

/// The parameter that says so in the address of a page.
const PARAMETER: &str = "news";

impl News {
    pub(super) const ALL: [News; 5] = [News::Address, News::Name, News::Deleted, News::SignedOut, News::SessionEnded];

    /// What templates know it by.
    pub(super) fn name(self) -> &'static str {
        match self {
            News::Address => "address",
            News::Name => "name",
            News::Deleted => "deleted",
            News::SignedOut => "signed-out",
            News::SessionEnded => "session-ended",
        }
    }

    /// The page that says it.
    pub(super) fn way(self) -> &'static str {
        match self {
            News::Address => "/account/?news=address",
            News::Name => "/account/?news=name",
            News::Deleted => "/account/sign-in?news=deleted",
            News::SignedOut => "/account/sign-in?news=signed-out",
            News::SessionEnded => "/account/sign-in?news=session-ended",
        }
    }

    /// What the address of a page says.
    pub(super) fn in_query(query: &str) -> Option<News> {
        let told = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == PARAMETER)?.1;
        News::ALL.into_iter().find(|news| news.name() == told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_led_to_finds_what_was_done() {
        for news in News::ALL {
            let (_, query) = news.way().split_once('?').unwrap();
            assert_eq!(News::in_query(query), Some(news));
        }
        for query in ["", "news", "news=", "news=%3Cb%3E", "new=name", "name=news"] {
            assert_eq!(News::in_query(query), None, "{query}");
        }
    }
}
