//! The table `audit_log`: who did what, when and from where; written in the transaction of the deed.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use super::query::{on_tx, with_read};
use super::schema::audit_log;
use super::types::{Id, Instant, Json};
use super::{Db, Tx};
use crate::error::Result;
use crate::metrics::DbOperation;

/// An entry to be written.
#[derive(Clone, Debug)]
pub struct NewAuditEntry {
    /// A UUIDv7.
    pub id: Uuid,
    /// When it happened; kept to the microsecond.
    pub occurred_at: OffsetDateTime,
    /// What happened: `user_registered`.
    pub action: String,
    /// Who did it: `anonymous`, or a user's id.
    pub actor: String,
    /// The user it happened to.
    pub user_id: Option<Uuid>,
    /// The address the request came from.
    pub client_ip: Option<String>,
    /// The request's id, as in the log.
    pub request_id: String,
    /// The trace's id, as in the log.
    pub trace_id: String,
    /// What else there is to say; no secrets.
    pub details: serde_json::Value,
}

/// An entry of one user, as stored.
#[derive(Clone, Debug, PartialEq, Queryable)]
pub struct AuditEntry {
    /// A UUIDv7.
    #[diesel(deserialize_as = Id)]
    pub id: Uuid,
    /// When it happened, in UTC.
    #[diesel(deserialize_as = Instant)]
    pub occurred_at: OffsetDateTime,
    /// What happened.
    pub action: String,
    /// Who did it.
    pub actor: String,
    /// The address the request came from.
    pub client_ip: Option<String>,
    /// The request's id.
    pub request_id: String,
    /// The trace's id.
    pub trace_id: String,
    /// What else there is to say.
    #[diesel(deserialize_as = Json)]
    pub details: serde_json::Value,
}

/// Writes an entry.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &mut Tx, entry: &NewAuditEntry) -> Result<()> {
    on_tx!(tx, DbOperation::InsertAudit, |conn| {
        diesel::insert_into(audit_log::table)
            .values((
                audit_log::id.eq(Id(entry.id)),
                audit_log::occurred_at.eq(Instant(entry.occurred_at)),
                audit_log::action.eq(&entry.action),
                audit_log::actor.eq(&entry.actor),
                audit_log::user_id.eq(entry.user_id.map(Id)),
                audit_log::client_ip.eq(&entry.client_ip),
                audit_log::request_id.eq(&entry.request_id),
                audit_log::trace_id.eq(&entry.trace_id),
                audit_log::details.eq(Json(entry.details.clone())),
            ))
            .execute(conn)
    })
    .map(|_rows| ())
}

/// What happened to a user, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn list_for_user(db: &Db, user_id: Uuid) -> Result<Vec<AuditEntry>> {
    with_read!(db, DbOperation::ListAudit, |conn| {
        audit_log::table
            .filter(audit_log::user_id.eq(Id(user_id)))
            .select((
                audit_log::id,
                audit_log::occurred_at,
                audit_log::action,
                audit_log::actor,
                audit_log::client_ip,
                audit_log::request_id,
                audit_log::trace_id,
                audit_log::details,
            ))
            .order((audit_log::occurred_at, audit_log::id))
            .load(conn)
    })
}
