//! Users are found: one by id or address, many a page at a time.

mod endpoint;

use uuid::Uuid;

pub(super) use self::endpoint::endpoints;
use super::users::{self, User};
use crate::error::Result;
use crate::label::labels;
use crate::store::Db;
use crate::values::Email;

/// The most users that may be left out of a list: each costs as much as one that is shown. Whoever wants more goes on after an id.
pub const MAX_SKIP: usize = 10_000;

labels! {
    /// Whether a user may use the service.
    pub enum State("state") {
        /// The user may.
        Active = "active",
        /// The user is switched off.
        Inactive = "inactive",
    }
}

/// How a user is named.
#[derive(Clone, PartialEq, Eq)]
pub enum Who {
    /// By id.
    Id(Uuid),
    /// By address.
    Address(Email),
}

impl std::fmt::Debug for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Who::Id(id) => id.fmt(f),
            Who::Address(email) => email.fmt(f),
        }
    }
}

impl Who {
    /// Reads an id or an address.
    ///
    /// # Errors
    /// What is accepted, where it is neither.
    pub fn parse(text: &str) -> std::result::Result<Self, &'static str> {
        match Uuid::parse_str(text) {
            Ok(id) => Ok(Who::Id(id)),
            Err(_) => Email::parse(text).map(Who::Address).map_err(|_| "accepted: an id or an address"),
        }
    }
}

/// The user who is named so.
///
/// # Errors
/// When the database fails.
pub async fn find(db: &Db, who: &Who) -> Result<Option<User>> {
    match who {
        Who::Id(id) => users::find(db, *id).await,
        Who::Address(email) => users::find_by_key(db, email.key()).await,
    }
}
