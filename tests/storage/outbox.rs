//! What the outbox promises to those who put jobs in, claim and settle them.

use std::collections::HashSet;
use std::time::Duration;

use crate::common::rows::Rows;
use futures_util::future::join_all;
use neodyme::accounts::topics::{self, WELCOME_EMAIL};
use neodyme::outbox::store::{self as outbox, JobRow, JobSelection, Pick, Settlement};
use neodyme::outbox::{Job, JobState, NewJob, Payload, TopicName};
use neodyme::store::Db;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::common::database::Backend;
use crate::fixture::{Storage, insert};
use crate::on_both_databases;

on_both_databases!(
    a_job_comes_back_as_it_was,
    sixteen_claimers_claim_each_of_500_jobs_once,
    a_lost_lease_settles_nothing,
    a_delivered_job_keeps_no_payload,
    since_when_a_job_fails_and_how_often_it_was_not_answered_is_kept,
    a_retried_job_waits_for_its_time,
    a_dead_job_stays_until_an_operator_comes,
    a_returned_job_is_as_it_was,
    settlements_of_every_kind_are_written_at_once,
);

pub const NONE: [Uuid; 0] = [];
pub const LEASE: Duration = Duration::from_secs(60);
pub const ENDED: Duration = Duration::ZERO;
pub const DUE: Pick = Pick::Due { horizon: Duration::from_secs(3600) };

pub fn seconds_from_now(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::now_utc() + time::Duration::seconds(seconds)
}

/// A job that is due since, or in, so many seconds.
pub fn job(topic: TopicName, seconds: i64) -> NewJob {
    NewJob {
        id: Uuid::now_v7(),
        topic,
        payload: Payload::new(json!({"email": "ada@example.com", "full_name": "Ada \"Ä\" 李"})),
        user_id: Some(Uuid::now_v7()),
        request_id: "req-1".to_owned(),
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
        created_at: seconds_from_now(seconds),
    }
}

pub fn emails(seconds: impl IntoIterator<Item = i64>) -> Vec<NewJob> {
    seconds.into_iter().map(|seconds| job(WELCOME_EMAIL, seconds)).collect()
}

pub async fn enqueue(db: &Db, jobs: &[NewJob]) {
    insert(db, Rows { jobs: jobs.to_vec(), ..Rows::default() }).await.unwrap();
}

pub async fn claim(db: &Db, limit: usize, lease: Duration) -> Vec<Job> {
    outbox::claim(db, WELCOME_EMAIL, limit, lease, DUE).await.unwrap()
}

pub async fn settle(db: &Db, jobs: &[Job], settlement: Settlement) -> usize {
    let settlements: Vec<_> = jobs.iter().map(|job| (job.id, job.lease_token, settlement.clone())).collect();
    outbox::settle(db, &settlements).await.unwrap()
}

pub async fn row(db: &Db, id: Uuid) -> JobRow {
    outbox::find(db, id).await.unwrap().unwrap()
}

/// Jobs are stamped by the clock of the database.
pub fn assert_about(time: OffsetDateTime, expected: OffsetDateTime) {
    assert!((time - expected).abs() < time::Duration::seconds(2), "{time} instead of {expected}");
}

pub fn ids(jobs: &[Job]) -> Vec<Uuid> {
    jobs.iter().map(|job| job.id).collect()
}

pub fn dead() -> Settlement {
    Settlement::Dead { error: "refused_5xx (550)".to_owned() }
}

async fn a_job_comes_back_as_it_was(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    let new = job(WELCOME_EMAIL, 0);
    enqueue(&storage.db, std::slice::from_ref(&new)).await;

    let pending = row(&storage.db, new.id).await;
    assert_eq!((pending.state, pending.attempts), (JobState::Pending, 0));
    assert_eq!(pending.run_at, pending.created_at);
    assert_about(pending.created_at, new.created_at);
    assert_eq!((pending.lease_token, pending.finished_at, pending.last_error), (None, None, None));

    let claimed = claim(&storage.db, 8, LEASE).await.remove(0);
    assert_eq!((claimed.id, claimed.topic, claimed.attempt), (new.id, new.topic, 1));
    assert_eq!((claimed.payload, claimed.user_id), (new.payload, new.user_id));
    assert_eq!((claimed.request_id, claimed.traceparent), (new.request_id, new.traceparent));
    assert_eq!(claimed.created_at, pending.created_at);
    assert!(claimed.age.now() < Duration::from_secs(2), "{:?}", claimed.age);
    let running = row(&storage.db, new.id).await;
    assert_eq!((running.state, running.attempts), (JobState::Running, 1));
    assert_eq!(running.lease_token, Some(claimed.lease_token));
    let left = running.lease_until.unwrap() - OffsetDateTime::now_utc();
    assert!(left > time::Duration::seconds(30) && left <= LEASE, "{left}");
}

