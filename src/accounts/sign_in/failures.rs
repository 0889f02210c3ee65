//! The table `login_failures`: wrong passwords in a row for an address, seen by all instances. Each makes the next one wait
//! longer, and after very many none is tried any more.
//!
//! It is by the address, and not by the client: who has many addresses of his own has no more tries. For the same reason an
//! address that is nobody's is counted like any other, under a keyed hash, since it may be a mistyped one, or a password.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Integer, Nullable};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::accounts::users::address_hash;
use crate::config::SignInConfig;
use crate::error::{Error, Result};
use crate::sealing::HASH_BYTES;
use crate::store::moment::Moments;
use crate::store::prune::{Kept, prune};
use crate::store::query::{insertion, row, with_read, with_tx};
use crate::store::schema::{UuidSql, login_failures};
use crate::store::transaction::Connection;
use crate::store::types::Id;
use crate::store::{Db, Transaction};
use crate::telemetry::metrics::DbOperation;

/// The wait after the first wrong password that is not free.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// For how long wrong passwords are remembered after the last one, of nobody as of a user: else it would tell who is one. Where
/// they are so many that none is tried any more, they are remembered until somebody who may forgets them.
const REMEMBERED: Duration = Duration::from_secs(7 * 86_400);

/// Wrong passwords in a row for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    /// How many.
    pub count: u32,
    /// When the last one was.
    pub last: OffsetDateTime,
}

impl From<(i32, OffsetDateTime)> for Failures {
    fn from((count, last): (i32, OffsetDateTime)) -> Self {
        Failures { count: count.unsigned_abs(), last }
    }
}

/// The tries of an address, as they were seen before one more.
#[derive(Clone, Copy, Debug)]
pub struct Tries {
    /// What the address is counted under.
    pub(super) address: [u8; HASH_BYTES],
    pub(super) seen: Failures,
    pub(super) limits: Limits,
}

impl Tries {
    /// Whether one more failure is the last.
    pub(super) fn are_used_up_by_one_more(&self) -> bool {
        self.seen.count + 1 == self.limits.most
    }
}

/// How many are allowed, and how fast.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    free: u32,
    most: u32,
    max_delay: Duration,
}

impl Limits {
    /// As they are set.
    pub fn of(config: &SignInConfig) -> Self {
        Limits { free: config.free_failures, most: config.max_failures, max_delay: config.max_delay }
    }

    /// Whether one more password may be tried now.
    ///
    /// # Errors
    /// [`Error::PasswordLocked`], or [`Error::LoginDelayed`] with the time to wait.
    pub fn admit(&self, failures: &Failures, now: OffsetDateTime) -> Result<()> {
        if failures.count >= self.most {
            return Err(Error::PasswordLocked);
        }
        // A clock that was set back makes nobody wait for longer than this.
        let since = Duration::try_from(now - failures.last).unwrap_or_default();
        match self.delay(failures.count).saturating_sub(since) {
            Duration::ZERO => Ok(()),
            wait => Err(Error::LoginDelayed { retry_after: wait.as_secs_f64().ceil() as u64 }),
        }
    }

    /// The wait after so many failures.
    fn delay(&self, count: u32) -> Duration {
        match count.checked_sub(self.free) {
            None => Duration::ZERO,
            Some(doublings) => FIRST_DELAY.saturating_mul(1 << doublings.min(20)).min(self.max_delay),
        }
    }
}

/// The wrong passwords of an address so far.
pub(super) async fn find(db: &Db, address: &[u8; HASH_BYTES]) -> Result<Failures> {
    let found = with_read!(db, DbOperation::LoginFailures, |conn| async {
        login_failures::table
            .find(address.as_slice())
            .select((login_failures::failures, login_failures::last_failed_at))
            .first::<(i32, OffsetDateTime)>(conn)
            .await
            .optional()
    })?;
    Ok(found.map(Failures::from).unwrap_or(Failures { count: 0, last: OffsetDateTime::UNIX_EPOCH }))
}

/// The wrong passwords of a user so far, if there are any.
///
/// # Errors
/// When the database fails.
pub async fn of_user(db: &Db, user_id: Uuid) -> Result<Option<Failures>> {
    let found = with_read!(db, DbOperation::LoginFailures, |conn| async {
        login_failures::table
            .filter(login_failures::user_id.eq(Id(user_id)))
            .select((login_failures::failures, login_failures::last_failed_at))
            .first::<(i32, OffsetDateTime)>(conn)
            .await
            .optional()
    })?;
    Ok(found.map(Failures::from))
}

