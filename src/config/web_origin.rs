//! Origins of pages, as browsers send them (RFC 6454; <https://html.spec.whatwg.org/#ascii-serialisation-of-an-origin>).

use std::fmt;

use url::Url;

/// Where a page comes from: scheme, host and port. It is kept in the form in which browsers send it: in lower case, without the
/// port where that is the scheme's own, other letters than those of ASCII in Punycode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebOrigin(Url);

impl WebOrigin {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.contains('*') {
            return Err("has a *, and tokens are not for every page: name each origin in full");
        }
        if text == "null" {
            return Err("is what a page without an origin sends, and any page can be made to send it");
        }
        let (_, rest) = text.split_once("://").ok_or("has no scheme such as https://")?;
        if rest.contains(['/', '?', '#', '\\']) {
            return Err("has more than scheme, host and port: leave away the path, also a / at the end");
        }
        if rest.contains('@') {
            return Err("has a user, which no origin has");
        }
        let url = Url::parse(text).map_err(|_| "is no scheme, host and port")?;
        if url.host_str().is_none_or(|host| !is_host(host)) || rest.ends_with(':') {
            return Err("is no scheme, host and port");
        }
        Ok(WebOrigin(url))
    }

    /// The same as a URL.
    pub(super) fn as_url(&self) -> &Url {
        &self.0
    }
}

/// As hosts are once they are parsed; those of apps (`capacitor://localhost`) are not looked at by the parser.
fn is_host(host: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_');
    !host.is_empty() && (host.starts_with('[') || host.bytes().all(is_plain))
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.0.host_str().unwrap_or_default())?;
        self.0.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<String, &'static str> {
        WebOrigin::parse(text).map(|origin| origin.to_string())
    }

    #[test]
    fn an_origin_is_kept_as_browsers_send_it() {
        for (text, sent) in [
            ("https://app.example.com", "https://app.example.com"),
            ("HTTPS://App.Example.COM:443", "https://app.example.com"),
            ("https://app.example.com:8443", "https://app.example.com:8443"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
            ("https://b\u{fc}cher.example", "https://xn--bcher-kva.example"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("chrome-extension://abcdefgh", "chrome-extension://abcdefgh"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(sent), "{text}");
        }
    }

    #[test]
    fn what_is_more_or_less_than_an_origin_is_refused_in_words() {
        for (text, word) in [
            ("*", "name each origin in full"),
            ("https://*.example.com", "name each origin in full"),
            ("null", "without an origin"),
            ("", "scheme"),
            ("app.example.com", "scheme"),
            ("localhost:5173", "scheme"),
            ("https://app.example.com/", "path"),
            ("https://app.example.com/login", "path"),
            ("https://app.example.com?x", "path"),
            ("https://app.example.com#x", "path"),
            ("https://app.example.com\\x", "path"),
            ("https://ada@app.example.com", "user"),
            ("https://", "host"),
            ("https://a b", "host"),
            ("https://a:", "host"),
            ("https://a:99999", "host"),
            ("https://[::1", "host"),
            ("https://[::1%25eth0]", "host"),
            ("capacitor://a%41", "host"),
            ("capacitor://\u{e4}", "host"),
            ("file://", "host"),
            ("1x://a", "host"),
        ] {
            let fault = read(text).expect_err(text);
            assert!(fault.contains(word), "{text}: {fault}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_origin_or_is_none(text in any::<String>()) {
            let _ = read(&text);
        }

        #[test]
        fn what_is_kept_is_an_origin_that_is_kept_as_it_is(
            text in "[a-zA-Z]{1,6}://[a-zA-Z0-9.:_@%\\[\\]\u{e4}-]{0,20}(:[0-9]{0,6})?",
        ) {
            if let Ok(kept) = read(&text) {
                prop_assert!(kept.bytes().all(|byte| byte.is_ascii_graphic() && byte != b','), "{}", kept);
                prop_assert_eq!(read(&kept), Ok(kept.clone()));
            }
        }
    }
}
