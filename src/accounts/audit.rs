//! The table `audit_log`: who did what, when and from where; written in the transaction of the deed.

mod position;

use diesel::dsl::{exists, max, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

pub use self::position::Position;
use crate::error::Result;
use crate::store::prune::{self, Kept};
use crate::store::query::{insertion, row, with_read, with_tx};
use crate::store::schema::audit_log;
use crate::store::types::{Id, Json, UtcTime, to_bigint};
use crate::store::{Db, Transaction};
use crate::telemetry::metrics::DbOperation;
use crate::values::{Origin, Personal};

/// The actor who has not said who it is.
pub(super) const ANONYMOUS: &str = "anonymous";
/// The actor who runs commands.
pub(super) const OPERATOR: &str = "operator";
/// The service itself, which does what it is set to do after a time.
pub(super) const SERVICE: &str = "service";
/// Written out, as in the index of actors, which leaves out those of whom there are very many.
const NOT_ANONYMOUS: &str = "actor <> 'anonymous'";

/// An entry of the trail.
#[derive(Clone, Debug, PartialEq, Queryable)]
pub struct AuditEntry {
    /// A UUIDv7.
    pub id: Uuid,
    /// When it happened, in UTC; kept to the microsecond.
    pub occurred_at: OffsetDateTime,
    /// What happened: `user.registered`.
    pub action: String,
    /// Who did it: `anonymous`, `operator`, `service`, or a user's id.
    pub actor: String,
    /// The user it happened to.
    pub user_id: Option<Uuid>,
    /// The address the request came from.
    pub client_ip: Option<Personal>,
    /// The request's id, as in the log.
    pub request_id: String,
    /// The trace's id, as in the log.
    pub trace_id: String,
    /// What else there is to say; no secrets, and nothing that tells of a person: it stays when the user is erased.
    pub details: serde_json::Value,
}

impl AuditEntry {
    /// What `actor` did, to a user where it is about one, as a request or a command tells of itself; nothing more there is to say.
    pub fn new(
        action: &str,
        actor: &str,
        user_id: impl Into<Option<Uuid>>,
        origin: &Origin,
        at: OffsetDateTime,
    ) -> Self {
        AuditEntry {
            id: Uuid::now_v7(),
            occurred_at: at,
            action: action.to_owned(),
            actor: actor.to_owned(),
            user_id: user_id.into(),
            client_ip: origin.client_ip.map(|address| address.to_string().into()),
            request_id: origin.request_id.clone(),
            trace_id: origin.trace_id.clone(),
            details: json!({}),
        }
    }
}

impl AuditEntry {
    /// Its place in the trail.
    pub fn position(&self) -> Position {
        Position { occurred_at: self.occurred_at, id: self.id }
    }
}

row!(AuditEntry, insertion);

fn insertion(entry: &AuditEntry) -> insertion!() {
    diesel::insert_into(audit_log::table).values((
        audit_log::id.eq(Id(entry.id)),
        audit_log::occurred_at.eq(UtcTime(entry.occurred_at)),
        audit_log::action.eq(&entry.action),
        audit_log::actor.eq(&entry.actor),
        audit_log::user_id.eq(entry.user_id.map(Id)),
        audit_log::client_ip.eq(entry.client_ip.as_ref().map(Personal::expose)),
        audit_log::request_id.eq(&entry.request_id),
        audit_log::trace_id.eq(&entry.trace_id),
        audit_log::details.eq(Json(entry.details.clone())),
    ))
}

/// Writes an entry for what writes nothing else.
///
/// # Errors
/// When the database fails.
pub async fn write(db: &Db, entry: AuditEntry) -> Result<()> {
    db.insert(entry).await
}

/// Takes the addresses out of the trail that a user came from. Says of how many entries.
///
/// # Errors
/// When the database fails.
pub async fn forget_addresses(tx: &mut Transaction, user_id: Uuid) -> Result<usize> {
    let oneself = user_id.to_string();
    with_tx!(tx, DbOperation::ChangeAudit, |conn| async {
        let nowhere = audit_log::client_ip.eq(None::<&str>);
        let with_address = || audit_log::table.filter(audit_log::client_ip.is_not_null());
        // What happened to a user who had not signed in was the user, or somebody who wanted to be.
        let to_user = with_address().filter(audit_log::user_id.eq(Id(user_id))).filter(audit_log::actor.eq(ANONYMOUS));
        let as_anonymous = diesel::update(to_user).set(nowhere).execute(conn).await?;
        let by_user = with_address().filter(audit_log::actor.eq(&oneself)).filter(sql::<Bool>(NOT_ANONYMOUS));
        Ok(as_anonymous + diesel::update(by_user).set(nowhere).execute(conn).await?)
    })
}

/// Some of the entries: those that fit all conditions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// What happened to this user.
    pub user_id: Option<Uuid>,
    /// What this one did: `anonymous`, `operator`, or a user's id.
    pub actor: Option<String>,
    /// What happened: `user.registered`.
    pub action: Option<String>,
    /// What happened then or later.
    pub since: Option<OffsetDateTime>,
    /// What happened before.
    pub until: Option<OffsetDateTime>,
    /// What this request did.
    pub request_id: Option<String>,
    /// What comes behind this place, where the latest comes first; whether there is such an entry does not matter.
    pub after: Option<Position>,
}

