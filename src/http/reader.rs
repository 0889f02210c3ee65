//! Who reads a page.

use http::HeaderMap;
use http::header::{ACCEPT, ACCEPT_LANGUAGE};
use http::request::Parts;

use crate::values::accept::prefers_html;

/// What is known of who reads a page. It is kept for those alone, since what goes wrong is told when the head is gone.
#[derive(Default)]
pub struct Reader {
    /// In which languages, as browsers say it.
    pub accept_language: String,
    /// Where, as it was asked for.
    pub path: String,
}

impl Reader {
    pub(super) fn of(head: &Parts) -> Self {
        Reader { accept_language: accept_language(&head.headers), path: head.uri.path().to_owned() }
    }
}

/// What whoever asks reads, as browsers say it (RFC 9110, 12.5.4); empty where nothing is said of it.
pub(crate) fn accept_language(headers: &HeaderMap) -> String {
    let lines = headers.get_all(ACCEPT_LANGUAGE).iter().filter_map(|line| line.to_str().ok());
    lines.collect::<Vec<_>>().join(",")
}

/// Whether who asks may be sent a page: not where `Accept` prefers JSON.
pub(super) fn takes_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    accept.and_then(prefers_html).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn all_lines_of_the_header_count() {
        let mut headers = HeaderMap::new();
        assert_eq!(accept_language(&headers), "");
        for line in [&b"fr;q=0.9"[..], b"\xff", b"de"] {
            headers.append(ACCEPT_LANGUAGE, HeaderValue::from_bytes(line).unwrap());
        }
        assert_eq!(accept_language(&headers), "fr;q=0.9,de");
    }
}
