//! A log that nobody takes harms nobody: the service serves on, and counts what was lost.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::time::{Duration, Instant};

use common::app::{AppOptions, Reading, TestApp, fresh_email};
use common::database::Backend;
use common::eventually;
use common::scrape::{Scrape, metric};

fn sum(scrape: &Scrape, name: &str) -> f64 {
    metric(name).sum_in(scrape).unwrap()
}

/// Registers until some log records were lost.
async fn register_until_dropped(app: &TestApp, reason: &str) {
    let dropped = metric("neodyme_log_records_dropped_total").label("reason", reason);
    eventually(&format!("records are dropped: {reason}"), async || {
        for _ in 0..20 {
            assert_eq!(app.register(&fresh_email()).await.status, 201);
        }
        (dropped.read(app).await > 0.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_closed_stdout_does_not_end_the_service() {
    let mut app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    app.set_reading(Reading::Closed);
    register_until_dropped(&app, "io_error").await;
    assert_eq!(app.get("/health/").await.status, 200);
    assert!(app.stop().await.success());
}

#[tokio::test]
async fn a_stalled_stdout_holds_nobody_up() {
    let mut app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("log_queue_capacity", 64)).await;
    app.set_reading(Reading::Paused);
    register_until_dropped(&app, "queue_full").await;
    assert_eq!(app.get("/health/").await.status, 200);

    app.terminate();
    let began = Instant::now();
    eventually("the app ends", async || app.has_ended().then_some(())).await;
    assert!(began.elapsed() < Duration::from_secs(10), "took {:?}", began.elapsed());
}

#[tokio::test]
async fn every_record_is_written_or_counted_as_lost() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("log_queue_capacity", 64)).await;
    app.set_reading(Reading::Paused);
    register_until_dropped(&app, "queue_full").await;
    app.set_reading(Reading::On);

    let mut last = (0.0, 0.0, 0.0);
    eventually("the lines and the lost ones are all", async || {
        let scrape = app.metrics().await;
        let lines = app.logs().len() as f64;
        let dropped = sum(&scrape, "neodyme_log_records_dropped_total");
        last = (sum(&scrape, "neodyme_log_records_total"), lines, dropped);
        (last.0 == lines + dropped).then_some(())
    })
    .await;
    assert!(last.2 > 0.0, "(records, lines, dropped) = {last:?}");
}
