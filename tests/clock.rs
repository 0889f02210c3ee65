//! A wall clock that is wrong for a while costs nothing: no row goes too soon, and no job is given up.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::time::Duration;

use common::analytics::{AnalyticsService, Behaviour};
use common::app::{AppOptions, TestApp, fresh_email};
use common::clock::FakeClock;
use common::database::{Backend, Database};
use common::scrape::metric;
use common::{eventually, within};
use serde_json::Value;

/// Further than anything is kept.
const FAR: i64 = 400 * 86_400;
/// Rows are removed a minute after the start, and every minute from then on.
const UNTIL_REMOVAL: Duration = Duration::from_secs(100);

/// Two users whose events are refused for now, and tried again all the time.
async fn with_jobs_that_fail(service: &AnalyticsService, clock: &FakeClock, backend: Backend) -> TestApp {
    // "Too early" is about the event, not about the service: such a job has an age.
    service.behave(Behaviour::Status(425, None));
    let options = AppOptions::on(backend).set("analytics_base_url", service.base_url());
    let options = options.set("outbox_max_backoff", "500ms").set("outbox_poll_interval", "100ms");
    let app = TestApp::spawn(clock.give_to(options)).await;
    for _ in 0..2 {
        assert_eq!(app.register(&fresh_email()).await.status, 201);
    }
    service.wait_for_received(2).await;
    app
}

async fn wait_for_jump(app: &TestApp) -> Value {
    app.wait_for_log("the jump is told", |line| {
        line["message"].as_str().is_some_and(|message| message.starts_with("The clock jumped"))
    })
    .await
}

async fn wait_until_trusted(app: &TestApp) {
    app.wait_for_log("the clock is trusted", |line| line["message"] == "The clock is trusted again").await;
}

async fn wait_for_removal(app: &TestApp) {
    // Of the jobs of each topic, and of audit rows.
    let removal = metric("neodyme_db_query_duration_seconds_count").label("operation", "prune");
    let done = async || (removal.read(app).await >= 3.0).then_some(());
    let seen = within(UNTIL_REMOVAL, Duration::from_millis(500), done).await;
    seen.expect("what is old is removed");
}

async fn assert_nothing_lost(app: &TestApp, users: usize) {
    assert_eq!(app.database.count("audit_log").await, users);
    let dead = app.database.texts("SELECT topic AS text FROM outbox_jobs WHERE state = 'dead'").await;
    assert!(dead.is_empty(), "{dead:?}");
}

/// The minute until the first removal is waited for once.
async fn rows_go_and_jobs_are_given_up_by_a_clock_that_is_right_alone(backend: Backend) {
    tokio::join!(
        right(backend),
        far_ahead_for_a_while(backend),
        far_ahead_at_the_start(backend),
        far_ahead_with_a_registration_and_a_restart(backend)
    );
}

async fn right(backend: Backend) {
    let (service, clock) = (AnalyticsService::start().await, FakeClock::new());
    let app = with_jobs_that_fail(&service, &clock, backend).await;
    let age = match backend {
        Backend::Sqlite => "400 * 86400000000",
        Backend::Postgres => "interval '400 days'",
    };
    for (table, old, time) in [
        ("audit_log", "occurred_at", "occurred_at"),
        ("outbox_jobs", "created_at", "created_at"),
        ("outbox_jobs", "failing_since", "created_at"),
    ] {
        let change = format!("UPDATE {table} SET {old} = {time} - {age} RETURNING request_id AS text");
        assert!(!app.database.texts(&change).await.is_empty());
    }
    let given_up = async || {
        let dead = "SELECT topic AS text FROM outbox_jobs WHERE state = 'dead' AND topic = 'analytics_event'";
        (app.database.texts(dead).await.len() == 2).then_some(())
    };
    eventually("jobs are given up", given_up).await;
    wait_for_removal(&app).await;
    eventually("rows are removed", async || (app.database.count("audit_log").await == 0).then_some(())).await;
}