async fn sixteen_claimers_claim_each_of_500_jobs_once(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    enqueue(&storage.db, &emails(0..500).into_iter().map(past).collect::<Vec<_>>()).await;
    let claimers = (0..16).map(|n| {
        let db = storage.db.clone();
        tokio::spawn(async move {
            let mut claimed = Vec::new();
            loop {
                let jobs = claim(&db, 1 + n % 8, LEASE).await;
                assert!(jobs.len() <= 1 + n % 8);
                assert_eq!(settle(&db, &jobs, Settlement::Delivered).await, jobs.len());
                // PostgreSQL skips what others are about to claim: only the states say that all is done.
                let left = outbox::counts(&db, &topics::names()).await.unwrap();
                if jobs.is_empty() && left.iter().all(|count| count.state != JobState::Pending) {
                    return claimed;
                }
                claimed.extend(ids(&jobs));
            }
        })
    });
    let claimed: Vec<Uuid> = join_all(claimers).await.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!((claimed.len(), claimed.iter().collect::<HashSet<_>>().len()), (500, 500));
    assert_eq!(outbox::counts(&storage.db, &topics::names()).await.unwrap(), []);
}

fn past(job: NewJob) -> NewJob {
    NewJob { created_at: job.created_at - time::Duration::hours(1), ..job }
}

async fn a_lost_lease_settles_nothing(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    enqueue(&storage.db, &emails([-2, -1])).await;
    let lost = claim(&storage.db, 2, ENDED).await;
    let held = claim(&storage.db, 1, LEASE).await;
    let before = row(&storage.db, held[0].id).await;
    // Of two settlements, the one whose lease still stands applies, though its time has ended.
    assert_eq!(settle(&storage.db, &lost, dead()).await, 1);
    let settlements: Vec<_> = lost.iter().map(|job| (job.id, job.lease_token, dead())).collect();
    assert_eq!(outbox::existing(&storage.db, &settlements).await.unwrap(), lost.len(), "somebody has them");
    assert_eq!(outbox::existing(&storage.db, &[(Uuid::now_v7(), Uuid::now_v7(), dead())]).await.unwrap(), 0);
    assert_eq!(row(&storage.db, held[0].id).await, before);
    assert_eq!(row(&storage.db, lost[1].id).await.state, JobState::Dead);
    for settlement in [Settlement::Delivered, dead(), Settlement::Return, retry_in(60)] {
        assert_eq!(settle(&storage.db, &lost, settlement).await, 0);
    }
    assert_eq!(settle(&storage.db, &held, Settlement::Delivered).await, 1);
    assert_eq!(settle(&storage.db, &held, Settlement::Delivered).await, 0);
    assert_eq!(settle(&storage.db, &[], Settlement::Delivered).await, 0);
}

pub fn retry_in(seconds: i64) -> Settlement {
    Settlement::Retry {
        run_at: seconds_from_now(seconds),
        error: "timeout".to_owned(),
        failing_since: None,
        unanswered: false,
    }
}

async fn since_when_a_job_fails_and_how_often_it_was_not_answered_is_kept(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    enqueue(&storage.db, &emails([-1])).await;
    let fail = async |failing_since, unanswered| {
        let jobs = claim(&storage.db, 1, LEASE).await;
        let failed = Settlement::Retry { run_at: seconds_from_now(-1), error: "x".into(), failing_since, unanswered };
        settle(&storage.db, &jobs, failed).await;
        row(&storage.db, jobs[0].id).await
    };
    let told = |row: &JobRow| (row.failing_since, row.unanswered);
    assert_eq!(told(&fail(None, false).await), (None, 0));
    let first = fail(Some(seconds_from_now(-900)), true).await;
    assert_about(first.failing_since.unwrap(), seconds_from_now(-900));
    assert_eq!(first.unanswered, 1);
    let again = fail(Some(seconds_from_now(-500)), true).await;
    assert_eq!(told(&again), (first.failing_since, 2));
    let id = again.id;
    outbox::retry(&storage.db, &JobSelection::Ids(vec![id])).await.unwrap();
    assert_eq!(told(&row(&storage.db, id).await), (None, 2), "an operator has it tried anew");
    assert_eq!(claim(&storage.db, 1, LEASE).await[0].failing_since, None);
}

