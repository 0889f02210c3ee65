//! The business: users, and what they do.

pub mod audit;
mod authority;
mod endpoints;
mod id;
pub mod import;
pub mod keys;
mod profile;
pub mod registration;
mod rehearsal;
mod retention;
pub mod sessions;
pub mod sign_in;
pub mod topics;
pub mod users;

pub use self::authority::Authority;
pub use self::endpoints::{endpoints, refresh_counts};
pub use self::rehearsal::rehearse;
pub use self::retention::prune;

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