async fn far_ahead_for_a_while(backend: Backend) {
    let (service, clock) = (AnalyticsService::start().await, FakeClock::new());
    let app = with_jobs_that_fail(&service, &clock, backend).await;
    clock.set_ahead(FAR);
    let jump = wait_for_jump(&app).await;
    assert!((jump["context"]["by_seconds"].as_f64().unwrap() - FAR as f64).abs() < 60.0, "{jump}");
    metric("neodyme_clock_jumps_total").value(1.0).assert_in(&app).await;
    metric("neodyme_clock_difference_seconds")
        .label("reference", "uptime")
        .at_least(FAR as f64 - 60.0)
        .assert_in(&app)
        .await;
    assert_eq!(app.register(&fresh_email()).await.status, 201, "people register meanwhile");
    let tried = service.received().len();
    wait_for_removal(&app).await;
    service.wait_for_received(tried + 3).await;
    assert_nothing_lost(&app, 3).await;

    clock.set_ahead(0);
    wait_until_trusted(&app).await;
    metric("neodyme_clock_difference_seconds").label("reference", "uptime").value(0.0).assert_in(&app).await;
    service.behave(Behaviour::Ok);
    service.wait_for_taken(3).await;
    assert_nothing_lost(&app, 3).await;
}

async fn what_is_stored_under_a_clock_far_behind_has_its_right_time(backend: Backend) {
    let (service, clock) = (AnalyticsService::start().await, FakeClock::new());
    let app = with_jobs_that_fail(&service, &clock, backend).await;
    clock.set_ahead(-FAR);
    wait_for_jump(&app).await;
    assert_eq!(app.register(&fresh_email()).await.status, 201);
    clock.set_ahead(0);
    wait_until_trusted(&app).await;
    let tried = service.received().len();
    service.wait_for_received(tried + 3).await;
    assert_nothing_lost(&app, 3).await;
    let old = match &app.database {
        Database::Sqlite(_) => "occurred_at < 1000000 * (unixepoch() - 3600)",
        Database::Postgres(_) => "occurred_at < now() - interval '1 hour'",
    };
    let old = app.database.texts(&format!("SELECT action AS text FROM audit_log WHERE {old}")).await;
    assert!(old.is_empty(), "they would be removed too soon: {old:?}");
}

async fn far_ahead_with_a_registration_and_a_restart(backend: Backend) {
    let (service, clock) = (AnalyticsService::start().await, FakeClock::new());
    let mut app = with_jobs_that_fail(&service, &clock, backend).await;
    clock.set_ahead(FAR);
    wait_for_jump(&app).await;
    assert_eq!(app.register(&fresh_email()).await.status, 201);
    app.restart().await;
    let told = |line: &Value| line["message"].as_str().is_some_and(|message| message.starts_with("The newest row is"));
    app.wait_for_log("the doubt is told", told).await;
    let tried = service.received().len();
    wait_for_removal(&app).await;
    service.wait_for_received(tried + 3).await;
    assert_nothing_lost(&app, 3).await;
}

async fn far_ahead_at_the_start(backend: Backend) {
    let (service, clock) = (AnalyticsService::start().await, FakeClock::new());
    let mut app = with_jobs_that_fail(&service, &clock, backend).await;
    clock.set_ahead(FAR);
    app.restart().await;
    let told = |line: &Value| line["message"].as_str().is_some_and(|message| message.starts_with("The newest row is"));
    app.wait_for_log("the doubt is told", told).await;
    let tried = service.received().len();
    assert_eq!(app.register(&fresh_email()).await.status, 201);
    wait_for_removal(&app).await;
    service.wait_for_received(tried + 3).await;
    assert_nothing_lost(&app, 3).await;
}

on_both_databases!(
    rows_go_and_jobs_are_given_up_by_a_clock_that_is_right_alone,
    what_is_stored_under_a_clock_far_behind_has_its_right_time,
);
