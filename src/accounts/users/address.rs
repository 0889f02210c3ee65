//! Whether an address is somebody's.

use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::sealing::{self, HASH_BYTES};
use crate::store::error::is_unique_violation;
use crate::store::moment::Moment;
use crate::store::query::{with_read, with_tx};
use crate::store::schema::{one_time_codes, users};
use crate::store::types::Id;
use crate::store::{Db, Transaction};
use crate::telemetry::metrics::{CodePurpose, DbOperation};
use crate::values::{Fault, FaultCode};

/// What an address is counted under where nobody need have it, with the key that all instances have.
pub fn address_hash(key: &[u8], email_key: &str) -> [u8; HASH_BYTES] {
    sealing::keyed_hash(key, email_key.as_bytes())
}

/// That a code keeps its address for a user who had it until a while ago, and can take that back.
macro_rules! keeps_address {
    () => {
        one_time_codes::purpose
            .eq(CodePurpose::UndoEmailChange.as_str())
            .and(one_time_codes::used_at.is_null())
            .and(one_time_codes::expires_at.gt(Moment::now()))
    };
}

/// Is this address registered, or kept for a user who had it until a while ago and can take that back? What is `but`'s own does
/// not count. Of those who come at the same time, the transaction that writes one has the last word.
///
/// # Errors
/// When the database fails.
pub async fn email_exists(db: &Db, email_key: &str, but: Option<Uuid>) -> Result<bool> {
    let but = Id(but.unwrap_or_default());
    with_read!(db, DbOperation::EmailExists, |conn| {
        let registered = exists(users::table.filter(users::email_key.eq(email_key)).filter(users::id.ne(but)));
        let kept = exists(
            one_time_codes::table
                .filter(one_time_codes::email_key.eq(email_key))
                .filter(one_time_codes::user_id.ne(but))
                .filter(keeps_address!()),
        );
        diesel::select(registered.or(kept)).get_result(conn)
    })
}

/// That an address is refused since it is [kept](kept_among).
pub fn kept_for_another() -> Error {
    const WHY: &str = "is kept for a user who had it until lately, and who can take the change of it back";
    Error::Validation(vec![Fault::new(FaultCode::Kept, WHY).of("email")])
}

/// Whether the address of a user whom this transaction inserts is kept for another. To be asked after the insertion: that waits
/// for a change of the address that is under way.
///
/// # Errors
/// When the database fails.
pub async fn is_kept(tx: &mut Transaction, email_key: &str) -> Result<bool> {
    with_tx!(tx, DbOperation::EmailExists, |conn| {
        let kept = one_time_codes::table.filter(one_time_codes::email_key.eq(email_key)).filter(keeps_address!());
        diesel::select(exists(kept)).get_result(conn)
    })
}

/// Those of these addresses that are registered.
///
/// # Errors
/// When the database fails.
pub async fn registered_among(db: &Db, email_keys: &[&str]) -> Result<Vec<String>> {
    with_read!(db, DbOperation::EmailExists, |conn| {
        users::table.filter(users::email_key.eq_any(email_keys)).select(users::email_key).load::<String>(conn)
    })
}

/// Those of these addresses that nobody has, and that are kept for a user who had it until a while ago and can take that back.
///
/// # Errors
/// When the database fails.
pub async fn kept_among(db: &Db, email_keys: &[&str]) -> Result<Vec<String>> {
    with_read!(db, DbOperation::EmailExists, |conn| {
        let registered = users::table.filter(users::email_key.eq(one_time_codes::email_key));
        one_time_codes::table
            .filter(one_time_codes::email_key.eq_any(email_keys))
            .filter(keeps_address!())
            .filter(not(exists(registered)))
            .select(one_time_codes::email_key)
            .load::<String>(conn)
    })
}

/// Those of these users, all of whom this transaction tried to insert, who are there and whose address is kept for another, with the
/// address. To be asked after the insertion, as [`is_kept`] is.
///
/// # Errors
/// When the database fails.
pub async fn kept_of(tx: &mut Transaction, ids: impl Iterator<Item = Uuid>) -> Result<Vec<(Uuid, String)>> {
    let ids: Vec<Id> = ids.map(Id).collect();
    with_tx!(tx, DbOperation::EmailExists, |conn| {
        let kept =
            one_time_codes::table.filter(one_time_codes::email_key.eq(users::email_key)).filter(keeps_address!());
        let of_these = users::table.filter(users::id.eq_any(ids)).filter(exists(kept));
        of_these.select((users::id, users::email_key)).load::<(Uuid, String)>(conn)
    })
}

/// What a transaction that inserted a user failed with: a violated constraint is an address that is taken.
pub fn as_address_taken(error: Error) -> Error {
    match is_unique_violation(&error, "users_email_key_unique", "users.email_key") {
        true => Error::EmailAlreadyExists,
        false => error,
    }
}
