//! What is waited for, and for how long: an answer that comes late or never, a fault that somebody has to mend.

use std::time::Duration;

use super::{app_with_settings, outbox, register, wait_for_state};
use crate::common::app::{AppOptions, TestApp};
use crate::common::database::Backend;
use crate::common::eventually;
use crate::common::scrape::metric;
use crate::common::smtp::{Behaviour, SinkOptions, SmtpSink, Verb};
use crate::on_both_databases;

/// Longer than a lease, with another instance that would take the job over.
async fn a_slow_answer_is_waited_for_and_no_mail_is_sent_twice(backend: Backend) {
    let sink = SmtpSink::start(Behaviour::SlowToTake(Duration::from_secs(4))).await;
    let settings = [("smtp_data_timeout", "1m"), ("welcome_email_lease", "900ms")];
    let app = app_with_settings(&sink, AppOptions::on(backend), &settings).await;
    let other = app_with_settings(&sink, AppOptions::on_database(app.database.clone()), &settings).await;
    register(&app).await;
    register(&other).await;
    // Either may have taken both.
    let told =
        |app: &TestApp| app.logs().iter().any(|line| line["message"] == "A service does not answer; it is waited for");
    eventually("the slowness is told at once", async || (told(&app) || told(&other)).then_some(())).await;
    wait_for_state(&app, "delivered").await;
    assert_eq!(sink.count(), 2);
    let attempts = "SELECT CAST(attempts AS text) AS text FROM outbox_jobs WHERE topic = 'welcome_email'";
    assert_eq!(app.database.texts(attempts).await, ["1", "1"]);
    for app in [&app, &other] {
        metric("neodyme_mails_perhaps_sent_total").value(0.0).assert_in(app).await;
    }
}

/// What it has is waited for; it gets a bounded number more, and everything once it answers.
async fn a_server_that_hangs_with_a_mail_gets_few_others_and_all_once_it_answers(backend: Backend) {
    let sink = SmtpSink::start(Behaviour::HangAfter(Verb::Message)).await;
    let settings = [("smtp_data_timeout", "1m"), ("welcome_email_lease", "600ms"), ("welcome_email_concurrency", "6")];
    let app = app_with_settings(&sink, AppOptions::on(backend), &settings).await;
    for _ in 0..30 {
        register(&app).await;
    }
    let circuit = || metric("neodyme_outbox_circuit").label("topic", "welcome_email");
    circuit().label("state", "closed").value(0.0).assert_in(&app).await;
    let given = || sink.commands().iter().filter(|line| *line == "DATA").count();
    eventually("a probe hangs as well", async || (given() > 6).then_some(())).await;
    assert!(given() <= 12, "{} mails hang", given());
    sink.behave(Behaviour::Normal);
    // Those that hang wait on.
    sink.until_received(30 - given().min(12)).await;
    circuit().label("state", "closed").value(1.0).assert_in(&app).await;
}

