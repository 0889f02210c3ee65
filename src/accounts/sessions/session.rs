//! The table `sessions`.

use std::net::IpAddr;

use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use super::device::Device;
use crate::accounts::users::User;
use crate::clock;
use crate::config::SignInConfig;
use crate::error::Result;
use crate::http::Context;
use crate::store::moment::Moment;
use crate::store::prune::{Kept, prune};
use crate::store::query::{insertion, row, with_read, with_tx};
use crate::store::schema::{sessions, users};
use crate::store::types::{Id, to_bigint, to_micros};
use crate::store::{Db, Transaction};
use crate::telemetry::metrics::DbOperation;
use crate::tokens::Caller;
use crate::values::Personal;

/// A user who stays signed in, somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct Session {
    /// A UUIDv7.
    pub id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// When it began.
    pub created_at: OffsetDateTime,
    /// When it was last refreshed.
    pub last_used_at: OffsetDateTime,
    /// When it ends unless it is refreshed.
    pub expires_at: OffsetDateTime,
    /// The address it was last used from.
    pub client_ip: Option<Personal>,
    /// What it was last used with.
    pub user_agent: Option<Personal>,
    /// The hash of what a browser keeps, where it began on the pages.
    pub cookie_hash: Option<Vec<u8>>,
}

impl Session {
    /// A session that begins now.
    pub fn begin(
        user_id: Uuid,
        device: &Device,
        client_ip: IpAddr,
        config: &SignInConfig,
        now: OffsetDateTime,
    ) -> Self {
        Session {
            id: Uuid::now_v7(),
            user_id,
            created_at: now,
            last_used_at: now,
            expires_at: end(now, now, config),
            client_ip: Some(client_ip.to_string().into()),
            user_agent: device.0.clone(),
            cookie_hash: None,
        }
    }

    /// The session as it is once it is used by this request.
    pub(super) fn used_by(self, context: &Context, device: Device, config: &SignInConfig) -> Self {
        let now = to_micros(clock::now());
        Session {
            last_used_at: now,
            expires_at: end(self.created_at, now, config),
            client_ip: Some(context.client_ip.to_string().into()),
            user_agent: device.0,
            ..self
        }
    }

    /// Who calls with a token of it.
    pub fn caller(&self) -> Caller {
        Caller { user_id: self.user_id, session_id: self.id }
    }
}

/// When a session ends that is used now.
pub(super) fn end(created_at: OffsetDateTime, now: OffsetDateTime, config: &SignInConfig) -> OffsetDateTime {
    (now + config.session_idle).min(created_at + config.session_lifetime)
}

row!(Session, insertion);

fn insertion(session: &Session) -> insertion!() {
    diesel::insert_into(sessions::table).values((
        sessions::id.eq(Id(session.id)),
        sessions::user_id.eq(Id(session.user_id)),
        sessions::created_at.eq(Moment::of(session.created_at)),
        sessions::last_used_at.eq(Moment::of(session.last_used_at)),
        sessions::expires_at.eq(Moment::of(session.expires_at)),
        sessions::client_ip.eq(session.client_ip.as_ref().map(Personal::expose)),
        sessions::user_agent.eq(session.user_agent.as_ref().map(Personal::expose)),
        sessions::cookie_hash.eq(session.cookie_hash.as_deref()),
    ))
}

/// The session is used. Says whether it goes on.
pub(super) async fn touch(tx: &mut Transaction, session: &Session) -> Result<bool> {
    let touched = with_tx!(tx, DbOperation::Sessions, |conn| {
        diesel::update(sessions::table.filter(sessions::id.eq(Id(session.id))))
            .filter(sessions::expires_at.gt(Moment::now()))
            .set((
                sessions::last_used_at.eq(Moment::of(session.last_used_at)),
                sessions::expires_at.eq(Moment::of(session.expires_at)),
                sessions::client_ip.eq(session.client_ip.as_ref().map(Personal::expose)),
                sessions::user_agent.eq(session.user_agent.as_ref().map(Personal::expose)),
            ))
            .execute(conn)
    })?;
    Ok(touched == 1)
}

