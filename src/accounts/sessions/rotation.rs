//! The table `refresh_tokens`: each token is used once, and gives the next one (RFC 9700, 4.14).

use std::time::Duration;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use super::session::{Session, touch};
use crate::clock;
use crate::error::Result;
use crate::sealing::HASH_BYTES;
use crate::store::moment::Moment;
use crate::store::prune::{Kept, prune};
use crate::store::query::{insertion, row, with_read, with_tx};
use crate::store::schema::{refresh_tokens, sessions, users};
use crate::store::types::Id;
use crate::store::{Db, Transaction};
use crate::telemetry::metrics::DbOperation;

/// A client with two tabs refreshes twice, and is no thief.
pub const GRACE: Duration = Duration::from_secs(10);

/// A token that was not used yet.
pub struct TokenRow {
    /// What it is known by.
    pub hash: [u8; HASH_BYTES],
    /// Whose it is.
    pub session_id: Uuid,
    /// Since when there is it.
    pub created_at: OffsetDateTime,
    /// Until when it is of use.
    pub expires_at: OffsetDateTime,
}

row!(TokenRow, insertion);

fn insertion(token: &TokenRow) -> insertion!() {
    diesel::insert_into(refresh_tokens::table).values((
        refresh_tokens::token_hash.eq(token.hash.as_slice()),
        refresh_tokens::session_id.eq(Id(token.session_id)),
        refresh_tokens::created_at.eq(Moment::of(token.created_at)),
        refresh_tokens::expires_at.eq(Moment::of(token.expires_at)),
    ))
}

impl TokenRow {
    /// The token with this hash, as the next one of a session.
    pub fn next(hash: [u8; HASH_BYTES], session: &Session) -> Self {
        let Session { id, last_used_at, expires_at, .. } = session;
        TokenRow { hash, session_id: *id, created_at: *last_used_at, expires_at: *expires_at }
    }
}

/// The session of a token that has not expired, used or not, and whether its user may use the service.
///
/// # Errors
/// When the database fails.
pub async fn find_session(db: &Db, hash: &[u8; HASH_BYTES]) -> Result<Option<(Session, bool)>> {
    with_read!(db, DbOperation::Sessions, |conn| async {
        refresh_tokens::table
            .inner_join(sessions::table.inner_join(users::table))
            .filter(refresh_tokens::token_hash.eq(hash.as_slice()))
            .filter(refresh_tokens::expires_at.gt(Moment::now()))
            .select((sessions::all_columns, users::is_active))
            .first::<(Session, bool)>(conn)
            .await
            .optional()
    })
}

/// What became of a token that was to be used.
pub(super) enum Rotated {
    /// It was used: the next one is in force.
    Now,
    /// It was used a moment ago, and this was sealed with it.
    Before(Vec<u8>),
    /// It was used long ago: its session has ended.
    Again,
    /// There is none such any more.
    Gone,
}

/// Uses a token up. The session is asked for first, by everybody: whoever ends it asks in the same order.
pub(super) async fn rotate(
    tx: &mut Transaction,
    old: &[u8; HASH_BYTES],
    session: &Session,
    next: TokenRow,
    sealed: Vec<u8>,
) -> Result<Rotated> {
    if !touch(tx, session).await? {
        return Ok(Rotated::Gone);
    }
    if use_up(tx, old, sealed).await? {
        wipe_successors(tx, session.id).await?;
        tx.insert(next);
        return Ok(Rotated::Now);
    }
    Ok(match find_used(tx, old).await? {
        None => Rotated::Gone,
        Some((_, Some(sealed), true)) => Rotated::Before(sealed),
        Some(_) => Rotated::Again,
    })
}

/// Says whether it was not used before.
async fn use_up(tx: &mut Transaction, hash: &[u8; HASH_BYTES], sealed: Vec<u8>) -> Result<bool> {
    let used = with_tx!(tx, DbOperation::Sessions, |conn| {
        diesel::update(refresh_tokens::table.filter(refresh_tokens::token_hash.eq(hash.as_slice())))
            .filter(refresh_tokens::rotated_at.is_null())
            .filter(refresh_tokens::expires_at.gt(Moment::now()))
            .set((
                refresh_tokens::rotated_at.eq(Moment::now().nullable()),
                refresh_tokens::successor.eq(Some(sealed.as_slice())),
            ))
            .execute(conn)
    })?;
    Ok(used == 1)
}

/// What was sealed is of no use once it is not given out any more.
async fn wipe_successors(tx: &mut Transaction, session_id: Uuid) -> Result<usize> {
    with_tx!(tx, DbOperation::Sessions, |conn| {
        diesel::update(refresh_tokens::table.filter(refresh_tokens::session_id.eq(Id(session_id))))
            .filter(refresh_tokens::successor.is_not_null())
            .filter(refresh_tokens::rotated_at.lt(Moment::of(clock::now() - GRACE).nullable()))
            .set(refresh_tokens::successor.eq(None::<&[u8]>))
            .execute(conn)
    })
}

/// When a token was used, what was sealed with it, and whether that was a moment ago.
type Used = (OffsetDateTime, Option<Vec<u8>>, bool);

async fn find_used(tx: &mut Transaction, hash: &[u8; HASH_BYTES]) -> Result<Option<Used>> {
    let of_late = refresh_tokens::rotated_at.assume_not_null().gt(Moment::of(clock::now() - GRACE));
    with_tx!(tx, DbOperation::Sessions, |conn| async {
        refresh_tokens::table
            .filter(refresh_tokens::token_hash.eq(hash.as_slice()))
            .filter(refresh_tokens::rotated_at.is_not_null())
            .filter(refresh_tokens::expires_at.gt(Moment::now()))
            .select((refresh_tokens::rotated_at.assume_not_null(), refresh_tokens::successor, of_late))
            .first::<Used>(conn)
            .await
            .optional()
    })
}

/// Removes at most `limit` tokens that expired before this time.
///
/// # Errors
/// When the database fails.
pub async fn prune_expired_tokens(db: &Db, before: OffsetDateTime, limit: usize) -> Result<usize> {
    const TOKENS: Kept<'_> = Kept { table: "refresh_tokens", key: "token_hash", time: "expires_at", also: "true" };
    prune(db, TOKENS, before, limit).await
}
