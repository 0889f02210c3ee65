//! Users a page at a time: ids are in the order of registration, so that a page costs the same wherever it begins.

use std::ops::Range;

use diesel::dsl::{not, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{Role, User};
use crate::error::Result;
use crate::label::labels;
use crate::store::Db;
use crate::store::query::with_read;
use crate::store::schema::users;
use crate::store::types::{Id, UtcTime, to_bigint};
use crate::telemetry::metrics::DbOperation;
use crate::values::AddressPrefix;

/// The clocks of an id and of its user's registration differ by less.
const CLOCKS_DIFFER: Duration = Duration::days(1);
/// The bits of an id behind its milliseconds since 1970 (RFC 9562, 5.7).
const BITS_BEHIND_MILLIS: u32 = 80;

labels! {
    /// In which order users are listed.
    pub enum Order("order") {
        /// Who registered first comes first.
        Asc = "asc",
        /// Who registered last comes first.
        Desc = "desc",
    }
}

/// Some of the users: those who fit all conditions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// Those who may use the service, or those who may not.
    pub is_active: Option<bool>,
    /// Those with this role.
    pub role: Option<Role>,
    /// Those who registered then or later.
    pub since: Option<OffsetDateTime>,
    /// Those who registered before.
    pub until: Option<OffsetDateTime>,
    /// Those whose address begins so.
    pub address: Option<AddressPrefix>,
}

/// A page of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The last one of the page before; whether there is such a user does not matter.
    pub after: Option<Uuid>,
    /// In which order.
    pub order: Order,
    /// So many are left out. Each costs as much as one that is listed.
    pub skip: usize,
    /// The most that are listed.
    pub limit: usize,
}

/// The users of a page.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db, filter: &UserFilter, page: &Page) -> Result<Vec<User>> {
    with_read!(db, DbOperation::FindUser, |conn| {
        let mut query = users::table.into_boxed();
        // Written out, as in the indexes that hold only those who are not like most.
        match filter.is_active {
            Some(true) => query = query.filter(users::is_active),
            Some(false) => query = query.filter(not(users::is_active)),
            None => {}
        }
        if let Some(role) = filter.role {
            query = query.filter(users::role.eq(role.as_str()));
            if role != Role::User {
                query = query.filter(sql::<Bool>("role <> 'user'"));
            }
        }
        if let Some(since) = filter.since {
            query = query
                .filter(users::created_at.ge(UtcTime(since)))
                .filter(users::id.ge(id_at(since.saturating_sub(CLOCKS_DIFFER))));
        }
        if let Some(until) = filter.until {
            query = query
                .filter(users::created_at.lt(UtcTime(until)))
                .filter(users::id.lt(id_at(until.saturating_add(CLOCKS_DIFFER))));
        }
        if let Some(prefix) = &filter.address {
            query = query.filter(users::email_key.ge(prefix.first())).filter(users::email_key.lt(prefix.end()));
        }
        match (page.order, page.after) {
            (Order::Asc, Some(after)) => query = query.filter(users::id.gt(Id(after))),
            (Order::Desc, Some(after)) => query = query.filter(users::id.lt(Id(after))),
            (_, None) => {}
        }
        let ordered = match page.order {
            Order::Asc => query.order(users::id.asc()),
            Order::Desc => query.order(users::id.desc()),
        };
        ordered.offset(to_bigint(page.skip)).limit(to_bigint(page.limit)).load::<User>(conn)
    })
}

/// Those who came to be at one of these times, and were last changed before their end, in the order of that, after this one, whose
/// address is not verified, and who may no more than all may.
///
/// # Errors
/// When the database fails.
pub async fn unverified(db: &Db, after: Uuid, times: Range<OffsetDateTime>, limit: usize) -> Result<Vec<Uuid>> {
    let Range { start, end } = times;
    with_read!(db, DbOperation::FindUser, |conn| {
        users::table
            .filter(users::id.gt(Id(after)))
            .filter(users::id.ge(id_at(start.saturating_sub(CLOCKS_DIFFER))))
            .filter(users::id.lt(id_at(end)))
            .filter(users::created_at.ge(UtcTime(start)))
            .filter(users::created_at.lt(UtcTime(end)))
            .filter(users::updated_at.lt(UtcTime(end)))
            .filter(users::email_verified_at.is_null())
            .filter(users::role.eq(Role::User.as_str()))
            .order(users::id.asc())
            .limit(to_bigint(limit))
            .select(users::id)
            .load::<Uuid>(conn)
    })
}

/// The least id of this time.
fn id_at(time: OffsetDateTime) -> Id {
    let millis = (time.unix_timestamp_nanos() / 1_000_000).max(0).unsigned_abs();
    Id(Uuid::from_u128(millis << BITS_BEHIND_MILLIS))
}
