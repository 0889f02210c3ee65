//! What the outbox promises to those who look after it.

use neodyme::accounts::topics::{self, ANALYTICS_EVENT, WELCOME_EMAIL};
use neodyme::outbox::JobState;
use neodyme::outbox::store::{self as outbox, Count, JobFilter, JobSelection, Settlement};
use time::OffsetDateTime;

use crate::common::database::Backend;
use crate::fixture::Storage;
use crate::on_both_databases;
use crate::outbox::{LEASE, assert_about, claim, dead, emails, enqueue, job, row, seconds_from_now, settle};

on_both_databases!(
    a_release_makes_due_what_has_backed_off,
    jobs_are_counted_by_topic_and_state,
    what_was_delivered_long_ago_is_pruned_in_batches,
    an_error_of_any_length_with_any_character_can_be_stored,
    an_operator_lists_retries_and_discards,
);

async fn a_release_makes_due_what_has_backed_off(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    let jobs = emails([-10, 600, 900]);
    enqueue(&storage.db, &jobs).await;
    enqueue(&storage.db, &[job(ANALYTICS_EVENT, 600)]).await;
    let due = row(&storage.db, jobs[0].id).await;
    assert_eq!(outbox::release(&storage.db, WELCOME_EMAIL).await.unwrap(), 2);
    assert_eq!(row(&storage.db, jobs[0].id).await, due);
    assert_eq!(outbox::release(&storage.db, WELCOME_EMAIL).await.unwrap(), 0);
    assert_eq!(claim(&storage.db, 9, LEASE).await.len(), 3);
    assert_eq!(outbox::release(&storage.db, ANALYTICS_EVENT).await.unwrap(), 1);
}

async fn jobs_are_counted_by_topic_and_state(backend: Backend) {
    use JobState::{Dead, Pending, Running};
    let storage = Storage::migrated(backend).await;
    assert_eq!(outbox::counts(&storage.db, &topics::names()).await.unwrap(), []);
    let (jobs, event) = (emails([-50, -40, -30, -20, -10, 600]), job(ANALYTICS_EVENT, -5));
    enqueue(&storage.db, &jobs).await;
    enqueue(&storage.db, std::slice::from_ref(&event)).await;
    let claimed = claim(&storage.db, 4, LEASE).await;
    settle(&storage.db, &claimed[..1], Settlement::Delivered).await;
    settle(&storage.db, &claimed[1..2], dead()).await;
    let mut counts = outbox::counts(&storage.db, &topics::names()).await.unwrap();
    counts.sort_by_key(|count| (count.topic.clone(), count.state as usize));
    let expected = [
        (ANALYTICS_EVENT, Pending, 1, &event),
        (WELCOME_EMAIL, Pending, 2, &jobs[4]),
        (WELCOME_EMAIL, Running, 2, &jobs[2]),
        (WELCOME_EMAIL, Dead, 1, &jobs[1]),
    ];
    assert_eq!(counts.len(), expected.len(), "{counts:?}");
    for (Count { topic, state, jobs, oldest }, (expected_topic, expected_state, number, first)) in
        counts.iter().zip(expected)
    {
        assert_eq!((topic.as_str(), *state, *jobs), (expected_topic.as_str(), expected_state, number));
        assert_about(oldest.unwrap(), first.created_at);
    }
}

async fn what_was_delivered_long_ago_is_pruned_in_batches(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    enqueue(&storage.db, &emails([-10, -10, -10, -10, -10, -10])).await;
    let claimed = claim(&storage.db, 4, LEASE).await;
    settle(&storage.db, &claimed[..3], Settlement::Delivered).await;
    let prune = async |before| outbox::prune(&storage.db, WELCOME_EMAIL, before, 2).await.unwrap();
    assert_eq!(prune(seconds_from_now(-5)).await, 0, "delivered just now, though due for longer");
    assert_eq!(outbox::prune(&storage.db, ANALYTICS_EVENT, seconds_from_now(1), 2).await.unwrap(), 0);
    assert_eq!(prune(seconds_from_now(1)).await, 2);
    assert_eq!(prune(seconds_from_now(1)).await, 1);
    assert_eq!(prune(seconds_from_now(1)).await, 0);
    assert_eq!(storage.database.count("outbox_jobs").await, 3);
}

