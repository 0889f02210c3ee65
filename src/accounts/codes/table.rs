//! The table `one_time_codes`.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use super::emails::COUNTED;
use crate::clock;
use crate::error::Result;
use crate::sealing::HASH_BYTES;
use crate::store::moment::Moment;
use crate::store::prune::{self, Kept};
use crate::store::query::{with_read, with_tx};
use crate::store::schema::one_time_codes;
use crate::store::types::{Id, UtcTime};
use crate::store::{Db, Transaction};
use crate::telemetry::metrics::{CodePurpose, DbOperation};
use crate::values::Personal;

/// How long codes are kept that cannot be used any more: longer than they count.
pub(super) const KEPT: Duration = Duration::from_secs(86_400);

/// A code, as the database knows it.
#[derive(Clone, Debug)]
pub struct CodeRow {
    /// Its SHA-256.
    pub hash: [u8; HASH_BYTES],
    /// What it is for.
    pub purpose: CodePurpose,
    /// Whose it is.
    pub user_id: Uuid,
    /// The address that it is of, as its user writes it.
    pub email: Personal,
    /// That address in the form in which it is unique.
    pub email_key: Personal,
    /// The session that asked for it, where it is good for nothing without.
    pub session_id: Option<Uuid>,
    /// How long it can be used from now on.
    pub lifetime: Duration,
}

/// Whose a code is, and of which address.
#[derive(Clone, Debug, Queryable)]
pub struct Bound {
    /// Whose.
    pub user_id: Uuid,
    /// Of which address.
    pub email: Personal,
    /// That address in the form in which it is unique.
    pub email_key: Personal,
    /// The session that asked for it.
    pub session_id: Option<Uuid>,
    /// When it began to be good for something.
    pub created_at: OffsetDateTime,
}

/// The columns of [`Bound`].
const BOUND: (
    one_time_codes::user_id,
    one_time_codes::email,
    one_time_codes::email_key,
    one_time_codes::session_id,
    one_time_codes::created_at,
) = (
    one_time_codes::user_id,
    one_time_codes::email,
    one_time_codes::email_key,
    one_time_codes::session_id,
    one_time_codes::created_at,
);

/// What became of a code that was to be good for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issued {
    /// It is so for the first time.
    New,
    /// It was so before, and is so for longer.
    Again,
    /// It was used, or made useless by another one.
    Spent,
}

/// A code is good for something from now on. One that was so before, and not used, is so for longer.
///
/// # Errors
/// When the database fails.
pub async fn issue(tx: &mut Transaction, code: &CodeRow) -> Result<Issued> {
    let (now, end) = (Moment::now(), Moment::of(clock::now() + code.lifetime));
    with_tx!(tx, DbOperation::Codes, |conn| async {
        let row = (
            one_time_codes::code_hash.eq(code.hash.as_slice()),
            one_time_codes::purpose.eq(code.purpose.as_str()),
            one_time_codes::user_id.eq(Id(code.user_id)),
            one_time_codes::email.eq(code.email.expose()),
            one_time_codes::email_key.eq(code.email_key.expose()),
            one_time_codes::session_id.eq(code.session_id.map(Id)),
            one_time_codes::created_at.eq(now),
            one_time_codes::expires_at.eq(end),
        );
        let inserted =
            diesel::insert_into(one_time_codes::table).values(row).on_conflict_do_nothing().execute(conn).await?;
        if inserted == 1 {
            return Ok(Issued::New);
        }
        let prolonged = diesel::update(one_time_codes::table.find(code.hash.as_slice()))
            .filter(one_time_codes::used_at.is_null())
            .set(one_time_codes::expires_at.eq(end))
            .execute(conn)
            .await?;
        Ok(if prolonged == 1 { Issued::Again } else { Issued::Spent })
    })
}

/// Whose a code is that can be used.
///
/// # Errors
/// When the database fails.
pub async fn find(db: &Db, hash: &[u8; HASH_BYTES], purpose: CodePurpose) -> Result<Option<Bound>> {
    with_read!(db, DbOperation::Codes, |conn| async {
        one_time_codes::table
            .find(hash.as_slice())
            .filter(one_time_codes::purpose.eq(purpose.as_str()))
            .filter(one_time_codes::used_at.is_null())
            .filter(one_time_codes::expires_at.gt(Moment::now()))
            .select(BOUND)
            .first::<Bound>(conn)
            .await
            .optional()
    })
}

/// Whose a code was that is spent since this time: used up, or made useless by another one where `has_worked` is not asked for.
///
/// # Errors
/// When the database fails.
pub(super) async fn find_spent(
    db: &Db,
    hash: &[u8; HASH_BYTES],
    purpose: CodePurpose,
    within: Duration,
    has_worked: bool,
) -> Result<Option<Bound>> {
    with_read!(db, DbOperation::Codes, |conn| async {
        one_time_codes::table
            .find(hash.as_slice())
            .filter(one_time_codes::purpose.eq(purpose.as_str()))
            .filter(one_time_codes::used_at.gt(Moment::of(clock::now() - within).nullable()))
            .filter(
                one_time_codes::used_at
                    .eq(one_time_codes::expires_at.nullable())
                    .or((!has_worked).into_sql::<Nullable<Bool>>()),
            )
            .select(BOUND)
            .first::<Bound>(conn)
            .await
            .optional()
    })
}

