//! A form as it is shown: what was typed, what is wrong with it, or that it is done.

use serde::Serialize;

use super::field::{CODE, Field};
use super::forms::Form;
use super::place::Place;
use crate::error::{Error, FieldError, Result};
use crate::http::{Page, Typed, with_error};
use crate::state::App;

/// A form as it is shown.
#[derive(Serialize)]
pub(super) struct FormView {
    #[serde(skip)]
    template: &'static str,
    beside: &'static str,
    /// The code that a link brought, which is not asked for.
    code: String,
    fields: Vec<FieldView>,
    /// What is wrong besides the fields.
    failure: Option<String>,
    is_done: bool,
    /// Whether the address has to be verified first.
    is_unverified: bool,
}

/// A field as it is shown.
#[derive(Serialize)]
pub(super) struct FieldView {
    #[serde(flatten)]
    field: Field,
    /// What was typed.
    value: String,
    /// What is wrong with it.
    faults: String,
}

impl FieldView {
    pub(super) fn of(field: &Field) -> Self {
        FieldView { field: *field, value: String::new(), faults: String::new() }
    }
}

impl FormView {
    /// The form, with nothing typed yet.
    pub(super) fn of(form: &Form, place: &Place) -> Self {
        let code = place.code.clone().unwrap_or_default();
        let fields = form.fields.iter().filter(|field| code.is_empty() || field.name != CODE.name);
        FormView {
            template: form.template,
            beside: place.beside,
            fields: fields.map(FieldView::of).collect(),
            code,
            failure: None,
            is_done: false,
            is_unverified: false,
        }
    }

    /// Shows what was typed, but for secrets.
    pub(super) fn keep(&mut self, typed: &Typed) {
        for shown in self.fields.iter_mut().filter(|shown| shown.field.is_kept()) {
            typed.text(shown.field.name).clone_into(&mut shown.value);
        }
    }

    /// Says that it is done.
    pub(super) fn done(self) -> Self {
        FormView { is_done: true, ..self }
    }

    /// Says what is wrong, beside the field where it is one's.
    pub(super) fn fail(&mut self, error: &Error) {
        self.is_unverified = matches!(error, Error::EmailNotVerified);
        let is_placed = match error {
            Error::Validation(faults) => self.place_all(faults),
            Error::EmailAlreadyExists => self.place("email", "is registered already"),
            Error::ConfirmationWrong => self.place("current_password", "is wrong"),
            _ => false,
        };
        if !is_placed {
            self.failure = Some(match error {
                Error::Validation(_) | Error::UnsupportedMediaType => "This is not what the form below sends.".into(),
                other => sentence(&other.detail()),
            });
        }
    }

    fn place_all(&mut self, faults: &[FieldError]) -> bool {
        if let Some(fault) = faults.iter().find(|fault| fault.field == CODE.name && !self.code.is_empty()) {
            self.failure = Some(format!("The code {}.", fault.message));
        }
        let placed = faults.iter().filter(|fault| self.place(&fault.field, &fault.message)).count();
        placed > 0 || self.failure.is_some()
    }

    fn place(&mut self, name: &str, fault: &str) -> bool {
        let Some(shown) = self.fields.iter_mut().find(|shown| shown.field.name == name) else { return false };
        let space = if shown.faults.is_empty() { "" } else { " " };
        shown.faults += &format!("{space}It {fault}.");
        true
    }

    /// The page.
    pub(super) fn page(&self, app: &App) -> Result<Page> {
        app.pages.show(self.template, self)
    }

    /// The page once it is known what came of the form.
    pub(super) fn answer(mut self, app: &App, ended: Result<()>) -> Result<Page> {
        let Err(error) = ended else { return self.done().page(app) };
        self.fail(&error);
        self.page(app).map(|Page(page)| Page(with_error(page, error)))
    }
}

/// What an error says, as people write it.
pub(super) fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", rest.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_error_says_becomes_a_sentence() {
        assert_eq!(sentence("the address is wrong"), "The address is wrong.");
        assert_eq!(sentence("Try again later."), "Try again later.");
    }
}
