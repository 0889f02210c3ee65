//! The service leaves politely: readiness first, requests under way to their end, then the logs, then exit 0.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use common::app::{AppOptions, TestApp, fresh_email, user};
use common::database::Backend;
use common::eventually;
use common::http::{self, Answer};
use common::load::{Failure, Load};
use common::raw::{RawClient, registration};
use common::scrape::metric;
use rustix::process::Signal;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Clients that leave once readiness fails, as behind a load balancer, meet no error at all.
async fn a_graceful_stop_under_load_loses_no_request(backend: Backend) {
    let mut app = TestApp::spawn(AppOptions::on(backend).set("shutdown_delay", "5s")).await;
    let load = Load::start(&app, 8);
    load.wait_for_accepted(40).await;
    app.terminate();
    eventually("readiness fails", async || (app.get("/health/").await.status == 503).then_some(())).await;
    let attempts = load.stop().await;
    assert!(app.wait_for_exit().await.success());

    let failed: Vec<_> = attempts.iter().filter(|attempt| !attempt.is_accepted()).collect();
    assert!(failed.is_empty(), "{} of {} failed: {failed:?}", failed.len(), attempts.len());
    let stored = BTreeSet::from_iter(app.database.emails().await);
    assert!(attempts.iter().all(|attempt| stored.contains(&attempt.email)), "every 201 is stored");
    assert_eq!(stored.len(), attempts.len());
}

async fn requests_under_way_are_answered(backend: Backend) {
    let mut app = TestApp::spawn(AppOptions::on(backend).slow_hashing()).await;
    let mut requests = JoinSet::new();
    for _ in 0..4 {
        let request = http::client().post(format!("{}/users/", app.api_url())).json(&user(&fresh_email()));
        requests.spawn(Answer::to(request));
    }
    // The scrape that looks is in flight as well.
    metric("neodyme_http_requests_in_flight").at_least(4.0).assert_in(&app).await;
    let status = app.stop().await;
    let answers = requests.join_all().await;
    assert!(status.success(), "{status}");
    for answer in answers {
        assert_eq!(answer.unwrap().status, 201);
    }
    assert_eq!(app.database.count("users").await, 4);
}

on_both_databases!(a_graceful_stop_under_load_loses_no_request, requests_under_way_are_answered);

#[tokio::test]
async fn a_request_on_its_way_is_answered() {
    let mut app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let request = registration("ada@example.com");
    let (first, rest) = request.split_at(30);
    let mut client = RawClient::connect(app.api_address()).await;
    client.send(first).await;
    // This one, and the one that scrapes.
    metric("neodyme_http_connections").value(2.0).assert_in(&app).await;
    app.terminate();
    app.wait_for_log("it closes", |line| line["message"] == "Shutting down").await;
    eventually("no new connection is taken", async || TcpStream::connect(app.api_address()).await.err()).await;
    let answer = client.send(rest).await.answer().await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(app.wait_for_exit().await.success());
}

/// What the kernel holds when the listener closes is reset, and no service can help it; what was accepted is answered.
#[tokio::test]
async fn an_accepted_connection_is_not_closed_without_an_answer() {
    for _ in 0..3 {
        let mut app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("shutdown_delay", "100ms")).await;
        let load = Load::start_with(&app, 64, http::one_shot_client);
        load.wait_for_accepted(40).await;
        assert!(app.stop().await.success());
        let attempts = load.stop().await;
        let stored = BTreeSet::from_iter(app.database.emails().await);
        for attempt in attempts {
            assert_eq!(attempt.is_accepted(), stored.contains(&attempt.email), "{attempt:?}");
            let unanswered = matches!(&attempt.result, Err(Failure::Broken(why)) if why.contains("IncompleteMessage"));
            assert!(!unanswered, "{attempt:?}");
        }
    }
}

