//! What follows a registration: it happens, however the services at the far end behave, and the client never waits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::time::{Duration, Instant};

use common::analytics::{AnalyticsService, Behaviour};
use common::app::{AppOptions, TestApp, fresh_email};
use common::database::{Backend, Database};
use common::eventually;
use common::scrape::metric;

/// No answer to a client may take longer because of what follows: far less than any misbehaviour below.
const USUAL: Duration = Duration::from_secs(2);

async fn app_with(service: &AnalyticsService, backend: Backend) -> TestApp {
    let options = AppOptions::on(backend).set("analytics_base_url", service.base_url());
    let options = options.set("analytics_timeout", "1s").set("outbox_max_backoff", "500ms");
    TestApp::spawn(options.set("outbox_poll_interval", "100ms")).await
}

async fn register(app: &TestApp) {
    let began = Instant::now();
    assert_eq!(app.register(&fresh_email()).await.status, 201);
    assert!(began.elapsed() < USUAL, "a registration took {:?}", began.elapsed());
}

async fn states(app: &TestApp, topic: &str) -> Vec<String> {
    app.database.texts(&format!("SELECT state AS text FROM outbox_jobs WHERE topic = '{topic}'")).await
}

async fn wait_for_state(app: &TestApp, topic: &str, state: &str) {
    let all = async || states(app, topic).await.iter().all(|now| now == state).then_some(());
    eventually(&format!("every {topic} is {state}"), all).await;
}

async fn one_id_tells_the_whole_story(backend: Backend) {
    let service = AnalyticsService::start().await;
    let app = app_with(&service, backend).await;
    let request_id = "7f3c2c1e-9c1b-4a55-8d0e-1f2e3d4c5b6a";
    let trace_id = "0af7651916cd43dd8448eb211c80319c";
    let request = app.request("POST", "/users/").header("x-request-id", request_id);
    let request = request.header("traceparent", format!("00-{trace_id}-b7ad6b7169203331-01"));
    let email = fresh_email();
    assert_eq!(request.json(&common::app::user(&email)).send().await.unwrap().status(), 201);

    let event = service.wait_for_taken(1).await.remove(0);
    assert_eq!(event.header("x-request-id"), request_id);
    assert!(event.header("traceparent").contains(trace_id));
    for call in ["email.send_welcome", "analytics.track_registration"] {
        let line = app.wait_for_request_log(&format!("External service call: {call}"), request_id).await;
        assert_eq!(line["trace_id"], trace_id);
        assert_eq!(line["context"]["success"], true);
        assert_eq!(line["context"]["attempt"], 1);
        assert_eq!(line["user_id"], event.body["user_id"], "{line}");
    }
    let queued = app.wait_for_request_log("Registration side effects queued", request_id).await;
    assert_eq!(queued["context"]["jobs"].as_array().unwrap().len(), 2);
    assert_eq!(queued["context"]["jobs"][1]["job_id"], event.body["event_id"]);
    wait_for_state(&app, "analytics_event", "delivered").await;
    wait_for_state(&app, "welcome_email", "delivered").await;
    let payloads = app.database.texts("SELECT CAST(payload AS text) AS text FROM outbox_jobs").await;
    assert!(payloads.iter().all(|payload| payload == "{}"), "what is done holds nothing personal: {payloads:?}");
}

async fn a_service_that_fails_is_waited_for(backend: Backend) {
    let service = AnalyticsService::start().await;
    let app = app_with(&service, backend).await;
    let failures = [
        (Behaviour::Status(500, None), "error", "refused_5xx"),
        (Behaviour::Status(429, Some("0".into())), "error", "refused_4xx"),
        (Behaviour::CloseBeforeAnswer, "error", "protocol"),
        (Behaviour::Garbage, "error", "protocol"),
        (Behaviour::Hang, "timeout", "timeout"),
        (Behaviour::RedirectTo(307, "http://192.0.2.1/".into()), "error", "not_the_service"),
    ];
    for (behaviour, outcome, reason) in failures {
        let calls = metric("neodyme_external_service_calls_total").label("service", "analytics");
        let before = calls.label("outcome", outcome).read(&app).await;
        service.behave(behaviour.clone());
        register(&app).await;
        let calls = metric("neodyme_external_service_calls_total").label("service", "analytics");
        calls.label("outcome", outcome).at_least(before + 1.0).assert_in(&app).await;
        let told = |line: &serde_json::Value| {
            line["message"] == "Analytics event failed but registration continues"
                && line["context"]["reason"] == reason
        };
        let line = app.wait_for_log(&format!("{behaviour:?} is told as {reason}"), told).await;
        assert_eq!(line["exception"]["type"], "ANALYTICS_SERVICE_ERROR");
        service.behave(Behaviour::Ok);
        wait_for_state(&app, "analytics_event", "delivered").await;
    }
    metric("neodyme_errors_total").label("error_type", "ANALYTICS_SERVICE_ERROR").at_least(6.0).assert_in(&app).await;
}

