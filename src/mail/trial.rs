//! Templates are tried before they are used: with and without a name, a code and a link.

use std::time::Duration;

use time::macros::datetime;

use super::invalid_setting::InvalidSetting;
use super::kind::MailKind;
use super::templates::{Templates, Variables};
use crate::language::Language;

/// With both, without a link, with neither.
pub(super) const CODES: [(&str, &str); 3] =
    [("uT9kM2", "https://example.com/verify-email?code=uT9kM2"), ("uT9kM2", ""), ("", "")];

/// Finds what would go wrong, in any language.
///
/// # Errors
/// What, and in which template.
pub(super) fn check(templates: &Templates) -> Result<(), InvalidSetting> {
    let check = |language: &Language| check_language(templates, language);
    templates.languages().iter().try_for_each(check).map_err(|fault| InvalidSetting::new("mail_templates", fault))
}

fn check_language(templates: &Templates, language: &Language) -> Result<(), String> {
    for kind in MailKind::ALL {
        for full_name in ["Ada Lovelace", ""] {
            for (code, link) in CODES {
                try_with(templates, language, *kind, full_name, code, link)?;
            }
        }
    }
    Ok(())
}

fn try_with(
    templates: &Templates,
    language: &Language,
    kind: MailKind,
    full_name: &str,
    code: &str,
    link: &str,
) -> Result<(), String> {
    let place = |form: &str| templates.place(language, &format!("{}.{form}", kind.as_str()));
    let (at, lifetime) = (datetime!(2026-11-22 08:31 UTC), Some(Duration::from_secs(24 * 3600)));
    let variables = Variables { full_name, email: "ada@example.com", at, code, link: link.to_owned(), lifetime };
    let texts = templates.render(Some(language), kind, &variables)?;
    for (form, text) in [("txt", &texts.text), ("html", &texts.html)] {
        // A welcome may be one and no more.
        if kind.purpose().is_some() && kind != MailKind::Welcome && !text.contains(code) {
            return Err(format!("{} shows neither code nor link", place(form)));
        }
    }
    for (form, text) in [("subject.txt", &texts.subject), ("txt", &texts.text), ("html", &texts.html)] {
        if text.trim().is_empty() {
            return Err(format!("{} is empty", place(form)));
        }
    }
    if texts.subject.contains(['\r', '\n']) {
        return Err(format!("{} gives more than one line", place("subject.txt")));
    }
    Ok(())
}
