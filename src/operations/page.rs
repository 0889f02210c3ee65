//! Pages for people: templates built into the binary, in which every value is escaped.

use http::header::{ACCEPT, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use lazy_static::lazy_static;
use minijinja::value::Serde;
use minijinja::{Environment, Value};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::http::{Page, html};
use crate::values::accept::prefers_html;

/// Nothing is loaded and nothing runs: a page is its text and its style. The search asks this listener alone.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);
const HEADERS: [(HeaderName, HeaderValue); 2] =
    [(CONTENT_SECURITY_POLICY, POLICY), (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))];

lazy_static! {
    /// The names end in `.html`, which is what switches escaping on.
    static ref TEMPLATES: std::result::Result<Environment<'static>, minijinja::Error> = templates();
}

fn templates() -> std::result::Result<Environment<'static>, minijinja::Error> {
    let mut templates = Environment::new();
    templates.add_filter("moment", moment);
    templates.add_filter("plain", plain);
    templates.add_template("layout.html", include_str!("pages/layout.html"))?;
    templates.add_template("parts.html", include_str!("pages/parts.html"))?;
    templates.add_template("index.html", include_str!("pages/index.html"))?;
    templates.add_template("errors.html", include_str!("pages/errors.html"))?;
    templates.add_template("runbooks.html", include_str!("pages/runbooks.html"))?;
    templates.add_template("runbook.html", include_str!("pages/runbook.html"))?;
    templates.add_template("runbooks.css", include_str!("pages/runbooks.css"))?;
    templates.add_template("search.html", include_str!("pages/search.html"))?;
    Ok(templates)
}

/// Whether a client asks for a page rather than for what scripts read; `None` where it does not say.
pub(super) fn asks_for_page(head: &Parts) -> Option<bool> {
    prefers_html(head.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default())
}

/// Renders a page from a template and the values in it.
///
/// # Errors
/// [`Error::Internal`] where a template has a mistake, which every test of the page meets.
pub(super) fn page(template: &str, values: impl Serialize) -> Result<Page> {
    let failed =
        |error: &minijinja::Error| Error::Internal(format!("the page {template} cannot be rendered: {error:#}"));
    let templates = TEMPLATES.as_ref().map_err(failed)?;
    let template = templates.get_template(template).map_err(|error| failed(&error))?;
    let text = template.render(Value::from(Serde(values))).map_err(|error| failed(&error))?;
    let mut response = html(text);
    response.headers_mut().extend(HEADERS);
    Ok(Page(response))
}

/// `2026-11-22T08:31:02.123456Z` for people: to the second, the zone is said on the page.
fn moment(timestamp: &str) -> String {
    timestamp.get(..19).unwrap_or(timestamp).replace('T', " ")
}

/// Markdown for people who read it as text: without the marks of code.
fn plain(markdown: &str) -> String {
    markdown.replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_valid_and_escapes() {
        let templates = templates().unwrap();
        let page = templates.render_named_str("test.html", "{{ text }}", minijinja::context! { text => "<b>&\"'" });
        let page = page.unwrap();
        assert!(!page.contains('<') && !page.contains('"') && !page.contains('\''), "{page}");
        assert_eq!(moment("2026-11-22T08:31:02.123456Z"), "2026-11-22 08:31:02");
    }
}
