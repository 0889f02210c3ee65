//! A page as somebody would see it, for who writes templates.

use super::account;
use super::fault::FaultView;
use super::field::CODE;
use super::forms::{self, Form};
use super::place::Place;
use super::refused::{self, Refused};
use super::samples;
use super::view::FormView;
use crate::accounts::codes;
use crate::error::ErrorCode;
use crate::label::labels;
use crate::language::Language;
use crate::page_templates::PageTemplates;
use crate::values::FaultCode;

const NOT_FOUND: &str = "There is nothing here.";

labels! {
    /// How a page with a form is seen.
    pub enum PageState("state") {
        /// Nothing is typed yet.
        New = "new",
        /// Something is wrong with each field, or with the link.
        Wrong = "wrong",
        /// It is done.
        Done = "done",
    }
}

/// The names of all pages: their templates without `.html`.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let forms = forms::ALL.iter().map(|form| form.template);
    forms.chain([account::TEMPLATE, refused::TEMPLATE]).map(name_of)
}

/// The form of this name.
pub(super) fn form(name: &str) -> Option<&'static Form> {
    forms::ALL.iter().find(|form| name_of(form.template) == name)
}

fn name_of(template: &'static str) -> &'static str {
    template.trim_end_matches(".html")
}

/// The page of this name.
///
/// # Errors
/// What is wrong with its template, and where.
pub(super) fn page(
    templates: &PageTemplates,
    language: &Language,
    name: &str,
    state: PageState,
) -> Result<String, String> {
    match form(name) {
        Some(form) => templates.render(language, form.template, &form_in(form, state)),
        None if name == name_of(account::TEMPLATE) => {
            templates.render(language, account::TEMPLATE, &samples::account(true))
        }
        None => templates.render(language, refused::TEMPLATE, &not_found()),
    }
}

/// As the link of an email shows it, where one leads there.
fn form_in(form: &'static Form, state: PageState) -> FormView {
    let has_code = form.fields.iter().any(|field| field.name == CODE.name);
    let done = (state == PageState::Done).then(String::new);
    let place = Place { code: has_code.then(|| codes::SAMPLE.to_owned()), done, ..Place::default() };
    let mut view = FormView::of(form, &place);
    match state {
        PageState::New | PageState::Done => view,
        PageState::Wrong => {
            let missing = || FaultView::new(FaultCode::Missing.as_str(), "It is required.");
            if form.fields.iter().filter(|field| view.place(field.name, missing())).count() == 0 {
                view.fail_with(FaultView::link_invalid());
            }
            view
        }
    }
}

fn not_found() -> Refused {
    Refused::new(FaultView::new(ErrorCode::NotFound.as_str(), NOT_FOUND), "./")
}
