//! A form as it is shown: what was typed, what is wrong with it, or that it is done.

use serde::Serialize;

use super::done;
use super::fault::{FaultView, LINK_INVALID, TAKEN, WRONG};
use super::field::{CODE, CURRENT_PASSWORD, EMAIL, Field, NEW_EMAIL, PASSWORD};
use super::forms::Form;
use super::news::News;
use super::place::Place;
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
    /// What was done before.
    news: Option<&'static str>,
    /// The code that a link brought, which is not asked for.
    code: String,
    fields: Vec<FieldView>,
    /// Whose password it is, where that is known: those who keep passwords for people ask.
    username: String,
    /// The address that was typed, with which one goes on elsewhere.
    email: String,
    /// What is wrong besides the fields.
    failure: Option<FaultView>,
    is_done: bool,
    /// What tells a form that is sent twice from two that are alike.
    key: String,
    /// Whether the address has to be verified first.
    is_unverified: bool,
    /// Whether the password was wrong, or too many were.
    is_password_wrong: bool,
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
    fn of(field: &Field) -> Self {
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
            news: place.news.map(News::name),
            fields: fields.map(FieldView::of).collect(),
            code,
            username: String::new(),
            email: String::new(),
            failure: None,
            is_done: place.done.is_some() && form.done.is_some(),
            key: String::new(),
            is_unverified: false,
            is_password_wrong: false,
        }
    }

    /// The form of a password of this user's.
    pub(super) fn of_user(mut self, username: &str) -> Self {
        self.tell_user(username);
        self
    }

    /// Says whose password it is.
    pub(super) fn tell_user(&mut self, username: &str) {
        username.clone_into(&mut self.username);
    }

    /// What tells a form that works once from others.
    pub(super) fn set_key(&mut self, key: &str) {
        key.clone_into(&mut self.key);
    }

    /// Shows this in a field, where there is such a field.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        for shown in self.fields.iter_mut().filter(|shown| shown.field.name == name) {
            value.clone_into(&mut shown.value);
        }
        self
    }

    /// The form once this address was typed.
    pub(super) fn by(self, email: &str) -> Self {
        FormView { email: email.to_owned(), ..self }
    }

    /// Shows what was typed, but for secrets.
    pub(super) fn keep(&mut self, typed: &Typed) {
        typed.text(EMAIL.name).clone_into(&mut self.email);
        for shown in self.fields.iter_mut().filter(|shown| shown.field.is_kept()) {
            typed.text(shown.field.name).clone_into(&mut shown.value);
        }
    }

    /// Says what is wrong, beside the field where it is one's.
    pub(super) fn fail(&mut self, error: &Error) {
        self.is_unverified = matches!(error, Error::EmailNotVerified);
        self.is_password_wrong =
            matches!(error, Error::InvalidCredentials | Error::LoginDelayed { .. } | Error::PasswordLocked);
        let is_placed = match error {
            Error::Validation(faults) => self.place_all(faults),
            // Whoever goes back to a form that has worked, and sends it with another password.
            Error::EmailAlreadyExists | Error::IdempotencyKeyReused => {
                self.place_at(&[EMAIL, NEW_EMAIL], FaultView::new(TAKEN, "It is registered already."))
            }
            Error::ConfirmationWrong => {
                self.place_at(&[CURRENT_PASSWORD, PASSWORD], FaultView::new(WRONG, "It is wrong."))
            }
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

    /// Says what is wrong with the first of these fields that there is, if any.
    fn place_at(&mut self, fields: &[Field], fault: FaultView) -> bool {
        fields.iter().any(|field| self.place(field.name, fault.clone()))
    }

    /// The page.
    pub(super) fn page(&self, app: &App, context: &Context) -> Result<Page> {
        app.pages.show(&context.reader.accept_language, self.form.template, self)
    }

    /// The answer once it is known what came of the form.
    pub(super) fn answer(mut self, app: &App, context: &Context, ended: Result<()>) -> Result<Shown> {
        let Err(error) = ended else { return done::way(app, self.form, &self.email).map(Shown) };
        self.fail(&error);
        self.page(app, context).map(|Page(page)| Shown(with_error(page, error)))
    }
}
