//! The table `code_emails`: how many emails with a code an address got of late, whoever had it. What a user was sent goes with the
//! user; this stays for an hour, under a keyed hash of the address.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;

use crate::clock;
use crate::error::Result;
use crate::sealing::HASH_BYTES;
use crate::store::moment::Moment;
use crate::store::prune::{self, Kept};
use crate::store::query::{on_lease, with_tx};
use crate::store::schema::code_emails;
use crate::store::transaction::Connection;
use crate::store::{Db, Transaction};
use crate::telemetry::metrics::DbOperation;

/// The time within which emails count against those who ask for too many.
pub(super) const COUNTED: Duration = Duration::from_secs(3600);

/// An email that is counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct CodeEmailRow {
    /// The hash of its code.
    pub(super) code_hash: [u8; HASH_BYTES],
    /// What emails it counts with.
    pub(super) kind: &'static str,
    /// What the address is counted under.
    pub(super) address_hash: [u8; HASH_BYTES],
}

/// How many other emails of the kind went to the address of late. Until the transaction ends, nobody else is told of this address:
/// of several users who ask at once, each sees what the one before was sent.
pub(super) async fn count_of_late(tx: &mut Transaction, email: &CodeEmailRow) -> Result<usize> {
    wait_for_others(tx, email).await?;
    let count: i64 = with_tx!(tx, DbOperation::Codes, |conn| {
        code_emails::table
            .filter(code_emails::address_hash.eq(email.address_hash.as_slice()))
            .filter(code_emails::purpose.eq(email.kind))
            .filter(code_emails::sent_at.gt(Moment::of(clock::now() - COUNTED)))
            .filter(code_emails::code_hash.ne(email.code_hash.as_slice()))
            .count()
            .get_result(conn)
    })?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// On SQLite one transaction writes at a time.
async fn wait_for_others(tx: &mut Transaction, email: &CodeEmailRow) -> Result<()> {
    let [a, b, c, d, e, f, g, h, ..] = email.address_hash;
    let lock = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
    let locked = match tx.ready().await? {
        Connection::Sqlite(_) => Ok(0),
        Connection::Postgres(lease) => on_lease!(lease, DbOperation::Codes, |conn| {
            diesel::sql_query("SELECT pg_advisory_xact_lock($1)").bind::<BigInt, _>(lock).execute(conn)
        }),
    };
    tx.note(locked).map(drop)
}

/// Counts it. One that was sent before, and is sent again, counts once.
pub(super) async fn note(tx: &mut Transaction, email: &CodeEmailRow) -> Result<()> {
    with_tx!(tx, DbOperation::Codes, |conn| {
        let row = (
            code_emails::code_hash.eq(email.code_hash.as_slice()),
            code_emails::purpose.eq(email.kind),
            code_emails::address_hash.eq(email.address_hash.as_slice()),
            code_emails::sent_at.eq(Moment::now()),
        );
        diesel::insert_into(code_emails::table).values(row).on_conflict_do_nothing().execute(conn)
    })
    .map(drop)
}

/// Removes at most `limit` emails that count no more.
///
/// # Errors
/// When the database fails.
pub async fn prune(db: &Db, now: OffsetDateTime, limit: usize) -> Result<usize> {
    const EMAILS: Kept<'_> = Kept { table: "code_emails", key: "code_hash", time: "sent_at", also: "TRUE" };
    prune::prune(db, EMAILS, now - COUNTED, limit).await
}