async fn an_error_of_any_length_with_any_character_can_be_stored(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    enqueue(&storage.db, &emails([-1])).await;
    let jobs = claim(&storage.db, 1, LEASE).await;
    let error = format!("protocol: \0\r\n\u{1b}[31m é 李 {}", "x".repeat(100_000));
    assert_eq!(settle(&storage.db, &jobs, Settlement::Dead { error }).await, 1);
    let stored = row(&storage.db, jobs[0].id).await.last_error.unwrap();
    assert!(stored.starts_with(r"protocol: \u{0}\r\n\u{1b}[31m é 李 xxx"), "{stored}");
    assert_eq!(stored.chars().count(), 1000);
}

async fn an_operator_lists_retries_and_discards(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    let db = &storage.db;
    let jobs = emails([-40, -30, -20, -10, 600]);
    enqueue(db, &jobs).await;
    enqueue(db, &[job(ANALYTICS_EVENT, -60)]).await;
    // Delivered, dead, running, pending, backed off; and an event.
    let claimed = claim(db, 3, LEASE).await;
    settle(db, &claimed[..1], Settlement::Delivered).await;
    settle(db, &claimed[1..2], dead()).await;
    let emails = JobFilter { topics: vec![WELCOME_EMAIL], state: None, ..JobFilter::default() };
    let listed: Vec<_> = outbox::list(db, &emails, 9).await.unwrap().iter().map(|row| row.id).collect();
    assert_eq!(listed, jobs[1..].iter().map(|job| job.id).collect::<Vec<_>>());
    let all = || JobFilter { topics: topics::names(), state: None, ..JobFilter::default() };
    let in_state = |state| JobFilter { topics: topics::names(), state: Some(state), ..JobFilter::default() };
    for (n, state) in [JobState::Delivered, JobState::Dead, JobState::Running].into_iter().enumerate() {
        let listed = outbox::list(db, &in_state(state), 9).await.unwrap();
        assert_eq!((listed.len(), listed[0].id), (1, jobs[n].id), "{state:?}");
    }
    assert_eq!(outbox::list(db, &all(), 3).await.unwrap().len(), 3);

    let of = |ids: &[usize]| JobSelection::Ids(ids.iter().map(|n| jobs[*n].id).collect());
    for change in [of(&[0, 2]), of(&[]), JobSelection::All(in_state(JobState::Running))] {
        assert_eq!(outbox::retry(db, &change).await.unwrap(), 0, "{change:?}");
        assert_eq!(outbox::discard(db, &change).await.unwrap(), 0, "{change:?}");
    }
    assert_eq!(outbox::retry(db, &of(&[0, 1, 4])).await.unwrap(), 2);
    let retried = row(db, jobs[1].id).await;
    assert_eq!((retried.state, retried.attempts, retried.finished_at), (JobState::Pending, 1, None));
    assert!(row(db, jobs[4].id).await.run_at <= OffsetDateTime::now_utc());
    assert_eq!(outbox::discard(db, &of(&[1])).await.unwrap(), 1);
    assert_eq!(outbox::retry(db, &JobSelection::All(emails.clone())).await.unwrap(), 2);
    assert_eq!(outbox::discard(db, &JobSelection::All(emails)).await.unwrap(), 2);
    assert_eq!(outbox::discard(db, &JobSelection::All(in_state(JobState::Dead))).await.unwrap(), 0);
    assert_eq!(outbox::discard(db, &JobSelection::All(all())).await.unwrap(), 1);
    assert_eq!(outbox::list(db, &all(), 9).await.unwrap().len(), 1);
}
