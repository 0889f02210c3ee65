//! The table `webhooks_off`: endpoints that want no more events.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::FutureExt;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::accounts::Actor;
use crate::clock;
use crate::error::Result;
use crate::outbox::TopicName;
use crate::store::Db;
use crate::store::query::{with_read, with_tx, with_write};
use crate::store::schema::webhooks_off;
use crate::store::types::{UtcTime, to_micros};
use crate::telemetry::metrics::DbOperation;

/// An endpoint that is switched off.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct Off {
    /// Its topic.
    pub topic: String,
    /// The SHA-256 of the URL that it was at.
    pub url_hash: Vec<u8>,
    /// Since when.
    pub switched_off_at: OffsetDateTime,
}

/// Every endpoint that is switched off.
///
/// # Errors
/// When the database fails.
pub async fn all_off(db: &Db) -> Result<Vec<Off>> {
    with_read!(db, DbOperation::OperateJobs, |conn| webhooks_off::table.load::<Off>(conn))
}

/// Whether the endpoint is switched off that is at this URL.
pub(super) async fn is_off(db: &Db, topic: TopicName, url_hash: &[u8]) -> Result<bool> {
    let hash = with_read!(db, DbOperation::OperateJobs, |conn| async {
        webhooks_off::table.find(topic.as_str()).select(webhooks_off::url_hash).first::<Vec<u8>>(conn).await.optional()
    })?;
    Ok(hash.is_some_and(|hash| hash == url_hash))
}

/// Switches the endpoint off that is at this URL. Says whether it was on.
pub(super) async fn switch_off(db: &Db, topic: TopicName, url_hash: &[u8]) -> Result<bool> {
    let at = UtcTime(to_micros(clock::now()));
    with_write!(db, DbOperation::OperateJobs, |conn| {
        let elsewhere = webhooks_off::table.find(topic.as_str()).filter(webhooks_off::url_hash.ne(url_hash));
        diesel::delete(elsewhere).execute(conn)
    })?;
    let added = with_write!(db, DbOperation::OperateJobs, |conn| {
        diesel::insert_into(webhooks_off::table)
            .values((
                webhooks_off::topic.eq(topic.as_str()),
                webhooks_off::url_hash.eq(url_hash),
                webhooks_off::switched_off_at.eq(at),
            ))
            .on_conflict_do_nothing()
            .execute(conn)
    })?;
    Ok(added == 1)
}

/// An operator switches an endpoint on again. Says whether it was off.
///
/// # Errors
/// When the database fails.
pub async fn switch_on(db: &Db, topic: TopicName) -> Result<bool> {
    db.transaction(move |tx| {
        async move {
            let removed = with_tx!(tx, DbOperation::OperateJobs, |conn| {
                diesel::delete(webhooks_off::table.find(topic.as_str())).execute(conn)
            })?;
            if removed > 0 {
                let details = json!({ "topic": topic.as_str() });
                tx.insert(Actor::operator().entry("webhook.switched_on", None::<Uuid>, details));
            }
            Ok(removed > 0)
        }
        .boxed()
    })
    .await
}
