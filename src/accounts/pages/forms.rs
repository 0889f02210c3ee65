//! The pages that are one form. Their texts are in their templates.

use super::field::{
    CHOSEN_PASSWORD, CODE, CURRENT_PASSWORD, EMAIL, FULL_NAME, Field, NEW_EMAIL, NEW_PASSWORD, PASSWORD, USERNAME,
};

/// A page that is one form. Its texts are in its template.
pub(super) struct Form {
    pub(super) path: &'static str,
    /// Where whoever has sent it is led once that has worked, where its own page says so.
    pub(super) done: Option<&'static str>,
    pub(super) template: &'static str,
    pub(super) about: &'static str,
    pub(super) fields: &'static [Field],
}

macro_rules! forms {
    (@done $page:literal) => { None };
    (@done $page:literal says_so) => { Some(concat!("/account/", $page, "?done")) };
    ($($name:ident = $page:literal, $about:literal, [$($field:ident),*] $($says_so:ident)?;)+) => {
        $(pub(super) const $name: Form = Form {
            path: concat!("/account/", $page),
            done: forms!(@done $page $($says_so)?),
            template: concat!($page, ".html"),
            about: $about,
            fields: &[$($field),*],
        };)+

        /// All of them.
        pub(super) const ALL: &[Form] = &[$($name),+];
    };
}

forms! {
    SIGN_UP = "sign-up", "A new account.", [EMAIL, FULL_NAME, CHOSEN_PASSWORD] says_so;
    SIGN_IN = "sign-in", "Into an account.", [USERNAME, PASSWORD];
    VERIFY = "verify-email", "That an address is its user's own.", [CODE] says_so;
    VERIFY_AGAIN = "send-verification", "Another email for that.", [EMAIL] says_so;
    FORGOTTEN = "forgot-password", "An email for another password.", [EMAIL] says_so;
    RESET = "reset-password", "Another password.", [CODE, NEW_PASSWORD] says_so;
    CHANGE_PASSWORD = "change-password", "Another password for who knows the one so far.", [CURRENT_PASSWORD, NEW_PASSWORD] says_so;
    CHANGE_ADDRESS = "change-address", "An email to another address.", [NEW_EMAIL, PASSWORD];
    CHANGE_NAME = "change-name", "Another name.", [FULL_NAME];
    DOWNLOAD = "download-data", "All that is stored of the user, as a file.", [];
    DELETE = "delete-account", "Erases the user.", [PASSWORD];
    CHANGE = "change-email", "Another address.", [CODE] says_so;
    UNDO = "undo-email-change", "The address from before.", [CODE] says_so;
}
