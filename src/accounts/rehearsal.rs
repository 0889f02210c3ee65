//! A registration of nobody, which shows whether one of somebody could be written.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::audit::AuditEntry;
use super::codes;
use super::registration::WelcomeEmail;
use super::sign_in::NobodysFailures;
use super::users::{Role, User};
use crate::error::Result;
use crate::outbox::{NewJob, Payload, Topic};
use crate::sealing::HASH_BYTES;
use crate::store::Transaction;
use crate::store::query::with_tx;
use crate::store::schema::{audit_log, outbox_jobs, users};
use crate::store::types::Id;
use crate::telemetry::metrics::DbOperation;

/// Inserts what a registration inserts, for an address that is none, and deletes it.
pub fn rehearse(tx: &mut Transaction) -> BoxFuture<'_, Result<()>> {
    let (user, entry, job) = rows_of_nobody();
    let (user_id, entry_id, job_id) = (user.id, entry.id, job.id);
    tx.insert(user);
    tx.insert(entry);
    tx.insert(job);
    tx.insert(NobodysFailures([0; HASH_BYTES]));
    async move {
        // A registration asks for it, since addresses are kept for those who had them.
        codes::first_undo_to(tx, user_id, "").await?;
        with_tx!(tx, DbOperation::Rehearse, |conn| async {
            diesel::delete(users::table.find(Id(user_id))).execute(conn).await?;
            diesel::delete(audit_log::table.find(Id(entry_id))).execute(conn).await?;
            diesel::delete(outbox_jobs::table.find(Id(job_id))).execute(conn).await
        })
        .map(drop)
    }
    .boxed()
}

fn rows_of_nobody() -> (User, AuditEntry, NewJob) {
    let (id, now) = (Uuid::now_v7(), OffsetDateTime::now_utc());
    let name = format!("rehearsal {id}");
    let user = User {
        id,
        email: name.clone().into(),
        email_key: name.clone().into(),
        full_name: name.clone().into(),
        password_hash: name.clone().into(),
        is_active: false,
        created_at: now,
        updated_at: now,
        email_verified_at: None,
        role: Role::User,
        locale: None,
    };
    let entry = AuditEntry {
        id: Uuid::now_v7(),
        occurred_at: now,
        action: "rehearsal".to_owned(),
        actor: "neodyme".to_owned(),
        user_id: Some(id),
        client_ip: None,
        request_id: name.clone(),
        trace_id: name.clone(),
        details: Value::Null,
    };
    let job = NewJob {
        id: Uuid::now_v7(),
        topic: WelcomeEmail::ABOUT.name,
        payload: Payload::new(Value::Null),
        user_id: Some(id),
        request_id: name.clone(),
        traceparent: name,
        created_at: now,
    };
    (user, entry, job)
}
