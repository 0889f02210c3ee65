//! What emails there are.

use crate::label::labels;
use crate::telemetry::metrics::CodePurpose;

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
        /// The user has chosen another password, and said the one of before.
        PasswordChanged = "password_changed",
        /// Somebody has chosen another password with the code of an email.
        PasswordReplaced = "password_replaced",
        /// To a new address: is it to be the account's?
        ChangeEmail = "change_email",
        /// To the address of before: it is not the account's any more.
        EmailChanged = "email_changed",
        /// The address of before is the account's again: a password can be chosen.
        EmailRestored = "email_restored",
    }
}

impl MailKind {
    /// What the code of such an email is for; none where it carries no code.
    pub const fn purpose(self) -> Option<CodePurpose> {
        match self {
            MailKind::Welcome | MailKind::VerifyEmail => Some(CodePurpose::VerifyEmail),
            MailKind::ResetPassword | MailKind::AddressTaken | MailKind::EmailRestored => {
                Some(CodePurpose::ResetPassword)
            }
            MailKind::ChangeEmail => Some(CodePurpose::ChangeEmail),
            MailKind::EmailChanged => Some(CodePurpose::UndoEmailChange),
            MailKind::PasswordChanged | MailKind::PasswordReplaced => None,
        }
    }

    /// The page that it leads to: where its code is used, or where who has not done what it tells asks for another password.
    pub fn page(self) -> &'static str {
        match self.purpose() {
            Some(CodePurpose::VerifyEmail) => "verify-email",
            Some(CodePurpose::ResetPassword) => "reset-password",
            Some(CodePurpose::ChangeEmail) => "change-email",
            Some(CodePurpose::UndoEmailChange) => "undo-email-change",
            None => "forgot-password",
        }
    }
}
