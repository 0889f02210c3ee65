//! A password that somebody chooses.

use super::fields::text_field;
use super::{Fault, Password};

/// A password that somebody chooses, so that more is asked of it than that it can be read:
/// [`PasswordPolicy`](crate::password_policy::PasswordPolicy) says whether it may be taken, and how long it has to be.
#[derive(Clone, Debug)]
pub struct NewPassword(Password);

impl NewPassword {
    /// Reads a password that may be as short as it likes.
    ///
    /// # Errors
    /// A [`Fault`] that says what is wrong, without the password.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        Password::normalise(text).map(NewPassword)
    }

    /// The password that was chosen.
    pub fn as_password(&self) -> &Password {
        &self.0
    }
}

/// The keyword that says which setting the least length in a schema follows from.
pub const LENGTH_SET_BY: &str = "x-min-length-set-by";

// As long as it has to be where nothing else is set.
text_field!(NewPassword, "NewPassword", {
    "type": "string", "format": "password", "minLength": 15, "maxLength": 128, LENGTH_SET_BY: "password_min_characters",
});