async fn what_a_service_answers_badly_but_takes_is_delivered(backend: Backend) {
    let service = AnalyticsService::start().await;
    let app = app_with(&service, backend).await;
    let takes = [
        Behaviour::EndlessBody,
        Behaviour::SilentBody,
        Behaviour::RedirectSameHost,
        Behaviour::Slow(Duration::from_millis(200)),
    ];
    for behaviour in takes {
        service.behave(behaviour);
        register(&app).await;
        wait_for_state(&app, "analytics_event", "delivered").await;
    }
}

async fn a_refused_event_is_dead_at_once_and_holds_up_nothing(backend: Backend) {
    let service = AnalyticsService::start().await;
    let app = app_with(&service, backend).await;
    service.behave_once(Behaviour::Status(400, None));
    register(&app).await;
    wait_for_state(&app, "analytics_event", "dead").await;
    register(&app).await;
    service.wait_for_taken(1).await;
    metric("neodyme_outbox_attempts_total").label("outcome", "dead").value(1.0).assert_in(&app).await;
    let given_up = app.wait_for_log("a job is given up", |line| line["message"] == "Job given up").await;
    assert_eq!(given_up["context"]["reply_code"], 400);
    let words = "refused_4xx (400): the service answered 400 Bad Request";
    assert_eq!(given_up["context"]["error"], words);
    let listed =
        AppOptions::on_database(app.database.clone()).run(&["outbox", "list", "--state", "dead"], app.folder());
    assert!(String::from_utf8_lossy(&listed.stdout).contains(words), "{listed:?}");
}

/// Wrong is a setting, here or at the service: as soon as it is right, all that waited is delivered.
async fn a_fault_of_the_configuration_pauses_the_events_and_kills_none(backend: Backend) {
    let service = AnalyticsService::start().await;
    let app = app_with(&service, backend).await;
    let page = Behaviour::Foreign(200, Some("text/html"), "<!doctype html><title>Sign in</title>");
    let refusals = [404, 405, 409, 401, 301].map(|code| Behaviour::Status(code, None));
    for behaviour in refusals.into_iter().chain([page]) {
        service.behave(behaviour.clone());
        for _ in 0..10 {
            register(&app).await;
        }
        let circuit = metric("neodyme_outbox_circuit").label("topic", "analytics_event").label("state", "open");
        circuit.value(1.0).assert_in(&app).await;
        assert!(!states(&app, "analytics_event").await.contains(&"dead".to_owned()), "killed by {behaviour:?}");
        let faults = metric("neodyme_outbox_paused").label("topic", "analytics_event");
        let expected = if behaviour == Behaviour::Status(409, None) { 0.0 } else { 1.0 };
        faults.value(expected).assert_in(&app).await;
        service.behave(Behaviour::Ok);
        wait_for_state(&app, "analytics_event", "delivered").await;
    }
    assert_eq!(service.taken().len(), 60);
    metric("neodyme_outbox_attempts_total").label("outcome", "dead").value(0.0).assert_in(&app).await;
}

async fn a_job_that_cannot_be_read_is_dead_at_once(backend: Backend) {
    let service = AnalyticsService::start().await;
    let mut app = app_with(&service, backend).await;
    service.behave(Behaviour::Status(500, None));
    register(&app).await;
    service.wait_for_received(1).await;
    app.kill();
    let spoil =
        "UPDATE outbox_jobs SET payload = '{\"odd\":1}' WHERE topic = 'analytics_event' RETURNING topic AS text";
    assert_eq!(app.database.texts(spoil).await.len(), 1);
    end_leases(&app).await;
    app.restart().await;
    wait_for_state(&app, "analytics_event", "dead").await;
    metric("neodyme_errors_total").label("error_type", "OUTBOX_ERROR").value(1.0).assert_in(&app).await;
}

async fn a_dead_service_is_left_alone_and_found_again_within_seconds(backend: Backend) {
    let mut service = AnalyticsService::start().await;
    let app = app_with(&service, backend).await;
    service.stop().await;
    for _ in 0..20 {
        register(&app).await;
    }
    metric("neodyme_outbox_circuit")
        .label("topic", "analytics_event")
        .label("state", "open")
        .value(1.0)
        .assert_in(&app)
        .await;
    let spared = metric("neodyme_external_service_calls_total").label("outcome", "circuit_open");
    spared.at_least(1.0).assert_in(&app).await;
    metric("neodyme_outbox_jobs")
        .label("topic", "analytics_event")
        .label("state", "pending")
        .value(20.0)
        .assert_in(&app)
        .await;
    assert!(metric("neodyme_outbox_oldest_pending_timestamp_seconds").read(&app).await > 0.0);
    service.resume().await;
    let back = Instant::now();
    service.wait_for_taken(20).await;
    assert!(back.elapsed() < Duration::from_secs(10), "it took {:?}", back.elapsed());
    wait_for_state(&app, "analytics_event", "delivered").await;
    app.wait_for_log("the circuit closes", |line| line["message"] == "Circuit closed; deliveries resumed").await;
}