async fn a_delivered_job_keeps_no_payload(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    enqueue(&storage.db, &emails([-1])).await;
    let jobs = claim(&storage.db, 1, LEASE).await;
    settle(&storage.db, &jobs, Settlement::Delivered).await;
    let delivered = row(&storage.db, jobs[0].id).await;
    assert_eq!((delivered.state, delivered.payload), (JobState::Delivered, Payload::new(json!({}))));
    assert!(delivered.finished_at.is_some());
    assert_eq!((delivered.lease_token, delivered.lease_until), (None, None));
    assert_eq!(ids(&claim(&storage.db, 9, ENDED).await), NONE);
}

async fn a_retried_job_waits_for_its_time(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    enqueue(&storage.db, &emails([-1])).await;
    let jobs = claim(&storage.db, 1, LEASE).await;
    settle(&storage.db, &jobs, retry_in(60)).await;
    let pending = row(&storage.db, jobs[0].id).await;
    assert_eq!((pending.state, pending.attempts), (JobState::Pending, 1));
    assert_eq!((pending.last_error.as_deref(), &pending.payload), (Some("timeout"), &jobs[0].payload));
    assert!(pending.run_at > seconds_from_now(30));
    assert_eq!(ids(&claim(&storage.db, 9, LEASE).await), NONE);
}

async fn a_dead_job_stays_until_an_operator_comes(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    enqueue(&storage.db, &emails([-1])).await;
    let jobs = claim(&storage.db, 1, LEASE).await;
    settle(&storage.db, &jobs, dead()).await;
    let buried = row(&storage.db, jobs[0].id).await;
    assert_eq!((buried.state, buried.last_error.as_deref()), (JobState::Dead, Some("refused_5xx (550)")));
    assert!(buried.finished_at.is_some());
    assert_eq!(buried.payload, jobs[0].payload, "what a retry needs");
    assert_eq!(ids(&claim(&storage.db, 9, LEASE).await), NONE);
    assert_eq!(outbox::prune(&storage.db, WELCOME_EMAIL, seconds_from_now(60), 9).await.unwrap(), 0);
}

async fn a_returned_job_is_as_it_was(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    let jobs = emails([-2, -1, 600]);
    enqueue(&storage.db, &jobs).await;
    let before = row(&storage.db, jobs[0].id).await;
    let claimed = claim(&storage.db, 1, LEASE).await;
    assert_eq!(settle(&storage.db, &claimed, Settlement::Return).await, 1);
    assert_eq!(row(&storage.db, jobs[0].id).await, before);
    let claimed = claim(&storage.db, 9, LEASE).await;
    assert_eq!(ids(&claimed), [jobs[0].id, jobs[1].id]);

    // What was not due yet is due now.
    let probe = outbox::claim(&storage.db, WELCOME_EMAIL, 1, LEASE, Pick::Probe).await.unwrap();
    assert_eq!(ids(&probe), [jobs[2].id]);
    settle(&storage.db, &probe, Settlement::Return).await;
    assert_eq!(ids(&claim(&storage.db, 9, LEASE).await), [jobs[2].id]);
}

async fn settlements_of_every_kind_are_written_at_once(backend: Backend) {
    let storage = Storage::migrated(backend).await;
    enqueue(&storage.db, &emails([-50, -40, -30, -20, -10])).await;
    let jobs = claim(&storage.db, 5, LEASE).await;
    let of = |n: usize, settlement| (jobs[n].id, jobs[n].lease_token, settlement);
    let foreign = (jobs[4].id, Uuid::new_v4(), Settlement::Delivered);
    let all = [of(3, Settlement::Return), of(0, Settlement::Delivered), of(2, dead()), of(1, retry_in(60)), foreign];
    assert_eq!(outbox::settle(&storage.db, &all).await.unwrap(), 4);
    let mut found = Vec::new();
    for job in &jobs {
        let row = row(&storage.db, job.id).await;
        found.push((row.state, row.attempts, row.last_error.is_some(), row.finished_at.is_some()));
    }
    let expected = [
        (JobState::Delivered, 1, false, true),
        (JobState::Pending, 1, true, false),
        (JobState::Dead, 1, true, true),
        (JobState::Pending, 0, false, false),
        (JobState::Running, 1, false, false),
    ];
    assert_eq!(found, expected);
}
