//! The templates that an operator brings are tried at start, so that no reader of a page finds what is wrong with them.

#[cfg(test)]
mod tests;

use crate::config::{Config, WebAddress};
use crate::mail;
use crate::page_templates::{InvalidTemplates, PageTemplates};

/// The templates of the pages.
///
/// # Errors
/// What is wrong with one, in which file.
pub(super) fn load(config: &Config) -> std::result::Result<PageTemplates, InvalidTemplates> {
    let logo_from = config.mail.logo_url.as_ref().map(WebAddress::origin);
    let mut shown = mail::brand(&config.mail).to_vec();
    shown.push(("password_min_characters", config.new_password.min_characters.to_string()));
    let (directory, default) = (config.pages_templates.as_deref(), &config.mail.default_language);
    PageTemplates::load(directory, default, &shown, logo_from.as_deref())
}