/// Uses a code up. Says whether it could be used: of many at once, one does. Whoever does has asked for its user before. One that
/// has worked ends then, which tells it from those that another one has made useless.
///
/// # Errors
/// When the database fails.
pub async fn spend(tx: &mut Transaction, hash: &[u8; HASH_BYTES]) -> Result<bool> {
    let now = Moment::now();
    let used = with_tx!(tx, DbOperation::Codes, |conn| {
        diesel::update(one_time_codes::table.find(hash.as_slice()))
            .filter(one_time_codes::used_at.is_null())
            .filter(one_time_codes::expires_at.gt(now))
            .set((one_time_codes::used_at.eq(now.nullable()), one_time_codes::expires_at.eq(now)))
            .execute(conn)
    })?;
    Ok(used == 1)
}

/// Makes all codes of a user for this purpose useless.
///
/// # Errors
/// When the database fails.
pub async fn spend_all_of(tx: &mut Transaction, user_id: Uuid, purpose: CodePurpose) -> Result<usize> {
    spend_all_but(tx, user_id, purpose, &[]).await
}

/// The same but for the code of this hash.
pub(super) async fn spend_all_but(
    tx: &mut Transaction,
    user_id: Uuid,
    purpose: CodePurpose,
    hash: &[u8],
) -> Result<usize> {
    with_tx!(tx, DbOperation::Codes, |conn| {
        diesel::update(one_time_codes::table)
            .filter(one_time_codes::user_id.eq(Id(user_id)))
            .filter(one_time_codes::purpose.eq(purpose.as_str()))
            .filter(one_time_codes::code_hash.ne(hash))
            .filter(one_time_codes::used_at.is_null())
            .set(one_time_codes::used_at.eq(Moment::now().nullable()))
            .execute(conn)
    })
}

/// Makes the codes of a user useless that take back later changes of the address than this one does.
///
/// # Errors
/// When the database fails.
pub async fn spend_later_undos(tx: &mut Transaction, bound: &Bound) -> Result<usize> {
    with_tx!(tx, DbOperation::Codes, |conn| {
        diesel::update(one_time_codes::table)
            .filter(one_time_codes::user_id.eq(Id(bound.user_id)))
            .filter(one_time_codes::purpose.eq(CodePurpose::UndoEmailChange.as_str()))
            .filter(one_time_codes::created_at.gt(UtcTime(bound.created_at)))
            .filter(one_time_codes::used_at.is_null())
            .set(one_time_codes::used_at.eq(Moment::now().nullable()))
            .execute(conn)
    })
}

/// The first of the codes with which a user can still take back a change from this address.
///
/// # Errors
/// When the database fails.
pub async fn first_undo_to(tx: &mut Transaction, user_id: Uuid, email_key: &str) -> Result<Option<Bound>> {
    with_tx!(tx, DbOperation::Codes, |conn| async {
        one_time_codes::table
            .filter(one_time_codes::user_id.eq(Id(user_id)))
            .filter(one_time_codes::purpose.eq(CodePurpose::UndoEmailChange.as_str()))
            .filter(one_time_codes::email_key.eq(email_key))
            .filter(one_time_codes::used_at.is_null())
            .filter(one_time_codes::expires_at.gt(Moment::now()))
            .order(one_time_codes::created_at)
            .select(BOUND)
            .first::<Bound>(conn)
            .await
            .optional()
    })
}

/// How many other codes for this purpose there were of late, for this user or of this address.
pub(super) async fn count_of_late(tx: &mut Transaction, code: &CodeRow) -> Result<usize> {
    let count: i64 = with_tx!(tx, DbOperation::Codes, |conn| {
        one_time_codes::table
            .filter(one_time_codes::purpose.eq(code.purpose.as_str()))
            .filter(one_time_codes::code_hash.ne(code.hash.as_slice()))
            .filter(one_time_codes::created_at.gt(Moment::of(clock::now() - COUNTED)))
            .filter(
                one_time_codes::user_id.eq(Id(code.user_id)).or(one_time_codes::email_key.eq(code.email_key.expose())),
            )
            .count()
            .get_result(conn)
    })?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// The addresses that codes of a user are of, in both forms.
///
/// # Errors
/// When the database fails.
pub async fn addresses_of(tx: &mut Transaction, user_id: Uuid) -> Result<Vec<(Personal, Personal)>> {
    with_tx!(tx, DbOperation::Codes, |conn| {
        one_time_codes::table
            .filter(one_time_codes::user_id.eq(Id(user_id)))
            .select((one_time_codes::email, one_time_codes::email_key))
            .distinct()
            .load(conn)
    })
}

/// Removes at most `limit` codes that could not be used for a day.
///
/// # Errors
/// When the database fails.
pub async fn prune(db: &Db, now: OffsetDateTime, limit: usize) -> Result<usize> {
    const CODES: Kept<'_> = Kept { table: "one_time_codes", key: "code_hash", time: "expires_at", also: "TRUE" };
    prune::prune(db, CODES, now - KEPT, limit).await
}
