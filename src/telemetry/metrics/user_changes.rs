//! What is done to users who are there.

use super::declare::{CounterBy, metrics};
use crate::label::labels;

labels! {
    /// What became of a user: in the audit trail `user.` and this.
    pub enum UserChange("change") {
        /// There is another name.
        Renamed = "renamed",
        /// The user has another password.
        PasswordChanged = "password_changed",
        /// The user has another password without having known the one before, by a code from an email.
        PasswordReset = "password_reset",
        /// The address was shown to be the user's own.
        Verified = "verified",
        /// The user has another address.
        EmailChanged = "email_changed",
        /// The user has the address of before again, by a code from an email.
        EmailRestored = "email_restored",
        /// The user may not use the service any more.
        Deactivated = "deactivated",
        /// The user may use the service again.
        Activated = "activated",
        /// The user may do other things than before.
        RoleChanged = "role_changed",
        /// The user is written to in another language.
        LanguageChanged = "language_changed",
        /// Somebody got all that is stored of the user.
        Exported = "exported",
        /// The user is gone.
        Erased = "erased",
    }
}

labels! {
    /// Who did it.
    pub enum ChangedBy("by") {
        /// The user.
        Oneself = "oneself",
        /// Somebody else who may.
        Another = "another",
    }
}

metrics! { init;
    CHANGES: CounterBy<(UserChange, ChangedBy)> = "user_changes_total", "What was done to users through the API, and whether they did it themselves or somebody else who may. Commands are not counted; the audit trail has them.";
}

/// A user was changed.
pub fn user_changed(change: UserChange, by: ChangedBy) {
    CHANGES.at((change, by)).inc();
}