/// The latest `limit` entries, latest first; where several are of the same microsecond, that with the greatest id.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db, filter: &AuditFilter, limit: usize) -> Result<Vec<AuditEntry>> {
    with_read!(db, DbOperation::ListAudit, |conn| {
        let mut query = audit_log::table.into_boxed();
        if let Some(user_id) = filter.user_id {
            query = query.filter(audit_log::user_id.eq(Id(user_id)));
        }
        if let Some(actor) = &filter.actor {
            query = query.filter(audit_log::actor.eq(actor));
            if actor != ANONYMOUS {
                query = query.filter(sql::<Bool>(NOT_ANONYMOUS));
            }
        }
        if let Some(action) = &filter.action {
            query = query.filter(audit_log::action.eq(action));
        }
        if let Some(since) = filter.since {
            query = query.filter(audit_log::occurred_at.ge(UtcTime(since)));
        }
        if let Some(until) = filter.until {
            query = query.filter(audit_log::occurred_at.lt(UtcTime(until)));
        }
        if let Some(request_id) = &filter.request_id {
            query = query.filter(audit_log::request_id.eq(request_id));
        }
        if let Some(Position { occurred_at, id }) = filter.after {
            let of_then = audit_log::occurred_at.eq(UtcTime(occurred_at)).and(audit_log::id.lt(Id(id)));
            query = query
                .filter(audit_log::occurred_at.le(UtcTime(occurred_at)))
                .filter(audit_log::occurred_at.lt(UtcTime(occurred_at)).or(of_then));
        }
        query.order((audit_log::occurred_at.desc(), audit_log::id.desc())).limit(to_bigint(limit)).load(conn)
    })
}

/// Whether this happened to a user before.
pub(super) async fn has_happened(tx: &mut Transaction, user_id: Uuid, action: &str) -> Result<bool> {
    with_tx!(tx, DbOperation::ListAudit, |conn| {
        let entries = audit_log::table.filter(audit_log::user_id.eq(Id(user_id)));
        diesel::select(exists(entries.filter(audit_log::action.eq(action)))).get_result(conn)
    })
}

/// When the latest entry was written.
///
/// # Errors
/// When the database fails.
pub async fn newest(db: &Db) -> Result<Option<OffsetDateTime>> {
    with_read!(db, DbOperation::ListAudit, |conn| audit_log::table.select(max(audit_log::occurred_at)).get_result(conn))
}

/// When the latest entry was written of those from before this time.
///
/// # Errors
/// When the database fails.
pub async fn newest_before(db: &Db, time: OffsetDateTime) -> Result<Option<OffsetDateTime>> {
    with_read!(db, DbOperation::ListAudit, |conn| {
        let before = audit_log::table.filter(audit_log::occurred_at.lt(UtcTime(time)));
        before.select(max(audit_log::occurred_at)).get_result(conn)
    })
}

/// Deletes at most `limit` entries from before this time. Says how many; fewer than `limit` means that there are no more.
///
/// # Errors
/// When the database fails.
pub async fn prune(db: &Db, before: OffsetDateTime, limit: usize) -> Result<usize> {
    const ENTRIES: Kept<'_> = Kept { table: "audit_log", key: "id", time: "occurred_at", also: "true" };
    prune::prune(db, ENTRIES, before, limit).await
}
