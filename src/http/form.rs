//! Forms of pages, as browsers send them (`application/x-www-form-urlencoded`), and where they come from.

use std::sync::Arc;

use http::header::{HOST, ORIGIN};
use http::request::Parts;
use schemars::json_schema;
use serde_json::{Map, Value};

use super::input::{FromHead, Input, Takes};
use super::{Context, Request};
use crate::error::{Error, Result};

const FORM: &str = "application/x-www-form-urlencoded";
const FOREIGN: Error = Error::Forbidden("another site sent this form: open the page itself");

/// What a form of a page holds, as it was typed: texts by their names. It may hold a password, and is never printed.
pub struct Typed(Map<String, Value>);

/// That no page of another site sent the form, as far as the browser tells (<https://w3c.github.io/webappsec-fetch-metadata/>). Its
/// origin is `null` where our pages keep their address for themselves. It is enough where the form itself brings what nobody else
/// has, such as a code.
pub struct SameOrigin;

/// That a page of ours sent the form, as the browser says: for what signs somebody in, or is done for who is signed in. A client that
/// says nothing of where the form is from is refused, and so is an origin that is `null`, which any page can have.
pub struct OurOrigin;

impl Typed {
    /// The text of a field; none where there is no such field.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
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
        Takes { body: Some(|_| json_schema!({ "type": "object" })), ..Takes::default() }
    }

    async fn read(context: &Arc<Context>, request: Request) -> Result<Self> {
        let body = request.read_body(context, FORM).await?;
        let members = url::form_urlencoded::parse(&body)
            .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())));
        Ok(Typed(members.collect()))
    }
}

impl FromHead for SameOrigin {
    fn takes() -> Takes {
        Takes::default()
    }

    fn from_head(request: &Request) -> Result<Self> {
        match origin_of(&request.head) {
            FormOrigin::Foreign => Err(FOREIGN),
            FormOrigin::Ours | FormOrigin::Unknown => Ok(SameOrigin),
        }
    }
}

impl FromHead for OurOrigin {
    fn takes() -> Takes {
        Takes::default()
    }

    fn from_head(request: &Request) -> Result<Self> {
        match origin_of(&request.head) {
            FormOrigin::Ours => Ok(OurOrigin),
            FormOrigin::Foreign | FormOrigin::Unknown => Err(FOREIGN),
        }
    }
}

/// Where a form comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FormOrigin {
    Ours,
    Foreign,
    Unknown,
}

fn origin_of(head: &Parts) -> FormOrigin {
    let text = |name| head.headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match text("sec-fetch-site") {
        // `none`: the reader of the page did it, such as by loading it again.
        Some("same-origin" | "none") => return FormOrigin::Ours,
        Some(_) => return FormOrigin::Foreign,
        None => {}
    }
    let host = text(HOST.as_str()).or(head.uri.authority().map(|authority| authority.as_str()));
    match (text(ORIGIN.as_str()), host) {
        (None | Some("null"), _) | (_, None) => FormOrigin::Unknown,
        (Some(origin), Some(host)) if origin.split_once("://").map(|(_, from)| from) == Some(host) => FormOrigin::Ours,
        _ => FormOrigin::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use http::request::Builder;

    use super::*;
    use crate::http::body::is_of_type;

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
            (&[("origin", "https://example.com")], Unknown),
            (&[], Unknown),
        ] {
            assert_eq!(origin_of(&head(pairs)), origin, "{pairs:?}");
        }
        let of_http2 = Builder::new().uri("https://example.com/x").header("origin", "https://example.com");
        assert_eq!(origin_of(&of_http2.body(()).unwrap().into_parts().0), Ours);
    }

    #[test]
    fn a_form_is_said_to_be_one() {
        for (content_type, is_one) in [
            ("application/x-www-form-urlencoded", true),
            ("Application/X-WWW-Form-Urlencoded; charset=utf-8", true),
            ("application/json", false),
            ("multipart/form-data; boundary=x", false),
        ] {
            assert_eq!(is_of_type(&head(&[("content-type", content_type)]).headers, FORM), is_one, "{content_type}");
        }
    }
}
