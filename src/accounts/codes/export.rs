//! What an export tells of codes.

use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::table::{Life, lives_of};
use crate::error::Result;
use crate::store::Db;
use crate::values::timestamp;

/// A code that an email carried, but for what makes it one.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ExportedCode {
    /// What it was for.
    purpose: String,
    /// The address that it is of.
    email: String,
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    created_at: OffsetDateTime,
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    expires_at: OffsetDateTime,
    #[serde(serialize_with = "timestamp::option::serialize")]
    #[schemars(with = "Option<timestamp::Moment>")]
    used_at: Option<OffsetDateTime>,
}

/// The codes of a user that are kept.
///
/// # Errors
/// When the database fails.
pub async fn of_user(db: &Db, user_id: Uuid) -> Result<Vec<ExportedCode>> {
    let exported = |Life { purpose, email, created_at, expires_at, used_at }| ExportedCode {
        purpose,
        email: email.into_exposed(),
        created_at,
        expires_at,
        used_at,
    };
    Ok(lives_of(db, user_id).await?.into_iter().map(exported).collect())
}
