//! The audit trail: found by what an operator knows, kept as long as it should be.

use crate::common::rows::Rows;
use neodyme::accounts::audit::{self, AuditEntry, AuditFilter};
use neodyme::store::types::to_micros;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::common::database::Backend;
use crate::fixture::{Storage, audit_entry, insert};
use crate::on_both_databases;

on_both_databases!(
    entries_are_found_by_each_condition_latest_first,
    no_entry_of_one_moment_is_lost_between_pages,
    old_entries_are_pruned_in_batches,
);

const NONE: [Uuid; 0] = [];

/// Entries of so many hours ago.
async fn write(storage: &Storage, hours_ago: &[i64]) -> Vec<AuditEntry> {
    let now = to_micros(OffsetDateTime::now_utc());
    let entry = |hours: &i64| AuditEntry { occurred_at: now - Duration::hours(*hours), ..audit_entry(Uuid::now_v7()) };
    let entries: Vec<_> = hours_ago.iter().map(entry).collect();
    insert(&storage.db, Rows { audit: entries.to_vec(), ..Rows::default() }).await.unwrap();
    entries
}

fn ids(entries: &[AuditEntry]) -> Vec<Uuid> {
    entries.iter().map(|entry| entry.id).collect()
}

async fn entries_are_found_by_each_condition_latest_first(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    let entries = write(&storage, &[3, 1, 2]).await;
    let list = async |filter: AuditFilter| ids(&audit::list(&storage.db, &filter, 9).await.unwrap());
    let [third, first, second] = [0, 1, 2].map(|n: usize| &entries[n]);
    let any = AuditFilter::default;

    assert_eq!(list(any()).await, [first.id, second.id, third.id]);
    assert_eq!(ids(&audit::list(&storage.db, &any(), 1).await.unwrap()), [first.id]);
    assert_eq!(list(AuditFilter { user_id: second.user_id, ..any() }).await, [second.id]);
    assert_eq!(list(AuditFilter { user_id: Some(Uuid::now_v7()), ..any() }).await, NONE);
    assert_eq!(list(AuditFilter { request_id: Some(third.request_id.clone()), ..any() }).await, [third.id]);
    assert_eq!(list(AuditFilter { action: Some("user_registered".into()), ..any() }).await.len(), 3);
    assert_eq!(list(AuditFilter { action: Some("user_deleted".into()), ..any() }).await, NONE);
    let (since, until) = (Some(second.occurred_at), Some(first.occurred_at));
    assert_eq!(list(AuditFilter { since, ..any() }).await, [first.id, second.id]);
    assert_eq!(list(AuditFilter { since, until, ..any() }).await, [second.id]);
    assert_eq!(list(AuditFilter { since, until, user_id: third.user_id, ..any() }).await, NONE);
}

async fn no_entry_of_one_moment_is_lost_between_pages(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    let mut entries = write(&storage, &[2, 1, 1, 1, 1, 1, 0]).await;
    entries.sort_by_key(|entry| std::cmp::Reverse((entry.occurred_at, entry.id)));
    for limit in [1, 2, 3] {
        let (mut seen, mut filter) = (Vec::new(), AuditFilter::default());
        loop {
            let page = audit::list(&storage.db, &filter, limit).await.unwrap();
            let Some(last) = page.last() else { break };
            filter.after = Some(last.position());
            seen.extend(ids(&page));
        }
        assert_eq!(seen, ids(&entries), "{limit} a page");
    }
}

async fn old_entries_are_pruned_in_batches(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    let entries = write(&storage, &[5, 4, 3, 2, 1]).await;
    let prune = async || audit::prune(&storage.db, entries[3].occurred_at, 2).await.unwrap();
    assert_eq!((prune().await, prune().await, prune().await), (2, 1, 0));
    let kept = audit::list(&storage.db, &AuditFilter::default(), 9).await.unwrap();
    assert_eq!(ids(&kept), [entries[4].id, entries[3].id]);
}
