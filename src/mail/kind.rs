//! What emails there are.

use crate::label::labels;

labels! {
    /// What an email tells. Its templates are named after it.
    pub enum MailKind("kind") {
        /// There is an account now.
        Welcome = "welcome",
        /// The password is another one now.
        PasswordChanged = "password_changed",
    }
}
