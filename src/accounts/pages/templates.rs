//! The templates are tried at start, so that no reader of a page finds what is wrong with them.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::trial::Trial;
use crate::config::{Config, WebAddress};
use crate::mail;
use crate::page_templates::{InvalidTemplates, PageTemplates};

/// The templates of the pages, all of which work, also where they tell of one of these faults.
///
/// # Errors
/// What is wrong with one, in which file.
pub(super) fn templates(
    config: &Config,
    codes: &BTreeSet<&'static str>,
) -> std::result::Result<PageTemplates, InvalidTemplates> {
    let logo_from = config.mail.logo_url.as_ref().map(WebAddress::origin);
    let mut shown = mail::brand(&config.mail).to_vec();
    shown.push(("password_min_characters", config.new_password.min_characters.to_string()));
    let (directory, default) = (config.pages_templates.as_deref(), &config.mail.default_language);
    let templates = PageTemplates::load(directory, default, &shown, logo_from.as_deref())?;
    templates.languages().iter().try_for_each(|language| Trial { templates: &templates, language }.of_all(codes))?;
    Ok(templates)
}