async fn what_was_not_answered_is_marked_counted_and_said(backend: Backend) {
    let sink = SmtpSink::start(Behaviour::HangAfter(Verb::Message)).await;
    let mut app = app_with_settings(&sink, AppOptions::on(backend), &[("shutdown_deadline", "2s")]).await;
    register(&app).await;
    metric("neodyme_mails_perhaps_sent_total").at_least(1.0).assert_in(&app).await;
    let unanswered = "SELECT CAST(unanswered AS text) AS text FROM outbox_jobs WHERE topic = 'welcome_email'";
    let marked = async || Some(app.database.texts(unanswered).await).filter(|found| found != &["0"]);
    eventually("the job is marked", marked).await;
    let id = app.database.texts("SELECT CAST(request_id AS text) AS text FROM outbox_jobs").await.remove(0);
    let listed = outbox(&app, &["list", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["request_id"], id.as_str());
    let shown = outbox(&app, &["show", "--id", listed[0]["id"].as_str().unwrap()]);
    assert!(shown.contains("may have been sent"), "{shown}");
    assert!(app.stop().await.success());
}

async fn a_shutdown_marks_what_it_did_not_wait_for(backend: Backend) {
    let sink = SmtpSink::start(Behaviour::HangAfter(Verb::Message)).await;
    let settings = [("smtp_data_timeout", "1m"), ("shutdown_deadline", "1500ms")];
    let mut app = app_with_settings(&sink, AppOptions::on(backend), &settings).await;
    register(&app).await;
    eventually("the mail is given", async || sink.commands().contains(&"DATA".to_owned()).then_some(())).await;
    assert!(app.stop().await.success());
    let said = "SELECT state || ' ' || CAST(unanswered AS text) || ' ' || last_error AS text FROM outbox_jobs";
    let words = "pending 1 timeout: the process ended before the answer came; it may have been sent";
    assert_eq!(app.database.texts(said).await, [words]);
}

/// Nobody else's fault but ours: whatever the age of the jobs, they wait.
async fn a_fault_of_the_configuration_pauses_mail_and_kills_none(backend: Backend) {
    let credentials = Some(("neodyme".to_owned(), "secret-password".to_owned()));
    let options = SinkOptions { credentials, ..SinkOptions::default() };
    let sink = SmtpSink::start_with(Behaviour::Normal, options).await;
    let app = app_with_settings(&sink, AppOptions::on(backend), &[("outbox_retry_for", "1s")]).await;
    let mut delivered = 0;
    for (behaviour, reason) in [
        (Behaviour::refuse(Verb::Auth, 535, "5.7.8 who are you"), "auth"),
        (Behaviour::refuse(Verb::Mail, 550, "5.1.8 bad sender"), "sender_refused"),
        (Behaviour::refuse(Verb::Rcpt, 554, "5.7.1 relay access denied"), "sender_refused"),
    ] {
        sink.behave(behaviour.clone());
        sink.drop_idle_connections();
        for _ in 0..6 {
            register(&app).await;
        }
        let paused = || metric("neodyme_outbox_paused").label("topic", "welcome_email").label("reason", reason);
        paused().value(1.0).assert_in(&app).await;
        let attempts =
            metric("neodyme_outbox_attempts_total").label("topic", "welcome_email").label("outcome", "retried");
        let before = attempts.read(&app).await;
        // Until jobs that are older than a second have been tried again.
        let attempts =
            metric("neodyme_outbox_attempts_total").label("topic", "welcome_email").label("outcome", "retried");
        attempts.at_least(before + 2.0).assert_in(&app).await;
        let dead = "SELECT state AS text FROM outbox_jobs WHERE state = 'dead'";
        assert!(app.database.texts(dead).await.is_empty(), "killed by {behaviour:?}");
        sink.behave(Behaviour::Normal);
        delivered += 6;
        sink.until_received(delivered).await;
        paused().value(0.0).assert_in(&app).await;
        wait_for_state(&app, "delivered").await;
    }
}

async fn a_job_that_fails_for_its_own_sake_is_given_up_in_time(backend: Backend) {
    let sink = SmtpSink::start(Behaviour::refuse(Verb::Rcpt, 450, "4.2.1 mailbox busy")).await;
    let app = app_with_settings(&sink, AppOptions::on(backend), &[("outbox_retry_for", "1s")]).await;
    register(&app).await;
    wait_for_state(&app, "dead").await;
}

on_both_databases!(
    a_slow_answer_is_waited_for_and_no_mail_is_sent_twice,
    a_server_that_hangs_with_a_mail_gets_few_others_and_all_once_it_answers,
    what_was_not_answered_is_marked_counted_and_said,
    a_shutdown_marks_what_it_did_not_wait_for,
    a_fault_of_the_configuration_pauses_mail_and_kills_none,
    a_job_that_fails_for_its_own_sake_is_given_up_in_time,
);
