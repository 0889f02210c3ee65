//! Which jobs are claimed, and when.

use std::time::Duration;

use neodyme::accounts::topics::{ANALYTICS_EVENT, WELCOME_EMAIL};
use neodyme::outbox::store::{self as outbox, Pick, Settlement};

use crate::common::database::Backend;
use crate::fixture::Storage;
use crate::on_both_databases;
use crate::outbox::{DUE, ENDED, LEASE, NONE, claim, emails, enqueue, ids, job, retry_in, settle};

on_both_databases!(
    what_is_due_for_longest_is_claimed_first,
    a_job_of_another_topic_or_time_is_not_claimed,
    a_job_put_off_beyond_the_horizon_is_due,
    a_job_whose_lease_has_ended_is_claimed_again,
    a_lease_that_is_longer_than_any_is_none,
    a_lease_that_was_renewed_in_time_stands,
    a_probe_takes_the_job_with_the_fewest_attempts_whenever_it_is_due,
);

async fn what_is_due_for_longest_is_claimed_first(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    let jobs = emails([-10, -50, -30, -40, -20]);
    enqueue(&storage.db, &jobs).await;
    let expected: Vec<_> = [1, 3, 2, 4, 0].map(|n: usize| jobs[n].id).into();
    let first = claim(&storage.db, 2, ENDED).await;
    assert_eq!(ids(&first), expected[..2]);
    // Those whose lease has ended keep their place.
    assert_eq!(ids(&claim(&storage.db, 3, LEASE).await), expected[..3]);
    assert_eq!(ids(&claim(&storage.db, 9, LEASE).await), expected[3..]);
    assert_eq!(ids(&claim(&storage.db, 9, LEASE).await), NONE);
}

async fn a_job_of_another_topic_or_time_is_not_claimed(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    let event = job(ANALYTICS_EVENT, -1);
    enqueue(&storage.db, &[job(WELCOME_EMAIL, 600), event.clone()]).await;
    assert_eq!(ids(&claim(&storage.db, 9, LEASE).await), NONE);
    let events = outbox::claim(&storage.db, ANALYTICS_EVENT, 0, LEASE, DUE).await.unwrap();
    assert_eq!(ids(&events), NONE);
    let events = outbox::claim(&storage.db, ANALYTICS_EVENT, 9, LEASE, DUE).await.unwrap();
    assert_eq!(ids(&events), [event.id]);
}

async fn a_job_put_off_beyond_the_horizon_is_due(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    let jobs = emails([7200, -10]);
    enqueue(&storage.db, &jobs).await;
    let far = Pick::Due { horizon: Duration::from_secs(3 * 3600) };
    let claimed = outbox::claim(&storage.db, WELCOME_EMAIL, 9, LEASE, far).await.unwrap();
    assert_eq!(ids(&claimed), [jobs[1].id]);
    assert_eq!(ids(&claim(&storage.db, 9, LEASE).await), [jobs[0].id]);
}

async fn a_job_whose_lease_has_ended_is_claimed_again(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    enqueue(&storage.db, &emails([-1])).await;
    let first = claim(&storage.db, 9, ENDED).await.remove(0);
    let second = claim(&storage.db, 9, LEASE).await.remove(0);
    assert_eq!((second.id, first.attempt, second.attempt), (first.id, 1, 2));
    assert_ne!(first.lease_token, second.lease_token);
    assert_eq!(ids(&claim(&storage.db, 9, LEASE).await), NONE);
}

/// It was taken before the clock jumped back; its instance may be gone.
async fn a_lease_that_is_longer_than_any_is_none(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    enqueue(&storage.db, &emails([-1])).await;
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    let first = claim(&storage.db, 9, hours(3)).await;
    assert_eq!(ids(&claim(&storage.db, 9, hours(1)).await), ids(&first));
    assert_eq!(ids(&claim(&storage.db, 9, hours(1)).await), NONE);
}

async fn a_lease_that_was_renewed_in_time_stands(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    enqueue(&storage.db, &emails([-3, -2, -1])).await;
    let held = claim(&storage.db, 2, ENDED).await;
    let renewable: Vec<_> = held.iter().map(|job| (job.id, job.lease_token)).collect();
    assert_eq!(outbox::renew(&storage.db, &renewable, LEASE).await.unwrap(), 2);
    assert_eq!(claim(&storage.db, 9, LEASE).await.len(), 1);
    // One that was lost, or is settled, is not got back.
    settle(&storage.db, &held[..1], Settlement::Delivered).await;
    for gone in [&[(held[1].id, held[1].id)][..], &renewable[..1], &[]] {
        assert_eq!(outbox::renew(&storage.db, gone, LEASE).await.unwrap(), 0);
    }
}

async fn a_probe_takes_the_job_with_the_fewest_attempts_whenever_it_is_due(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    let jobs = emails([-20, 600, 300]);
    enqueue(&storage.db, &jobs).await;
    let tried = claim(&storage.db, 1, LEASE).await;
    settle(&storage.db, &tried, retry_in(-10)).await;
    let probe = async || outbox::claim(&storage.db, WELCOME_EMAIL, 9, LEASE, Pick::Probe).await.unwrap();
    assert_eq!(ids(&probe().await), [jobs[2].id]);
    assert_eq!(ids(&probe().await), [jobs[1].id]);
    let last = probe().await;
    assert_eq!((ids(&last), last[0].attempt), (vec![jobs[0].id], 2));
    assert_eq!(ids(&probe().await), NONE);
    // A service may come back when all that is left of it are the jobs of an instance that died.
    settle(&storage.db, &last, Settlement::Return).await;
    claim(&storage.db, 1, ENDED).await;
    assert_eq!(ids(&probe().await), ids(&last));
}