#[tokio::test]
async fn an_idle_service_ends_at_once_and_says_so() {
    let mut app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    // Idle keep-alive connections do not hold it back.
    app.get("/health/").await;
    let mut idle = RawClient::connect(app.api_address()).await;
    let began = Instant::now();
    assert!(app.stop().await.success());
    assert!(began.elapsed() < Duration::from_secs(5), "took {:?}", began.elapsed());
    idle.until_closed().await;
    let messages: Vec<_> = app.logs().into_iter().map(|line| line["message"].clone()).collect();
    assert!(messages.iter().any(|message| message == "Shutting down"), "{messages:?}");
    assert_eq!(messages.last().unwrap(), "Stopped");
}

#[tokio::test]
async fn readiness_fails_while_the_service_still_serves() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("shutdown_delay", "60s")).await;
    assert_eq!(app.get("/health/").await.status, 200);
    app.terminate();
    eventually("readiness fails", async || (app.get("/health/").await.status == 503).then_some(())).await;
    assert_eq!(app.register("ada@example.com").await.status, 201);
    assert_eq!(app.get_ops("/metrics").await.status, 200);
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let mut app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("shutdown_delay", "60s")).await;
    app.terminate();
    app.wait_for_log("Shutting down", |line| line["message"] == "Shutting down").await;
    let began = Instant::now();
    let status = app.stop().await;
    assert!(!status.success(), "cut short is no success: {status}");
    assert!(began.elapsed() < Duration::from_secs(10), "took {:?}", began.elapsed());
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_at_the_deadline() {
    let options = AppOptions::on(Backend::Sqlite).set("shutdown_deadline", "500ms").set("http_body_timeout", "60s");
    let mut app = TestApp::spawn(options.set("http_request_timeout", "60s")).await;
    let mut client = RawClient::connect(app.api_address()).await;
    client.send("POST /users/ HTTP/1.1\r\nhost: neodyme\r\ncontent-type: application/json\r\n").await;
    client.send("content-length: 100\r\n\r\n{").await;
    // The request and the scrape that looks.
    metric("neodyme_http_requests_in_flight").at_least(2.0).assert_in(&app).await;
    let began = Instant::now();
    app.stop().await;
    assert!(began.elapsed() < Duration::from_secs(10), "took {:?}", began.elapsed());
    client.until_closed().await;
}

#[tokio::test]
async fn ctrl_c_and_sigquit_stop_as_well() {
    for signal in [Signal::INT, Signal::QUIT] {
        let mut app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
        app.signal(signal);
        assert!(app.wait_for_exit().await.success());
    }
}

#[tokio::test]
async fn no_other_signal_ends_or_stops_the_service() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let told = [
        (Signal::HUP, "SIGHUP"),
        (Signal::USR1, "SIGUSR1"),
        (Signal::USR2, "SIGUSR2"),
        (Signal::ALARM, "SIGALRM"),
        (Signal::STKFLT, "SIGSTKFLT"),
        (Signal::TSTP, "SIGTSTP"),
        (Signal::TTIN, "SIGTTIN"),
        (Signal::TTOU, "SIGTTOU"),
        (Signal::XCPU, "SIGXCPU"),
        (Signal::XFSZ, "SIGXFSZ"),
        (Signal::VTALARM, "SIGVTALRM"),
        (Signal::PROF, "SIGPROF"),
        (Signal::IO, "SIGIO"),
        (Signal::POWER, "SIGPWR"),
    ];
    let silent = [Signal::PIPE, Signal::CHILD, Signal::URG, Signal::WINCH, Signal::CONT];
    // SIGCONT takes back the stop signals that have not arrived yet: it goes first.
    for signal in silent.into_iter().chain(told.map(|(signal, _)| signal)) {
        app.signal(signal);
    }
    for real_time in ["-34", "-64"] {
        let sent = Command::new("sh").args(["-c", "kill $0 $1", real_time, &app.pid().to_string()]).status().unwrap();
        assert!(sent.success());
    }
    for name in told.map(|(_, name)| name).into_iter().chain(["a real-time signal"]) {
        let line = app.wait_for_log(name, |line| line["context"]["signal"] == name).await;
        assert_eq!((&line["message"], &line["level"]), (&"Signal ignored".into(), &"warning".into()), "{line}");
        assert!(line["context"]["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{line}");
    }
    assert_eq!(app.register(&fresh_email()).await.status, 201);
}
