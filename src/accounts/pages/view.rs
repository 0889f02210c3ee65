//! A form as it is shown: what was typed, what is wrong with it, or that it is done.

use serde::Serialize;

use super::done;
use super::fault::{FaultView, LINK_INVALID, TAKEN, WRONG};
use super::field::{CODE, EMAIL, Field};
use super::forms::Form;
use super::place::{Notice, Place};
use crate::error::{Error, FieldError, Result};
use crate::http::{Context, Page, Shown, Typed, with_error};
use crate::state::App;
use crate::values::FaultCode;

/// A form as it is shown.
#[derive(Serialize)]
pub(super) struct FormView {
    #[serde(skip)]
    form: &'static Form,
    beside: &'static str,
    /// The code that a link brought, which is not asked for.
    code: String,
    fields: Vec<FieldView>,
    /// Whose password it is, where that is known: those who keep passwords for people ask.
    username: String,
    /// What is wrong besides the fields.
    failure: Option<FaultView>,
    is_done: bool,
    /// The address that was typed, once it is done.
    address: String,
    /// What tells a form that is sent twice from two that are alike.
    key: String,
    /// Why whoever came here has to sign in.
    notice: Option<Notice>,
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
    faults: Vec<FaultView>,
}

impl FieldView {
    pub(super) fn of(field: &Field) -> Self {
        FieldView { field: *field, value: String::new(), faults: Vec::new() }
    }
}

impl FormView {
    /// The form, with nothing typed yet.
    pub(super) fn of(form: &'static Form, place: &Place) -> Self {
        let code = place.code.clone().unwrap_or_default();
        let fields = form.fields.iter().filter(|field| code.is_empty() || field.name != CODE.name);
        FormView {
            form,
            beside: place.beside,
            fields: fields.map(FieldView::of).collect(),
            code,
            username: String::new(),
            failure: None,
            is_done: place.done.is_some(),
            address: String::new(),
            key: String::new(),
            notice: place.notice,
            is_unverified: false,
        }
    }

    /// The form of a password of this user's.
    pub(super) fn of_user(self, username: &str) -> Self {
        FormView { username: username.to_owned(), ..self }
    }

    /// A form that works once, with what tells it from others.
    pub(super) fn set_key(&mut self, key: &str) {
        key.clone_into(&mut self.key);
    }

    /// Shows what was typed, but for secrets.
    pub(super) fn keep(&mut self, typed: &Typed) {
        for shown in self.fields.iter_mut().filter(|shown| shown.field.is_kept()) {
            typed.text(shown.field.name).clone_into(&mut shown.value);
        }
    }

    /// Says with which address it was done.
    pub(super) fn done_with(self, address: String) -> Self {
        FormView { is_done: true, address, ..self }
    }

    /// Says what is wrong, beside the field where it is one's.
    pub(super) fn fail(&mut self, error: &Error) {
        self.is_unverified = matches!(error, Error::EmailNotVerified);
        let is_placed = match error {
            Error::Validation(faults) => self.place_all(faults),
            // Whoever goes back to a form that has worked, and sends it with another password.
            Error::EmailAlreadyExists | Error::IdempotencyKeyReused => {
                self.place("email", FaultView::new(TAKEN, "It is registered already."))
            }
            Error::ConfirmationWrong => self.place("current_password", FaultView::new(WRONG, "It is wrong.")),
            _ => false,
        };
        if !is_placed {
            self.fail_with(FaultView::of_error(error));
        }
    }

    /// Says what is wrong besides the fields.
    pub(super) fn fail_with(&mut self, failure: FaultView) {
        self.failure = Some(failure);
    }

    fn place_all(&mut self, faults: &[FieldError]) -> bool {
        let is_of_link = |fault: &&FieldError| fault.field == CODE.name && fault.code == FaultCode::Invalid.as_str();
        if let Some(fault) = faults.iter().find(is_of_link).filter(|_| !self.code.is_empty()) {
            self.fail_with(FaultView::new(LINK_INVALID, format!("The code {}.", fault.message)));
        }
        let placed = faults.iter().filter(|fault| self.place(&fault.field, FaultView::of_field(fault))).count();
        placed > 0 || self.failure.is_some()
    }

    /// Says what is wrong with a field, where there is such a field.
    pub(super) fn place(&mut self, name: &str, fault: FaultView) -> bool {
        let shown = self.fields.iter_mut().find(|shown| shown.field.name == name);
        shown.map(|shown| shown.faults.push(fault)).is_some()
    }

    /// The page.
    pub(super) fn page(&self, app: &App, context: &Context) -> Result<Page> {
        app.pages.show(&context.reader.accept_language, self.form.template, self)
    }

    /// The answer once it is known what came of the form.
    pub(super) fn answer(mut self, app: &App, context: &Context, ended: Result<()>) -> Result<Shown> {
        let Err(error) = ended else { return done::way(app, self.form, self.typed_address()).map(Shown) };
        self.fail(&error);
        self.page(app, context).map(|Page(page)| Shown(with_error(page, error)))
    }

    fn typed_address(&self) -> &str {
        let typed = self.fields.iter().find(|shown| shown.field.name == EMAIL.name);
        typed.map_or("", |shown| &shown.value)
    }
}
