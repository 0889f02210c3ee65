//! Forms of pages, as browsers send them (`application/x-www-form-urlencoded`), and where they come from.

use std::sync::Arc;

use http::HeaderMap;
use http::header::{HOST, ORIGIN};
use serde_json::{Map, Value};

use super::input::{FromHead, FromJson, Input, Takes};
use super::{Context, Request};
use crate::error::{Error, Result};

const FORM: &str = "application/x-www-form-urlencoded";

/// What a form of a page holds: the same as a JSON body of this type, whose members are all texts.
pub struct Form<T>(pub T);

/// That a page of ours sent the form, as far as the browser tells (<https://w3c.github.io/webappsec-fetch-metadata/>). Its origin is
/// `null` where our pages keep their address for themselves.
pub struct SameOrigin;

impl<T: FromJson> Input for Form<T> {
    fn takes() -> Takes {
        Takes { body: Some(T::schema), ..Takes::default() }
    }

    async fn read(context: &Arc<Context>, request: Request) -> Result<Self> {
        let body = request.read_body(context, FORM).await?;
        let members: Map<String, Value> = url::form_urlencoded::parse(&body)
            .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
            .collect();
        let json = serde_json::to_vec(&members).map_err(|error| Error::Internal(error.to_string()))?;
        T::from_json(&json).map(Form)
    }
}

impl FromHead for SameOrigin {
    fn takes() -> Takes {
        Takes::default()
    }

    fn from_head(request: &Request) -> Result<Self> {
        match comes_from_elsewhere(&request.head.headers) {
            true => Err(Error::Forbidden("another site sent this form: open the page itself")),
            false => Ok(SameOrigin),
        }
    }
}

fn comes_from_elsewhere(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if let Some(site) = text("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    match (text(ORIGIN.as_str()), text(HOST.as_str())) {
        (None | Some("null"), _) | (_, None) => false,
        (Some(origin), Some(host)) => origin.split_once("://").map(|(_, from)| from) != Some(host),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;
    use crate::http::body::is_of_type;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_form_of_another_site_is_told_from_ours() {
        for (pairs, is_foreign) in [
            (&[("sec-fetch-site", "same-origin")][..], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "same-site")], true),
            (&[("sec-fetch-site", "cross-site"), ("origin", "null")], true),
            (&[("host", "example.com"), ("origin", "https://example.com")], false),
            (&[("host", "example.com"), ("origin", "null")], false),
            (&[("host", "example.com"), ("origin", "https://example.com:8443")], true),
            (&[("host", "example.com"), ("origin", "https://evil.example")], true),
            (&[("host", "example.com")], false),
            (&[], false),
        ] {
            assert_eq!(comes_from_elsewhere(&headers(pairs)), is_foreign, "{pairs:?}");
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
            assert_eq!(is_of_type(&headers(&[("content-type", content_type)]), FORM), is_one, "{content_type}");
        }
    }
}
