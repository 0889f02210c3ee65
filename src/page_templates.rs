//! How the pages for users look: templates, built in and file by file replaced by those of the operator, in which every value is
//! escaped; one style; and a policy that lets nothing run and nothing be loaded.

mod files;

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use minijinja::value::Serde;
use minijinja::{Environment, Value};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::http::{Page, html};
use crate::{sealing, templates};

/// The file of the style.
const STYLE: &str = "page.css";

/// Templates that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("pages_templates: {0}")]
pub struct InvalidTemplates(String);

impl InvalidTemplates {
    /// For this reason.
    pub fn new(text: impl Into<String>) -> Self {
        InvalidTemplates(text.into())
    }
}

/// The templates, and what all pages have in common.
pub struct PageTemplates {
    templates: Environment<'static>,
    policy: HeaderValue,
}

impl PageTemplates {
    /// Takes the templates of this directory, and those built in where it has none; what all pages show, by its name; and the
    /// origin that a logo is loaded from.
    ///
    /// # Errors
    /// When a template cannot be read; with its line.
    pub fn load(
        directory: Option<&Path>,
        shown: impl IntoIterator<Item = (&'static str, String)>,
        logo_from: Option<String>,
    ) -> std::result::Result<Self, InvalidTemplates> {
        let mut sources = files::sources(directory).map_err(InvalidTemplates)?;
        let style = sources.remove(STYLE).unwrap_or_default();
        let templates = templates::environment(sources.into_iter());
        let mut templates = templates.map_err(|error| InvalidTemplates(in_words(&error)))?;
        shown.into_iter().for_each(|(name, value)| templates.add_global(name, value));
        if style.contains("</") {
            return Err(InvalidTemplates(format!("{STYLE} must not have `</`, which may end it")));
        }
        let policy =
            HeaderValue::try_from(policy(&style, logo_from)).map_err(|error| InvalidTemplates(error.to_string()))?;
        templates.add_global("style", Value::from_safe_string(style));
        Ok(PageTemplates { templates, policy })
    }

    /// The page of a template with these values. Its address may have a code in it, which it tells nobody and leaves in no cache.
    ///
    /// # Errors
    /// [`Error::Internal`] where the template has a mistake, which is found at start.
    pub fn show(&self, template: &str, values: &impl Serialize) -> Result<Page> {
        let text = self.render(template, values);
        let text = text.map_err(|fault| Error::Internal(format!("a page cannot be rendered: {fault}")))?;
        let mut response = html(text);
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Ok(Page(response))
    }

    /// The text of a page.
    ///
    /// # Errors
    /// What is wrong with the template, and where.
    pub fn render(&self, template: &str, values: &impl Serialize) -> std::result::Result<String, String> {
        let values = Value::from_pairs([("page", Value::from(Serde(values)))]);
        let rendered = self.templates.get_template(template).and_then(|template| template.render(values));
        rendered.map_err(|error| in_words(&error))
    }
}

/// The style is known by its hash; forms go to where the page comes from; images come from where the logo is.
fn policy(style: &str, logo_from: Option<String>) -> String {
    let hash = STANDARD.encode(sealing::hash(style.as_bytes()));
    let images = logo_from.map_or_else(String::new, |origin| format!(" img-src {origin};"));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}';{images} form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}

fn in_words(error: &minijinja::Error) -> String {
    templates::in_words(error, |name| name)
}
