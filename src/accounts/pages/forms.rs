//! The pages that are one form. Their texts are in their templates.

use super::field::{
    CHOSEN_PASSWORD, CODE, CURRENT_PASSWORD, EMAIL, FULL_NAME, Field, NEW_EMAIL, NEW_PASSWORD, PASSWORD, USERNAME,
};

/// A page that is one form. Its texts are in its template.
pub(super) struct Form {
    pub(super) path: &'static str,
    /// Where whoever has sent it is led once that has worked.
    pub(super) done: &'static str,
    pub(super) template: &'static str,
    pub(super) about: &'static str,
    pub(super) fields: &'static [Field],
}

macro_rules! forms {
    ($($name:ident = $page:literal, $about:literal, [$($field:ident),*];)+) => {
        $(pub(super) const $name: Form = Form {
            path: concat!("/account/", $page),
            done: concat!("/account/", $page, "?done"),
            template: concat!($page, ".html"),
            about: $about,
            fields: &[$($field),*],
        };)+

        /// All of them.
        pub(super) const ALL: &[Form] = &[$($name),+];
    };
}

forms! {
    SIGN_UP = "sign-up", "A new account.", [EMAIL, FULL_NAME, CHOSEN_PASSWORD];
    SIGN_IN = "sign-in", "Into an account.", [USERNAME, PASSWORD];
    VERIFY = "verify-email", "That an address is its user's own.", [CODE];
    VERIFY_AGAIN = "send-verification", "Another email for that.", [EMAIL];
    FORGOTTEN = "forgot-password", "An email for another password.", [EMAIL];
    RESET = "reset-password", "Another password.", [CODE, NEW_PASSWORD];
    CHANGE_PASSWORD = "change-password", "Another password for who knows the one so far.", [CURRENT_PASSWORD, NEW_PASSWORD];
    CHANGE_ADDRESS = "change-address", "An email to another address.", [NEW_EMAIL, PASSWORD];
    CHANGE_NAME = "change-name", "Another name.", [FULL_NAME];
    DOWNLOAD = "download-data", "All that is stored of the user, as a file.", [];
    DELETE = "delete-account", "Erases the user.", [PASSWORD];
    CHANGE = "change-email", "Another address.", [CODE];
    UNDO = "undo-email-change", "The address from before.", [CODE];
}
