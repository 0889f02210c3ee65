//! Users who are changed, and who go.

use std::fmt;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::User;
use super::address::as_address_taken;
use crate::clock;
use crate::error::{Error, Result};
use crate::language::Language;
use crate::password::PasswordHash;
use crate::store::Transaction;
use crate::store::query::{on_lease, with_tx};
use crate::store::schema::users;
use crate::store::transaction::Connection;
use crate::store::types::{Id, UtcTime, to_micros};
use crate::telemetry::metrics::DbOperation;
use crate::values::Personal;

/// Which state of a user it is: another after each change that others can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(i128);

impl Version {
    /// Reads what it shows itself as.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl User {
    /// Which state of the user this is.
    pub fn version(&self) -> Version {
        Version(self.updated_at.unix_timestamp_nanos() / 1_000)
    }

    /// Whether the password is that of when the user was read before, with the same hash, and the user may use the service.
    pub(crate) fn may_enter_as(&self, before: &User) -> bool {
        self.is_active && self.password_hash == before.password_hash
    }

    /// Whether it is one of these states; any will do where none is named.
    ///
    /// # Errors
    /// [`Error::VersionMismatch`].
    pub(crate) fn expect_one_of(&self, expected: Option<&[Version]>) -> Result<()> {
        match expected {
            Some(versions) if !versions.contains(&self.version()) => Err(Error::VersionMismatch),
            _ => Ok(()),
        }
    }

    /// When the user changes next: later than ever before, whatever the clock says.
    pub(crate) fn next_change(&self) -> OffsetDateTime {
        to_micros(clock::now()).max(self.updated_at + Duration::MICROSECOND)
    }
}

/// The user with this id, whom nobody else changes until the transaction ends. Whoever changes a user, or what is a user's, asks
/// for the user first: so nobody waits for one another.
///
/// # Errors
/// When the database fails.
pub async fn find_to_change(tx: &mut Transaction, id: Uuid) -> Result<Option<User>> {
    let found = match tx.ready().await? {
        // There is one transaction that writes.
        Connection::Sqlite(lease) => on_lease!(lease, DbOperation::FindUser, |conn| async {
            users::table.find(Id(id)).get_result::<User>(conn).await.optional()
        }),
        Connection::Postgres(lease) => on_lease!(lease, DbOperation::FindUser, |conn| async {
            users::table.find(Id(id)).for_update().get_result::<User>(conn).await.optional()
        }),
    };
    tx.note(found)
}

/// Writes the name, the state, the role and the language of a user.
///
/// # Errors
/// When the database fails.
pub async fn replace(tx: &mut Transaction, user: &User) -> Result<()> {
    with_tx!(tx, DbOperation::ChangeUser, |conn| {
        diesel::update(users::table.find(Id(user.id)))
            .set((
                users::full_name.eq(user.full_name.expose()),
                users::is_active.eq(user.is_active),
                users::role.eq(user.role.as_str()),
                users::locale.eq(user.locale.as_ref().map(Language::as_str)),
                users::updated_at.eq(UtcTime(user.updated_at)),
            ))
            .execute(conn)
    })
    .map(drop)
}

/// Writes another hash of a user's password, or the hash of another password.
///
/// # Errors
/// When the database fails.
pub async fn set_password(tx: &mut Transaction, id: Uuid, hash: &PasswordHash) -> Result<()> {
    with_tx!(tx, DbOperation::ChangeUser, |conn| {
        diesel::update(users::table.find(Id(id))).set(users::password_hash.eq(hash.expose())).execute(conn)
    })
    .map(drop)
}

/// Writes that the address is the user's own, since now. Gives the user as it is then.
///
/// # Errors
/// When the database fails.
pub async fn set_verified(tx: &mut Transaction, user: &User) -> Result<User> {
    set_email(tx, user, user.email.clone(), user.email_key.clone()).await
}

/// Writes another address, which is the user's own since now. Gives the user as it is then.
///
/// # Errors
/// [`Error::EmailAlreadyExists`], or when the database fails.
pub async fn set_email(tx: &mut Transaction, user: &User, email: Personal, email_key: Personal) -> Result<User> {
    let (verified_at, updated_at) = (to_micros(clock::now()), user.next_change());
    let written = with_tx!(tx, DbOperation::ChangeUser, |conn| {
        diesel::update(users::table.find(Id(user.id)))
            .set((
                users::email.eq(email.expose()),
                users::email_key.eq(email_key.expose()),
                users::email_verified_at.eq(Some(UtcTime(verified_at))),
                users::updated_at.eq(UtcTime(updated_at)),
            ))
            .execute(conn)
    });
    written.map_err(as_address_taken)?;
    Ok(User { email, email_key, email_verified_at: Some(verified_at), updated_at, ..user.clone() })
}

/// Deletes a user, with the sessions, the tokens and the wrong passwords. Says whether there was such a user.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &mut Transaction, id: Uuid) -> Result<bool> {
    let deleted =
        with_tx!(tx, DbOperation::ChangeUser, |conn| diesel::delete(users::table.find(Id(id))).execute(conn))?;
    Ok(deleted == 1)
}
