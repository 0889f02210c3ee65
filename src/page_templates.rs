//! How the pages for users look: templates in several languages, built in and file by file replaced by those of the operator, in which
//! every value is escaped; one style; and a policy that lets nothing run and nothing be loaded.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use minijinja::Value;
use minijinja::value::Serde;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::http::{Page, html};
use crate::language::Language;
use crate::sealing;
use crate::templates::{BuiltIn, Kit, Sources, Speaker, Speakers, built_in};
use crate::values::accept;

/// What a language has: what its pages have in common, and a page each.
macro_rules! of_language {
    ($folder:literal) => {
        built_in! { $folder:
            "words.html", "faults.html", "account.html", "refused.html",
            "sign-up.html", "sign-in.html", "verify-email.html", "send-verification.html", "forgot-password.html",
            "reset-password.html", "change-password.html", "change-email.html", "undo-email-change.html",
            "change-address.html", "change-name.html", "download-data.html", "delete-account.html",
        }
    };
}

const ENGLISH: BuiltIn = of_language!("page_templates/en/");
const GERMAN: BuiltIn = of_language!("page_templates/de/");
/// How all pages look, in which no word stands.
const SHARED: BuiltIn =
    built_in!("page_templates/": "layout.html", "form.html", "field.html", "fault.html", "send.html", "page.css");
const KIT: Kit = Kit { english: ENGLISH, others: &[("de", GERMAN)], shared: SHARED, is_strict: true };
/// The file of the style.
const STYLE: &str = "page.css";
/// What is wrong, in words.
const FAULT: &str = "fault.html";

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

/// The templates of every language, and what all pages have in common.
pub struct PageTemplates {
    speakers: Speakers,
    looks: BTreeMap<Language, Look>,
}

/// The style of a language's pages, and what lets a browser use it.
struct Look {
    style: String,
    policy: HeaderValue,
}

/// Every file that is built in, by its path in a folder that would have all of them.
pub fn built_in_files() -> impl Iterator<Item = (String, &'static str)> {
    KIT.files()
}

impl PageTemplates {
    /// Takes the templates of this directory, and those built in where it has none; the language of whom none of them fits; what all
    /// pages show, by its name; and the origin that a logo is loaded from.
    ///
    /// # Errors
    /// When a template cannot be read; with its line.
    pub fn load(
        directory: Option<&Path>,
        default: &Language,
        shown: &[(&'static str, String)],
        logo_from: Option<&str>,
    ) -> std::result::Result<Self, InvalidTemplates> {
        let mut looks = BTreeMap::new();
        let speakers = Speakers::load(&KIT, directory, default, |language, sources| {
            let look = Look::of(sources, logo_from)?;
            let style = Value::from_safe_string(look.style.clone());
            looks.insert(language.clone(), look);
            let shown = shown.iter().map(|(name, value)| (*name, Value::from(value.as_str())));
            Ok(shown.chain([("style", style)]))
        });
        Ok(PageTemplates { speakers: speakers.map_err(InvalidTemplates)?, looks })
    }

    /// The languages that there are.
    pub fn languages(&self) -> &[Language] {
        self.speakers.languages()
    }

    /// The page of a template with these values, in the best language that has it for whom reads these (`Accept-Language`). Its address
    /// may have a code in it, which it tells nobody and leaves in no cache.
    ///
    /// # Errors
    /// [`Error::Internal`] where the template has a mistake, which is found at start.
    pub fn show(&self, accept_language: &str, template: &str, values: &impl Serialize) -> Result<Page> {
        let fault = |fault| Error::Internal(format!("a page cannot be rendered: {fault}"));
        let speaker =
            self.speakers.best(template, |having| accept::language(accept_language, having)).map_err(fault)?;
        let mut response = html(render(speaker, template, values).map_err(fault)?);
        let headers = response.headers_mut();
        let look = self.looks.get(speaker.language());
        headers.extend(look.map(|look| (CONTENT_SECURITY_POLICY, look.policy.clone())));
        headers.extend(HeaderValue::from_str(speaker.language().as_str()).ok().map(|tag| (CONTENT_LANGUAGE, tag)));
        headers.insert(VARY, HeaderValue::from_static("Accept-Language"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Ok(Page(response))
    }

    /// The text of a page in a language.
    ///
    /// # Errors
    /// What is wrong with the template, and where.
    pub fn render(
        &self,
        language: &Language,
        template: &str,
        values: &impl Serialize,
    ) -> std::result::Result<String, String> {
        render(self.speakers.speaker(language, template)?, template, values)
    }

    /// The style of a page in a language.
    pub fn style(&self, language: &Language, template: &str) -> &str {
        let speaker = self.speakers.speaker(language, template).ok();
        speaker.and_then(|speaker| self.looks.get(speaker.language())).map_or("", |look| &look.style)
    }

    /// What a page in a language has for something that is wrong, as `fault.html` says it.
    ///
    /// # Errors
    /// Where that cannot be said beside a page.
    pub fn words_for(
        &self,
        language: &Language,
        template: &str,
        fault: &impl Serialize,
    ) -> std::result::Result<String, String> {
        let values = Value::from_pairs([("fault", Value::from(Serde(fault)))]);
        self.speakers.speaker(language, template)?.render(FAULT, values)
    }

    /// The files of the operator that a page in a language may be made of, by their names.
    pub fn brought(&self, language: &Language, template: &str) -> Vec<(&'static str, &str)> {
        self.speakers.speaker(language, template).map(|speaker| speaker.brought(template)).unwrap_or_default()
    }
}

impl Look {
    fn of(sources: &Sources, logo_from: Option<&str>) -> std::result::Result<Self, String> {
        let style = style_of(sources)?;
        let policy = HeaderValue::try_from(policy(&style, logo_from)).map_err(|error| error.to_string())?;
        Ok(Look { style, policy })
    }
}

fn render(speaker: &Speaker, template: &str, values: &impl Serialize) -> std::result::Result<String, String> {
    speaker.render(template, Value::from_pairs([("page", Value::from(Serde(values)))]))
}

/// With the ends of lines that browsers make of it before they look at its hash.
fn style_of(sources: &Sources) -> std::result::Result<String, String> {
    let Some(source) = sources.get(STYLE) else { return Ok(String::new()) };
    match ["</", "\0"].into_iter().find(|refused| source.text.contains(refused)) {
        Some("</") => Err(format!("{} must not have `</`, which may end it", source.place)),
        Some(_) => Err(format!("{} must not have a NUL byte, without which browsers read it", source.place)),
        None => Ok(source.text.replace("\r\n", "\n").replace('\r', "\n")),
    }
}

/// The style is known by its hash; forms go to where the page comes from; images come from where the logo is.
fn policy(style: &str, logo_from: Option<&str>) -> String {
    let hash = STANDARD.encode(sealing::hash(style.as_bytes()));
    let images = logo_from.map_or_else(String::new, |origin| format!(" img-src {origin};"));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}';{images} form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}
