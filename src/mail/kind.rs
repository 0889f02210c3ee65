//! What emails there are.

use crate::label::labels;

labels! {
    /// What an email tells. Its templates are named after it.
    pub enum MailKind("kind") {
        /// There is an account now; please show that the address is yours.
        Welcome = "welcome",
        /// The same plea again.
        VerifyEmail = "verify_email",
        /// Somebody has forgotten the password, and can choose another one.
        ResetPassword = "reset_password",
        /// Somebody registered an address that is taken: to its owner.
        AddressTaken = "address_taken",
        /// The password is another one now.
        PasswordChanged = "password_changed",
        /// To a new address: is it to be the account's?
        ChangeEmail = "change_email",
        /// To the address of before: it is not the account's any more.
        EmailChanged = "email_changed",
        /// The address of before is the account's again: a password can be chosen.
        EmailRestored = "email_restored",
    }
}

impl MailKind {
    /// The page where the code of such an email is used; none where it carries no code.
    pub const fn page(self) -> Option<&'static str> {
        match self {
            MailKind::Welcome | MailKind::VerifyEmail => Some("verify-email"),
            MailKind::ResetPassword | MailKind::AddressTaken | MailKind::EmailRestored => Some("reset-password"),
            MailKind::ChangeEmail => Some("change-email"),
            MailKind::EmailChanged => Some("undo-email-change"),
            MailKind::PasswordChanged => None,
        }
    }
}