/// One more, unless there are more now than were seen and the next one has to wait for those. Says whether it was counted.
pub(super) async fn add(
    tx: &mut Transaction,
    Tries { address, seen, limits }: &Tries,
    user_id: Option<Uuid>,
) -> Result<bool> {
    // Nobody's, where the user is erased meanwhile.
    let (moments, lock) = match tx.ready().await? {
        Connection::Sqlite(_) => (Moments::of_process(), ""),
        Connection::Postgres(_) => (Moments::of_server(), "FOR KEY SHARE"),
    };
    let statement = format!(
        "INSERT INTO login_failures (address_hash, user_id, failures, last_failed_at)
         VALUES ($1, (SELECT id FROM users WHERE id = $2 {lock}), 1, {})
         ON CONFLICT (address_hash) DO UPDATE SET
             failures = login_failures.failures + 1,
             user_id = excluded.user_id,
             last_failed_at = excluded.last_failed_at
         WHERE login_failures.failures <= $4 OR login_failures.failures < $5",
        moments.sql("$3")
    );
    let added = with_tx!(tx, DbOperation::LoginFailures, |conn| {
        diesel::sql_query(statement)
            .bind::<Binary, _>(address.as_slice())
            .bind::<Nullable<UuidSql>, _>(user_id.map(Id))
            .bind::<BigInt, _>(moments.number(moments.now))
            .bind::<Integer, _>(seen.count.cast_signed())
            .bind::<Integer, _>(limits.free.cast_signed())
            .execute(conn)
    })?;
    Ok(added == 1)
}

/// The password was right: those before it are forgotten.
///
/// # Errors
/// [`Error::LoginDelayed`] where there are more now than were seen, for which even the right one has to wait: who tries many at
/// once would learn from it more than one after the other. Or when the database fails.
pub async fn forget_seen(tx: &mut Transaction, Tries { address, seen, limits }: &Tries) -> Result<()> {
    let count = with_tx!(tx, DbOperation::LoginFailures, |conn| async {
        let found = login_failures::table.find(address.as_slice()).select(login_failures::failures);
        found.first::<i32>(conn).await.optional()
    })?;
    let Some(count) = count.map(i32::unsigned_abs) else { return Ok(()) };
    if count > seen.count && count >= limits.free {
        return Err(Error::LoginDelayed { retry_after: 1 });
    }
    forget(tx, address).await
}

/// Forgets the wrong passwords of a user, and says whether there were any: who may, vouches for the user.
///
/// # Errors
/// When the database fails.
pub async fn forget_of(tx: &mut Transaction, user_id: Uuid) -> Result<bool> {
    let forgotten = with_tx!(tx, DbOperation::LoginFailures, |conn| {
        diesel::delete(login_failures::table.filter(login_failures::user_id.eq(Id(user_id)))).execute(conn)
    })?;
    Ok(forgotten > 0)
}

/// That there is a user now: the wrong passwords for the address so far were nobody's. A row, so that it goes to the database
/// with the user's.
#[derive(Clone, Copy)]
pub struct NobodysFailures(pub [u8; HASH_BYTES]);

impl NobodysFailures {
    /// Of this address, which is counted under this key.
    pub fn of(key: &[u8], email_key: &str) -> Self {
        NobodysFailures(address_hash(key, email_key))
    }
}

row!(NobodysFailures, deletion);

fn deletion(failures: &NobodysFailures) -> insertion!() {
    diesel::delete(login_failures::table.find(failures.0.as_slice()))
}

async fn forget(tx: &mut Transaction, address: &[u8; HASH_BYTES]) -> Result<()> {
    with_tx!(tx, DbOperation::LoginFailures, |conn| {
        diesel::delete(login_failures::table.find(address.as_slice())).execute(conn)
    })
    .map(drop)
}

/// Removes at most `limit` of those whose last one was a week ago, and fewer than `most`, after which none is tried any more.
///
/// # Errors
/// When the database fails.
pub async fn prune_old(db: &Db, most: u32, now: OffsetDateTime, limit: usize) -> Result<usize> {
    let also = format!("failures < {most}");
    let old = Kept { table: "login_failures", key: "address_hash", time: "last_failed_at", also: &also };
    prune(db, old, now - REMEMBERED, limit).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { free: 5, most: 100, max_delay: Duration::from_secs(900) };

    #[test]
    fn each_failure_makes_the_next_one_wait_longer() {
        let now = OffsetDateTime::now_utc();
        let wait = |count, ago: i64| {
            let failures = Failures { count, last: now - time::Duration::seconds(ago) };
            match LIMITS.admit(&failures, now) {
                Ok(()) => 0,
                Err(Error::LoginDelayed { retry_after }) => retry_after,
                Err(other) => panic!("{other:?}"),
            }
        };
        assert_eq!([0, 4, 5, 6, 7, 14, 15, 99].map(|count| wait(count, 0)), [0, 0, 1, 2, 4, 512, 900, 900]);
        assert_eq!([wait(7, 3), wait(7, 4), wait(7, -60), wait(99, 899), wait(99, 900)], [1, 0, 4, 1, 0]);
        assert!(matches!(
            LIMITS.admit(&Failures { count: 100, last: OffsetDateTime::UNIX_EPOCH }, now),
            Err(Error::PasswordLocked)
        ));
        let hours: u64 = (0..100).map(|count| LIMITS.delay(count).as_secs()).sum::<u64>() / 3600;
        assert_eq!(hours, 21, "so long it takes to try all");
    }

    #[test]
    fn an_address_is_hashed_with_its_key() {
        assert_eq!(address_hash(b"key", "a@example.com"), address_hash(b"key", "a@example.com"));
        assert_ne!(address_hash(b"key", "a@example.com"), address_hash(b"other", "a@example.com"));
    }
}
