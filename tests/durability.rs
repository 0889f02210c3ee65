//! What a client was told is true, also when the service dies the moment after.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::collections::BTreeSet;

use common::app::{AppOptions, TestApp, fresh_email};
use common::database::Backend;
use common::load::{Attempt, Load};

async fn a_kill_under_load_loses_no_accepted_user(backend: Backend) {
    let mut app = TestApp::spawn(AppOptions::on(backend)).await;
    for round in 1..=3 {
        let load = Load::start(&app, 8);
        load.wait_for_accepted(20 * round).await;
        app.kill();
        let attempts = load.stop().await;
        assert!(attempts.iter().any(|attempt| attempt.result.is_err()), "the kill met requests under way");

        app.restart().await;
        let stored = BTreeSet::from_iter(app.database.emails().await);
        let lost: Vec<&Attempt> =
            attempts.iter().filter(|attempt| attempt.is_accepted() && !stored.contains(&attempt.email)).collect();
        assert!(lost.is_empty(), "accepted and lost: {lost:?}");
        assert_eq!(app.database.count("users").await, app.database.count("audit_log").await, "both rows or none");
        assert_eq!(app.register(&fresh_email()).await.status, 201, "the restarted service serves");
    }
}

async fn a_restart_finds_everything_as_it_was(backend: Backend) {
    let mut app = TestApp::spawn(AppOptions::on(backend)).await;
    assert_eq!(app.register("ada@example.com").await.status, 201);
    assert!(app.stop().await.success());
    app.restart().await;
    app.register("ada@example.com").await.assert_problem(409, "EMAIL_ALREADY_EXISTS");
    assert_eq!(app.register("bob@example.com").await.status, 201);
}

on_both_databases!(a_kill_under_load_loses_no_accepted_user, a_restart_finds_everything_as_it_was);
