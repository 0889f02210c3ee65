//! The business: users, and what they do.

pub mod account_email;
mod actor;
pub mod audit;
mod authority;
pub mod change;
mod code_email;
pub mod codes;
pub mod creation;
pub mod directory;
pub mod email_change;
mod endpoints;
pub mod erasure;
pub mod export;
mod id;
mod if_match;
pub mod import;
pub mod keys;
mod new_password;
mod opaque_token;
mod pages;
pub mod password_change;
pub mod password_reset;
mod profile;
mod query;
pub mod registration;
mod rehearsal;
mod retention;
pub mod revocation;
pub mod sessions;
pub mod sign_in;
pub mod topics;
mod trail;
mod unverified;
pub mod users;
pub mod verification;
pub mod webhooks;

pub use self::actor::Actor;
pub use self::authority::Authority;
pub use self::endpoints::{endpoints, refresh_counts};
pub use self::pages::{
    PageState, endpoints as pages, is_form, names as page_names, preview as page_preview, templates as page_templates,
};
pub use self::rehearsal::rehearse;
pub use self::retention::{Retention, prune};
pub use self::unverified::erase as erase_unverified;

use time::OffsetDateTime;

use crate::error::Result;
use crate::store::Db;

/// When the newest row that there is was stored: none later than the last registration.
///
/// # Errors
/// When the database fails.
pub async fn newest(db: &Db) -> Result<Option<OffsetDateTime>> {
    Ok(users::newest(db).await?.max(audit::newest(db).await?))
}
