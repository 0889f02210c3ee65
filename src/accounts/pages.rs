//! Pages for people: where they sign up and sign in, see where they are signed in and end that, and where the links of emails lead.
//!
//! They need no script, and are in the language that the browser asks for: what goes wrong reaches a template as a code, never as a
//! sentence. A GET shows a form and changes nothing, however often a scanner opens it; its POST does what the API does,
//! by the same code, so that limits, counts and the audit trail know no difference. What goes wrong is told by a page as well. The
//! only cookie is that of a session, which opens what is below `/account/` and nothing else.

mod account;
mod device;
mod done;
mod fault;
mod field;
mod form;
mod forms;
mod markup;
mod moment;
mod news;
mod own_data;
mod own_form;
mod place;
mod preview;
mod refused;
mod reset;
mod samples;
mod sign_in;
mod sign_up;
mod templates;
mod trial;
mod view;
mod visitor;

use std::collections::BTreeSet;

pub use self::preview::PageState;
use super::{email_change, password_reset, verification};
use crate::config::Config;
use crate::error::ErrorCode;
use crate::http::Endpoint;
use crate::language::Language;
use crate::page_templates::{InvalidTemplates, PageTemplates};
use crate::state::App;
use crate::values::FaultCode;

/// All pages are one route in metrics and the log.
const ROUTE: &str = "/account/{page}";

/// The pages.
pub fn endpoints() -> Vec<Endpoint<App>> {
    let mut pages = vec![
        form::shown(&forms::VERIFY),
        form::shown(&forms::VERIFY_AGAIN),
        form::shown(&forms::FORGOTTEN),
        reset::shown(),
        form::shown(&forms::CHANGE),
        form::shown(&forms::UNDO),
        form::posted(&forms::VERIFY, verification::answer, form::repeated!(verification::has_worked)),
        form::posted(&forms::RESET, password_reset::answer, form::repeated!(password_reset::has_worked)),
        form::posted(&forms::CHANGE, email_change::answer, form::repeated!(email_change::has_changed)),
        form::posted(&forms::UNDO, email_change::take_back, form::repeated!(email_change::has_taken_back)),
        form::posted(&forms::VERIFY_AGAIN, verification::send, None).limited_by(|app| app.code_emails.as_ref()),
        form::posted(&forms::FORGOTTEN, password_reset::send, None).limited_by(|app| app.code_emails.as_ref()),
    ];
    pages.extend(sign_up::endpoints());
    pages.extend(sign_in::endpoints());
    pages.extend(account::endpoints());
    pages.extend(own_data::endpoints());
    pages.into_iter().map(|page| page.counted_as(ROUTE)).collect()
}

/// The templates of the pages, all of which work.
///
/// # Errors
/// What is wrong with one, with its line.
pub fn templates(config: &Config) -> Result<PageTemplates, InvalidTemplates> {
    let templates = templates::load(config)?;
    // Those that are built in are tried by a test: a start is to be quick.
    if config.pages_templates.is_some() {
        trial::of_all(&templates, &all_codes())?;
    }
    Ok(templates)
}

/// The names of all pages.
pub fn names() -> impl Iterator<Item = &'static str> {
    preview::names()
}

/// Whether a page of this name is a form, which has more than one state.
pub fn is_form(name: &str) -> bool {
    preview::form(name).is_some()
}

/// A page of this name, in a language that there is, as a user would get it.
///
/// # Errors
/// What is wrong with its template, and where.
pub fn preview(
    templates: &PageTemplates,
    language: &Language,
    name: &str,
    state: PageState,
) -> Result<String, InvalidTemplates> {
    preview::page(templates, language, name, state).map_err(InvalidTemplates::new)
}

/// Every fault that a page can tell of.
fn all_codes() -> BTreeSet<&'static str> {
    let of_endpoints = endpoints().into_iter().flat_map(|endpoint| endpoint.errors());
    let of_errors = of_endpoints.chain([ErrorCode::MethodNotAllowed, ErrorCode::NotFound]).map(ErrorCode::as_str);
    let of_fields = FaultCode::ALL.iter().map(|code| code.as_str());
    of_errors.chain(of_fields).chain([fault::TAKEN, fault::WRONG, fault::LINK_INVALID, fault::ADMIN]).collect()
}
