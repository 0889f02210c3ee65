//! Whether an answer is the service's own. A login page, a captive portal and another site say 200 as well, and whoever takes
//! that for a delivery loses every event.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};

use crate::config::{AnalyticsConfig, MediaType};

/// What is expected of the answer to an event.
#[derive(Clone, Debug)]
pub(super) struct Expectation {
    statuses: Vec<u16>,
    types: Vec<MediaType>,
    text: Option<String>,
}

/// What an answer has that the service's own would not have. It repeats nothing of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Foreign {
    #[error("an HTML page, as a login or a captive portal has it: check that analytics_base_url leads to the service")]
    Page,
    #[error("a content type that is none of analytics_expect_types")]
    Type,
    #[error("a body without the text of analytics_expect_text")]
    Text,
}

impl Expectation {
    pub(super) fn new(config: &AnalyticsConfig) -> Self {
        let AnalyticsConfig { expect_statuses: statuses, expect_types: types, expect_text: text, .. } = config.clone();
        Expectation { statuses, types, text }
    }

    /// Whether this status says that an event was taken: any 2xx, or one of those that are set.
    pub(super) fn takes(&self, status: u16) -> bool {
        if self.statuses.is_empty() { (200..300).contains(&status) } else { self.statuses.contains(&status) }
    }

    /// Looks at an answer whose status says so; `body` is the beginning of its body. Frameworks give an empty body whatever
    /// type they like, and a text none.
    pub(super) fn check(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), Foreign> {
        let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        // A body that did not come in time is one nevertheless.
        let has_body = !body.is_empty() || length.is_some_and(|length| length > 0);
        if is_page(body) && !self.types.iter().any(|expected| expected.to_string() == "text/html") {
            return Err(Foreign::Page);
        }
        let is_expected = |text| {
            MediaType::parse(text).is_some_and(|found| self.types.iter().any(|expected| expected.includes(&found)))
        };
        let content_type = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
        let content_type = content_type.filter(|content_type| !content_type.trim().is_empty());
        if has_body && !content_type.is_none_or(is_expected) {
            return Err(Foreign::Type);
        }
        match &self.text {
            Some(text) if !contains(body, text.as_bytes()) => Err(Foreign::Text),
            _ => Ok(()),
        }
    }
}

/// Whether this begins as a page of HTML does.
pub(super) fn is_page(body: &[u8]) -> bool {
    let body = without_prologue(body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body));
    let begins = |with: &str| body.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with.as_bytes()));
    begins("<!doctype html") || begins("<html") || begins("<head") || begins("<body")
}

/// Without the comments and declarations that may stand before a page.
fn without_prologue(body: &[u8]) -> &[u8] {
    let body = body.trim_ascii_start();
    for (begin, end) in [("<!--", "-->"), ("<?", "?>")] {
        if let Some(rest) = body.strip_prefix(begin.as_bytes()) {
            let at = rest.windows(end.len()).position(|window| window == end.as_bytes());
            return at.map_or(&[], |at| without_prologue(&rest[at + end.len()..]));
        }
    }
    body
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}
