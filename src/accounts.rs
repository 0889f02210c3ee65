//! The business: users, and what they do.

pub mod audit;
mod endpoints;
pub mod import;
pub mod registration;
mod rehearsal;
mod retention;
pub mod topics;
pub mod users;

pub use self::endpoints::{endpoints, refresh_users};
pub use self::rehearsal::rehearse;
pub use self::retention::prune_audit;

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
