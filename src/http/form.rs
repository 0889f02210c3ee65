//! Forms of pages, as browsers send them (`application/x-www-form-urlencoded`), and where they come from.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use percent_encoding::percent_decode;
use schemars::json_schema;
use serde_json::{Map, Value};

use super::body::expect_type;
use super::input::{FromHead, Input};
use super::takes::Takes;
use super::{Context, Request};
use crate::error::{Error, Result};

const FORM: &str = "application/x-www-form-urlencoded";
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const NO_TEXT: Error = Error::MalformedRequest("the form is not UTF-8: open the page again, and send what it shows");
const FOREIGN: Error = Error::Forbidden("another site sent this form: open the page itself");

/// What a form of a page holds, as it was typed: texts by their names. It may hold a password, and is never printed.
pub struct Typed(Map<String, Value>);

/// That no page of another site sent the form, as far as the browser tells (<https://w3c.github.io/webappsec-fetch-metadata/>). Its
/// origin is `null` where our pages keep their address for themselves. It is enough where the form itself brings what nobody else
/// has, such as a code. Like [`OurOrigin`], it is one of the [checks](Takes::checks): the form of another site does not count against the
/// limit of its client, who may not even know that it was sent.
pub struct SameOrigin;

/// That a page of ours sent the form, as the browser says: for what signs somebody in, or is done for who is signed in. A client that
/// says nothing of where the form is from is refused, and so is an origin that is `null`, which any page can have.
pub struct OurOrigin;

impl Typed {
    /// The text of a field; none where there is no such field.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The same, and it holds that field no more.
    pub fn take(&mut self, name: &str) -> String {
        let text = self.text(name).to_owned();
        self.0.remove(name);
        text
    }

    /// The same as a JSON body.
    ///
    /// # Errors
    /// None that is known: texts have a JSON form.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(&self.0).map_err(|error| Error::Internal(error.to_string()))
    }
}

impl Input for Typed {
    fn takes() -> Takes {
        Takes { body: Some(|_| json_schema!({ "type": "object" })), checks: vec![expect_form], ..Takes::default() }
    }

    async fn read(context: &Arc<Context>, request: Request) -> Result<Self> {
        let body = request.read_body(context).await?;
        members(&body).map(Typed).ok_or(NO_TEXT)
    }
}

/// The members of a form; none where a text of it is not UTF-8: two passwords must not become one.
fn members(body: &[u8]) -> Option<Map<String, Value>> {
    let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    let member = |pair: &[u8]| {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = text(halves.next().unwrap_or_default())?;
        Some((name, Value::String(text(halves.next().unwrap_or_default())?)))
    };
    pairs.map(member).collect()
}

/// What stands in a form for a text (<https://url.spec.whatwg.org/#urlencoded-parsing>).
fn text(encoded: &[u8]) -> Option<String> {
    let spaced: Vec<u8> = encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).decode_utf8().ok().map(Cow::into_owned)
}

impl FromHead for SameOrigin {
    fn takes() -> Takes {
        Takes { checks: vec![expect_not_foreign], ..Takes::default() }
    }

    fn from_head(_checked: &Request) -> Result<Self> {
        Ok(SameOrigin)
    }
}

impl FromHead for OurOrigin {
    fn takes() -> Takes {
        Takes { checks: vec![expect_ours], ..Takes::default() }
    }

    fn from_head(_checked: &Request) -> Result<Self> {
        Ok(OurOrigin)
    }
}

fn expect_form(head: &Parts) -> Result<()> {
    expect_type(head, FORM)
}

fn expect_not_foreign(head: &Parts) -> Result<()> {
    match origin_of(head) {
        FormOrigin::Foreign => Err(FOREIGN),
        FormOrigin::Ours | FormOrigin::Unknown => Ok(()),
    }
}

fn expect_ours(head: &Parts) -> Result<()> {
    match origin_of(head) {
        FormOrigin::Ours => Ok(()),
        FormOrigin::Foreign | FormOrigin::Unknown => Err(FOREIGN),
    }
}

/// Where a form comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FormOrigin {
    Ours,
    Foreign,
    Unknown,
}

/// Both headers are believed where they agree. What sends a foreign `Origin` is none of our pages, whatever else it says.
fn origin_of(head: &Parts) -> FormOrigin {
    match (by_origin(head), by_fetch_metadata(head)) {
        (FormOrigin::Foreign, _) | (_, FormOrigin::Foreign) => FormOrigin::Foreign,
        (FormOrigin::Ours, _) | (_, FormOrigin::Ours) => FormOrigin::Ours,
        (FormOrigin::Unknown, FormOrigin::Unknown) => FormOrigin::Unknown,
    }
}

/// `null` may be any page, and is what ours send, which tell nobody where they are.
fn by_origin(head: &Parts) -> FormOrigin {
    let host = head.headers.get(HOST).map(HeaderValue::as_bytes);
    let host = host.or(head.uri.authority().map(|authority| authority.as_str().as_bytes()));
    match only(head, ORIGIN) {
        Ok(None | Some("null")) => FormOrigin::Unknown,
        Ok(Some(origin)) if host.is_some_and(|host| is_of(origin, host)) => FormOrigin::Ours,
        Ok(Some(_)) | Err(TooMany) => FormOrigin::Foreign,
    }
}

