//! Users who are changed, and who go.

use std::fmt;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::User;
use crate::clock;
use crate::error::Result;
use crate::store::Transaction;
use crate::store::query::with_tx;
use crate::store::schema::users;
use crate::store::types::{Id, UtcTime, to_micros};
use crate::telemetry::metrics::DbOperation;

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

    /// When the user changes next: later than ever before, whatever the clock says.
    pub(crate) fn next_change(&self) -> OffsetDateTime {
        to_micros(clock::now()).max(self.updated_at + Duration::MICROSECOND)
    }
}

/// The user with this id.
///
/// # Errors
/// When the database fails.
pub async fn find_in(tx: &mut Transaction, id: Uuid) -> Result<Option<User>> {
    with_tx!(tx, DbOperation::FindUser, |conn| async { users::table.find(Id(id)).first::<User>(conn).await.optional() })
}

/// Writes the name, the state and the role of a user. Says no where somebody else was faster.
///
/// # Errors
/// When the database fails.
pub async fn replace(tx: &mut Transaction, before: &User, after: &User) -> Result<bool> {
    let replaced = with_tx!(tx, DbOperation::ChangeUser, |conn| {
        diesel::update(users::table.find(Id(before.id)))
            .filter(users::updated_at.eq(UtcTime(before.updated_at)))
            .set((
                users::full_name.eq(after.full_name.expose()),
                users::is_active.eq(after.is_active),
                users::role.eq(after.role.as_str()),
                users::updated_at.eq(UtcTime(after.updated_at)),
            ))
            .execute(conn)
    })?;
    Ok(replaced == 1)
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
