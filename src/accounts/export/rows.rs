//! What only an export reads: also what has expired and is not removed yet.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::accounts::sessions::Session;
use crate::error::Result;
use crate::store::Db;
use crate::store::query::with_read;
use crate::store::schema::{one_time_codes, refresh_tokens, registration_keys, sessions};
use crate::store::types::Id;
use crate::telemetry::metrics::DbOperation;
use crate::values::Personal;

/// When a refresh token was made, used and will expire.
#[derive(Queryable)]
pub(super) struct TokenTimes {
    pub(super) session_id: Uuid,
    pub(super) created_at: OffsetDateTime,
    pub(super) expires_at: OffsetDateTime,
    pub(super) rotated_at: Option<OffsetDateTime>,
}

/// When there was a code, and of which address.
#[derive(Queryable)]
pub(super) struct CodeTimes {
    pub(super) purpose: String,
    pub(super) email: Personal,
    pub(super) created_at: OffsetDateTime,
    pub(super) expires_at: OffsetDateTime,
    pub(super) used_at: Option<OffsetDateTime>,
}

pub(super) async fn sessions(db: &Db, user_id: Uuid) -> Result<Vec<Session>> {
    with_read!(db, DbOperation::Sessions, |conn| {
        sessions::table.filter(sessions::user_id.eq(Id(user_id))).order(sessions::id.desc()).load::<Session>(conn)
    })
}

pub(super) async fn tokens(db: &Db, user_id: Uuid) -> Result<Vec<TokenTimes>> {
    with_read!(db, DbOperation::Sessions, |conn| {
        refresh_tokens::table
            .inner_join(sessions::table)
            .filter(sessions::user_id.eq(Id(user_id)))
            .order(refresh_tokens::created_at)
            .select((
                refresh_tokens::session_id,
                refresh_tokens::created_at,
                refresh_tokens::expires_at,
                refresh_tokens::rotated_at,
            ))
            .load::<TokenTimes>(conn)
    })
}

pub(super) async fn codes(db: &Db, user_id: Uuid) -> Result<Vec<CodeTimes>> {
    with_read!(db, DbOperation::Codes, |conn| {
        one_time_codes::table
            .filter(one_time_codes::user_id.eq(Id(user_id)))
            .order(one_time_codes::created_at)
            .select((
                one_time_codes::purpose,
                one_time_codes::email,
                one_time_codes::created_at,
                one_time_codes::expires_at,
                one_time_codes::used_at,
            ))
            .load::<CodeTimes>(conn)
    })
}

pub(super) async fn registration_key(db: &Db, user_id: Uuid) -> Result<Option<OffsetDateTime>> {
    with_read!(db, DbOperation::FindUser, |conn| async {
        registration_keys::table
            .filter(registration_keys::user_id.eq(Id(user_id)))
            .select(registration_keys::created_at)
            .first::<OffsetDateTime>(conn)
            .await
            .optional()
    })
}
