//! How a page looks: one template, in which every value is escaped, and a policy that lets nothing run and nothing be loaded.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue};
use lazy_static::lazy_static;
use minijinja::value::Serde;
use minijinja::{Environment, Value};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::http::{Page, html};
use crate::sealing;

const TEMPLATE: &str = include_str!("form.html");
const STYLE: &str = include_str!("form.css");

lazy_static! {
    /// The name ends in `.html`, which is what switches escaping on.
    static ref TEMPLATES: std::result::Result<Environment<'static>, minijinja::Error> = templates();
    /// The style is known by its hash; forms go to where the page comes from.
    static ref POLICY: String = format!(
        "default-src 'none'; style-src 'sha256-{}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        STANDARD.encode(sealing::hash(STYLE.as_bytes()))
    );
}

fn templates() -> std::result::Result<Environment<'static>, minijinja::Error> {
    let mut templates = Environment::new();
    templates.add_template("form.html", TEMPLATE)?;
    Ok(templates)
}

/// The page of these values. Its address has a code in it, which it tells nobody and leaves in no cache.
///
/// # Errors
/// [`Error::Internal`] where the template has a mistake, which every test of the pages meets.
pub(super) fn shown(values: &impl Serialize) -> Result<Page> {
    let failed = |error: &minijinja::Error| Error::Internal(format!("a page cannot be rendered: {error:#}"));
    let template = TEMPLATES.as_ref().map_err(failed)?.get_template("form.html").map_err(|error| failed(&error))?;
    let style = Value::from_safe_string(STYLE.to_owned());
    let values = Value::from_pairs([("page", Value::from(Serde(values))), ("style", style)]);
    let mut response = html(template.render(values).map_err(|error| failed(&error))?);
    let policy = HeaderValue::from_str(&POLICY).map_err(|error| Error::Internal(error.to_string()))?;
    let headers: [(HeaderName, HeaderValue); 4] = [
        (CONTENT_SECURITY_POLICY, policy),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    response.headers_mut().extend(headers);
    Ok(Page(response))
}