/// The user who calls, as long as the session goes on and the user is not switched off.
///
/// # Errors
/// When the database fails.
pub async fn holder(db: &Db, caller: Caller) -> Result<Option<User>> {
    with_read!(db, DbOperation::Sessions, |conn| async {
        sessions::table
            .inner_join(users::table)
            .filter(sessions::id.eq(Id(caller.session_id)))
            .filter(sessions::user_id.eq(Id(caller.user_id)))
            .filter(sessions::expires_at.gt(Moment::now()))
            .filter(users::is_active)
            .select(users::all_columns)
            .first::<User>(conn)
            .await
            .optional()
    })
}

/// The sessions of a user that go on, the latest first.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db, user_id: Uuid) -> Result<Vec<Session>> {
    with_read!(db, DbOperation::Sessions, |conn| {
        sessions::table
            .filter(sessions::user_id.eq(Id(user_id)))
            .filter(sessions::expires_at.gt(Moment::now()))
            .order(sessions::id.desc())
            .load::<Session>(conn)
    })
}

/// How many sessions go on.
///
/// # Errors
/// When the database fails.
pub async fn count(db: &Db) -> Result<i64> {
    with_read!(db, DbOperation::Sessions, |conn| {
        sessions::table.filter(sessions::expires_at.gt(Moment::now())).count().get_result(conn)
    })
}

/// Ends those of a user's sessions that were not used for longest, so that `most` are left. Says how many.
///
/// # Errors
/// When the database fails.
pub async fn keep_latest(tx: &mut Transaction, user_id: Uuid, most: usize) -> Result<usize> {
    with_tx!(tx, DbOperation::Sessions, |conn| async {
        let of_user = sessions::table.filter(sessions::user_id.eq(Id(user_id)));
        let too_many = of_user
            .order((sessions::last_used_at.desc(), sessions::id.desc()))
            .select(sessions::id)
            .offset(to_bigint(most))
            .limit(i64::from(i32::MAX))
            .load::<Uuid>(conn)
            .await?;
        if too_many.is_empty() {
            return Ok(0);
        }
        let too_many: Vec<_> = too_many.into_iter().map(Id).collect();
        diesel::delete(sessions::table.filter(sessions::id.eq_any(too_many))).execute(conn).await
    })
}

/// Ends a session. Says whether it went on.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &mut Transaction, caller: Caller) -> Result<bool> {
    let deleted = with_tx!(tx, DbOperation::Sessions, |conn| {
        let session = sessions::table.filter(sessions::id.eq(Id(caller.session_id)));
        diesel::delete(session.filter(sessions::user_id.eq(Id(caller.user_id)))).execute(conn)
    })?;
    Ok(deleted == 1)
}

/// Ends all sessions of a user. Says how many there were.
///
/// # Errors
/// When the database fails.
pub async fn delete_all(tx: &mut Transaction, user_id: Uuid) -> Result<usize> {
    with_tx!(tx, DbOperation::Sessions, |conn| {
        diesel::delete(sessions::table.filter(sessions::user_id.eq(Id(user_id)))).execute(conn)
    })
}

/// Whether the caller's session goes on.
///
/// # Errors
/// When the database fails.
pub async fn goes_on(tx: &mut Transaction, caller: Caller) -> Result<bool> {
    with_tx!(tx, DbOperation::Sessions, |conn| {
        let session = sessions::table.filter(sessions::id.eq(Id(caller.session_id)));
        let session = session.filter(sessions::user_id.eq(Id(caller.user_id)));
        diesel::select(exists(session.filter(sessions::expires_at.gt(Moment::now())))).get_result(conn)
    })
}

/// Ends all sessions of a user but this one. Says how many there were.
///
/// # Errors
/// When the database fails.
pub async fn delete_others(tx: &mut Transaction, caller: Caller) -> Result<usize> {
    with_tx!(tx, DbOperation::Sessions, |conn| {
        let others = sessions::table.filter(sessions::user_id.eq(Id(caller.user_id)));
        diesel::delete(others.filter(sessions::id.ne(Id(caller.session_id)))).execute(conn)
    })
}

/// Removes at most `limit` sessions that expired before this time.
///
/// # Errors
/// When the database fails.
pub async fn prune_expired(db: &Db, before: OffsetDateTime, limit: usize) -> Result<usize> {
    const SESSIONS: Kept<'_> = Kept { table: "sessions", key: "id", time: "expires_at", also: "true" };
    prune(db, SESSIONS, before, limit).await
}
