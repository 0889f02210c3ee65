//! The codes that emails carry.

use super::declare::{CounterBy, metrics};
use crate::label::labels;

labels! {
    /// What a code that an email carries is for.
    pub enum CodePurpose("purpose") {
        /// Shows that an address is its user's own.
        VerifyEmail = "verify_email",
        /// Lets somebody choose another password who has forgotten it.
        ResetPassword = "reset_password",
        /// Makes another address the user's.
        ChangeEmail = "change_email",
        /// Makes the address before that the user's again.
        UndoEmailChange = "undo_email_change",
    }
}

labels! {
    /// What happens to codes.
    pub enum CodeEvent("event") {
        /// Somebody asked for one.
        Asked = "asked",
        /// There is one, and its email is on its way.
        Issued = "issued",
        /// There is none: nobody has the address, or too many were asked for, or none is needed; the line `Code withheld` says which.
        Withheld = "withheld",
        /// One was used.
        Used = "used",
        /// One was presented that is none, was used, or is too old.
        Refused = "refused",
    }
}

metrics! { init;
    CODES: CounterBy<(CodePurpose, CodeEvent)> = "email_codes_total", "Codes that emails carry, by what they are for and what happened: asked for, issued, withheld, used, refused. That a code goes with a welcome is issued, and not asked for.";
}

/// Something happened to a code.
pub fn email_code(purpose: CodePurpose, event: CodeEvent) {
    CODES.at((purpose, event)).inc();
}
