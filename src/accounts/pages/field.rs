//! The fields that forms have.

use serde::Serialize;

/// A field of a form.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Field {
    pub(super) name: &'static str,
    kind: &'static str,
    autocomplete: &'static str,
}

impl Field {
    const fn new(name: &'static str, kind: &'static str, autocomplete: &'static str) -> Self {
        Field { name, kind, autocomplete }
    }

    /// Whether what was typed is shown again, so that nobody has to type it once more.
    pub(super) fn is_kept(&self) -> bool {
        matches!(self.kind, "email" | "text") && self.name != CODE.name
    }
}

pub(super) const CODE: Field = Field::new("code", "text", "one-time-code");
pub(super) const EMAIL: Field = Field::new("email", "email", "email");
pub(super) const NEW_EMAIL: Field = Field::new("new_email", "email", "email");
pub(super) const USERNAME: Field = Field::new("email", "email", "username");
pub(super) const FULL_NAME: Field = Field::new("full_name", "text", "name");
pub(super) const PASSWORD: Field = Field::new("password", "password", "current-password");
pub(super) const CHOSEN_PASSWORD: Field = Field::new("password", "password", "new-password");
pub(super) const CURRENT_PASSWORD: Field = Field::new("current_password", "password", "current-password");
pub(super) const NEW_PASSWORD: Field = Field::new("new_password", "password", "new-password");
