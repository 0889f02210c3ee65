//! The body of a sign-in.

use crate::http::json_body;
use crate::values::{Email, Password};

json_body! {
    /// Who signs in.
    pub struct Login {
        /// The user's address.
        pub email: Email = "email",
        /// What only the user knows.
        pub password: Password = "password",
    }
}