/// Whether an origin is of this host and port; behind a proxy with TLS nobody here knows the scheme.
fn is_of(origin: &str, host: &[u8]) -> bool {
    origin.split_once("://").is_some_and(|(_, from)| from.as_bytes() == host)
}

/// Whether a page of another site led here, as the browser says.
pub fn is_led_by_others(head: &Parts) -> bool {
    by_fetch_metadata(head) == FormOrigin::Foreign
}

fn by_fetch_metadata(head: &Parts) -> FormOrigin {
    match only(head, SEC_FETCH_SITE) {
        Ok(None) => FormOrigin::Unknown,
        // `none`: the reader of the page did it, such as by loading it again.
        Ok(Some("same-origin" | "none")) => FormOrigin::Ours,
        Ok(Some(_)) | Err(TooMany) => FormOrigin::Foreign,
    }
}

/// A header is there more than once.
struct TooMany;

/// The text of a header that is there once at most.
fn only(head: &Parts, name: HeaderName) -> std::result::Result<Option<&str>, TooMany> {
    let mut values = head.headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
    let first = values.next();
    if values.next().is_some() { Err(TooMany) } else { Ok(first) }
}

#[cfg(test)]
mod tests {
    use http::request::Builder;
    use proptest::collection::btree_map;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn head(pairs: &[(&str, &str)]) -> Parts {
        let request = pairs.iter().fold(Builder::new(), |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_form_of_another_site_is_told_from_ours() {
        use FormOrigin::{Foreign, Ours, Unknown};
        for (pairs, origin) in [
            (&[("sec-fetch-site", "same-origin")][..], Ours),
            (&[("sec-fetch-site", "none")], Ours),
            (&[("sec-fetch-site", "same-site")], Foreign),
            (&[("sec-fetch-site", "cross-site"), ("origin", "null")], Foreign),
            (&[("sec-fetch-site", "cross-site"), ("host", "a.example"), ("origin", "https://a.example")], Foreign),
            (&[("host", "example.com"), ("origin", "https://example.com")], Ours),
            (&[("host", "example.com"), ("origin", "null")], Unknown),
            (&[("host", "example.com"), ("origin", "https://example.com:8443")], Foreign),
            (&[("host", "example.com"), ("origin", "https://evil.example")], Foreign),
            (&[("host", "example.com")], Unknown),
            (&[("origin", "https://example.com")], Foreign),
            (&[], Unknown),
            (&[("sec-fetch-site", "same-origin"), ("host", "example.com"), ("origin", "null")], Ours),
            (&[("sec-fetch-site", "same-origin"), ("host", "example.com"), ("origin", "https://example.com")], Ours),
            (&[("sec-fetch-site", "same-origin"), ("host", "a.example"), ("origin", "https://b.example")], Foreign),
            (&[("sec-fetch-site", "none"), ("host", "example.com"), ("origin", "https://evil.example")], Foreign),
            (&[("sec-fetch-site", "none"), ("host", "example.com"), ("origin", "")], Foreign),
            (&[("sec-fetch-site", "none"), ("origin", "")], Foreign),
            (&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], Foreign),
            (&[("host", "a.example"), ("origin", "https://a.example"), ("origin", "https://b.example")], Foreign),
        ] {
            assert_eq!(origin_of(&head(pairs)), origin, "{pairs:?}");
        }
        let of_http2 = Builder::new().uri("https://example.com/x").header("origin", "https://example.com");
        assert_eq!(origin_of(&of_http2.body(()).unwrap().into_parts().0), Ours);
    }

    #[test]
    fn a_form_holds_texts_and_nothing_that_is_none() {
        let read = |body: &str| members(body.as_bytes()).map(|members| serde_json::to_value(members).unwrap());
        for (body, typed) in [
            ("", json!({})),
            ("a=b&c=d", json!({ "a": "b", "c": "d" })),
            ("&a=1&&b&=c&", json!({ "a": "1", "b": "", "": "c" })),
            ("a=1&a=2", json!({ "a": "2" })),
            ("a+b=c+d%2B", json!({ "a b": "c d+" })),
            ("a=b=c%26%3d", json!({ "a": "b=c&=" })),
            ("a=%&b=%4&c=%zz%41&d=%C3%A4", json!({ "a": "%", "b": "%4", "c": "%zzA", "d": "\u{e4}" })),
            ("a=%EF%BF%BD", json!({ "a": "\u{fffd}" })),
        ] {
            assert_eq!(read(body), Some(typed), "{body}");
        }
        for body in ["password=%FF", "password=%C3", "%FF=x", "a=%ED%A0%80", "a=%C0%80"] {
            assert_eq!(read(body), None, "{body}");
        }
        assert_eq!(members(b"a=\xff"), None);
    }

    proptest! {
        #[test]
        fn what_browsers_encode_is_read_as_it_was(pairs in btree_map(any::<String>(), any::<String>(), 0..4)) {
            let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            let expected = pairs.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
            prop_assert_eq!(members(body.as_bytes()), Some(expected));
        }
    }

    #[test]
    fn a_form_is_said_to_be_one() {
        for (content_type, is_one) in [
            ("application/x-www-form-urlencoded", true),
            ("Application/X-WWW-Form-Urlencoded; charset=utf-8", true),
            ("application/json", false),
            ("multipart/form-data; boundary=x", false),
        ] {
            assert_eq!(expect_form(&head(&[("content-type", content_type)])).is_ok(), is_one, "{content_type}");
        }
    }
}