async fn a_clock_that_jumps_keeps_no_job_waiting(backend: Backend) {
    let service = AnalyticsService::start().await;
    let app = app_with(&service, backend).await;
    register(&app).await;
    service.wait_for_taken(1).await;
    service.behave(Behaviour::Status(500, None));
    register(&app).await;
    service.wait_for_received(2).await;
    // The clock was a day ahead when the job was put off.
    put_off(&app, 86_400, 1).await;
    service.behave(Behaviour::Ok);
    service.wait_for_taken(2).await;
}

async fn a_start_tries_what_has_backed_off(backend: Backend) {
    let service = AnalyticsService::start().await;
    let mut app = TestApp::spawn(AppOptions::on(backend).set("analytics_base_url", service.base_url())).await;
    service.behave(Behaviour::Status(500, None));
    for _ in 0..3 {
        register(&app).await;
    }
    service.wait_for_received(3).await;
    app.stop().await;
    put_off(&app, 300, 3).await;
    service.behave(Behaviour::Ok);
    app.restart().await;
    service.wait_for_taken(3).await;
}

/// Puts so many events off that were tried.
async fn put_off(app: &TestApp, seconds: u32, events: usize) {
    let later = match &app.database {
        Database::Sqlite(_) => format!("run_at + {seconds}000000"),
        Database::Postgres(_) => format!("run_at + interval '{seconds} s'"),
    };
    let put_off = format!(
        "UPDATE outbox_jobs SET run_at = {later}
         WHERE topic = 'analytics_event' AND state = 'pending' AND attempts > 0 RETURNING topic AS text"
    );
    let mut count = 0;
    eventually("they are put off", async || {
        count += app.database.texts(&put_off).await.len();
        (count >= events).then_some(())
    })
    .await;
}

/// As if the killed instance had died long ago.
async fn end_leases(app: &TestApp) {
    let end = "UPDATE outbox_jobs SET state = 'pending', lease_until = NULL, lease_token = NULL WHERE state = 'running' \
               RETURNING topic AS text";
    app.database.texts(end).await;
}

async fn deliveries_end_and_the_rest_is_returned_at_shutdown(backend: Backend) {
    let service = AnalyticsService::start().await;
    let options = AppOptions::on(backend).set("analytics_base_url", service.base_url());
    let mut app = TestApp::spawn(options.set("analytics_timeout", "60s").set("shutdown_deadline", "2s")).await;
    service.behave_once(Behaviour::Slow(Duration::from_millis(500)));
    service.behave(Behaviour::Hang);
    register(&app).await;
    register(&app).await;
    service.wait_for_received(2).await;
    assert!(app.stop().await.success());
    let mut states = states(&app, "analytics_event").await;
    states.sort();
    assert_eq!(states, ["delivered", "pending"], "one ended, the other was returned");
    let attempts = "SELECT CAST(attempts AS text) AS text FROM outbox_jobs WHERE state = 'pending'";
    assert_eq!(app.database.texts(attempts).await, ["0"], "what was returned was not tried");
}

async fn mail_that_cannot_be_written_waits_until_it_can(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend).set("outbox_max_backoff", "500ms")).await;
    let folder = app.folder().join("data/mail");
    std::fs::create_dir_all(folder.parent().unwrap()).unwrap();
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::write(&folder, "in the way").unwrap();
    register(&app).await;
    let told = |line: &serde_json::Value| {
        line["message"] == "Welcome email failed but registration continues" && line["context"]["reason"] == "io"
    };
    app.wait_for_log("the failure is told", told).await;
    std::fs::remove_file(&folder).unwrap();
    std::fs::create_dir(&folder).unwrap();
    wait_for_state(&app, "welcome_email", "delivered").await;
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
}

on_both_databases!(
    one_id_tells_the_whole_story,
    a_service_that_fails_is_waited_for,
    what_a_service_answers_badly_but_takes_is_delivered,
    a_refused_event_is_dead_at_once_and_holds_up_nothing,
    a_fault_of_the_configuration_pauses_the_events_and_kills_none,
    a_job_that_cannot_be_read_is_dead_at_once,
    a_dead_service_is_left_alone_and_found_again_within_seconds,
    a_clock_that_jumps_keeps_no_job_waiting,
    a_start_tries_what_has_backed_off,
    deliveries_end_and_the_rest_is_returned_at_shutdown,
    mail_that_cannot_be_written_waits_until_it_can,
);

#[tokio::test]
async fn without_an_analytics_service_there_are_no_events() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    register(&app).await;
    wait_for_state(&app, "welcome_email", "delivered").await;
    assert!(states(&app, "analytics_event").await.is_empty());
}
