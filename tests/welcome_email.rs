//! The welcome email from a registration to the mail server, however that server behaves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;
#[path = "welcome_email/patience.rs"]
mod patience;

use std::time::{Duration, Instant};

use common::app::{AppOptions, TestApp, fresh_email, user};
use common::database::Backend;
use common::eventually;
use common::scrape::metric;
use common::smtp::{Behaviour, Identity, Security, SinkOptions, SmtpSink, Verb};

/// No answer to a client may take longer because of the mail: far less than a mail server that hangs.
const USUAL: Duration = Duration::from_secs(2);

async fn app_with(sink: &SmtpSink, backend: Backend) -> TestApp {
    app_with_settings(sink, AppOptions::on(backend), &[]).await
}

/// An app with these settings, which come last.
async fn app_with_settings(sink: &SmtpSink, options: AppOptions, more: &[(&'static str, &str)]) -> TestApp {
    TestApp::spawn(quick(options.set_all(sink.settings())).set_all(more.iter().copied())).await
}

fn quick(options: AppOptions) -> AppOptions {
    let options = options.set("smtp_timeout", "500ms").set("smtp_data_timeout", "500ms");
    options.set("outbox_max_backoff", "500ms").set("outbox_poll_interval", "100ms")
}

async fn register(app: &TestApp) -> String {
    let (email, began) = (fresh_email(), Instant::now());
    assert_eq!(app.register(&email).await.status, 201);
    assert!(began.elapsed() < USUAL, "a registration took {:?}", began.elapsed());
    email
}

async fn wait_for_state(app: &TestApp, state: &str) {
    let states = "SELECT state AS text FROM outbox_jobs WHERE topic = 'welcome_email'";
    let all = async || app.database.texts(states).await.iter().all(|now| now == state).then_some(());
    eventually(&format!("every welcome email is {state}"), all).await;
}

/// The lines that tell of failures.
fn failures(app: &TestApp) -> Vec<serde_json::Value> {
    let told = |line: &serde_json::Value| line["message"] == "Welcome email failed but registration continues";
    app.logs().into_iter().filter(told).collect()
}

/// The line that tells of a failure with this reason.
async fn wait_for_failure(app: &TestApp, reason: &str) -> serde_json::Value {
    let fits = |line: &serde_json::Value| {
        line["message"] == "Welcome email failed but registration continues" && line["context"]["reason"] == reason
    };
    app.wait_for_log(&format!("a failure by {reason}"), fits).await
}

async fn a_registered_user_gets_one_mail(backend: Backend) {
    let sink = SmtpSink::start(Behaviour::Normal).await;
    let app = app_with(&sink, backend).await;
    let request_id = "0a8f7e6d-5c4b-4a39-8281-706f5e4d3c2b";
    let mut body = user("Grace.Hopper@example.com");
    body["full_name"] = "Gräce O'Hopper".into();
    let request = app.request("POST", "/users/").header("x-request-id", request_id).json(&body);
    assert_eq!(request.send().await.unwrap().status(), 201);

    let mail = sink.until_received(1).await.remove(0);
    assert_eq!(mail.to, "Grace.Hopper@example.com");
    assert_eq!(mail.header("X-Request-ID"), request_id);
    let [text, html] = mail.parts();
    assert!(text.contains("Gräce O'Hopper"), "{text}");
    assert!(html.contains("<bdi>Gräce O&#x27;Hopper</bdi>"), "{html}");
    let call = app.wait_for_request_log("External service call: email.send_welcome", request_id).await;
    assert_eq!(call["context"]["job_id"], mail.job_id());
    assert_eq!(call["context"]["reply_code"], 250);
    wait_for_state(&app, "delivered").await;
    metric("neodyme_outbox_attempts_total")
        .label("topic", "welcome_email")
        .label("outcome", "delivered")
        .value(1.0)
        .assert_in(&app)
        .await;
    metric("neodyme_outbox_delivery_latency_seconds_count")
        .label("topic", "welcome_email")
        .value(1.0)
        .assert_in(&app)
        .await;
}

async fn a_mail_server_out_of_order_is_waited_for(backend: Backend) {
    let sink = SmtpSink::start(Behaviour::Normal).await;
    let app = app_with(&sink, backend).await;
    let verbs = [Verb::Greeting, Verb::Ehlo, Verb::Mail, Verb::Rcpt, Verb::Data, Verb::Message];
    let hangs = verbs.into_iter().map(|verb| (Behaviour::HangAfter(verb), "timeout"));
    let others = [
        (Behaviour::refuse(Verb::Greeting, 554, "5.3.2 not today"), "sender_refused"),
        (Behaviour::refuse(Verb::Mail, 550, "5.1.8 bad sender"), "sender_refused"),
        (Behaviour::refuse(Verb::Rcpt, 450, "4.2.1 mailbox busy"), "refused_4xx"),
        (Behaviour::refuse(Verb::Rcpt, 554, "relay access denied"), "refused_5xx"),
        (Behaviour::refuse(Verb::Rcpt, 550, "5.7.1 relaying denied"), "refused_5xx"),
        (Behaviour::refuse(Verb::Message, 554, "address is not verified"), "refused_5xx"),
        (Behaviour::refuse(Verb::Message, 452, "4.3.1 no room"), "refused_4xx"),
        (Behaviour::CloseMidData, "protocol"),
        (Behaviour::GarbageAfter(Verb::Greeting), "protocol"),
    ];
    let mut delivered = 0;
    for (behaviour, reason) in hangs.chain(others) {
        sink.behave(behaviour);
        // A connection that is kept would hide what a new one meets.
        sink.drop_idle_connections();
        let before = failures(&app).len();
        register(&app).await;
        let line = eventually("the failure is told", async || failures(&app).get(before).cloned()).await;
        assert_eq!(line["context"]["reason"], reason, "{line}");
        sink.behave(Behaviour::Normal);
        delivered += 1;
        sink.until_received(delivered).await;
        wait_for_state(&app, "delivered").await;
    }
    let errors = metric("neodyme_errors_total").label("error_type", "EMAIL_SERVICE_ERROR");
    errors.at_least(delivered as f64).assert_in(&app).await;
    let timeouts = metric("neodyme_external_service_calls_total").label("service", "email").label("outcome", "timeout");
    timeouts.at_least(6.0).assert_in(&app).await;
    let users = metric("neodyme_error_users").label("error_type", "EMAIL_SERVICE_ERROR").label("within", "incident");
    assert_eq!(users.read(&app).await, delivered as f64, "each time another user");
}

async fn a_refused_address_is_dead_at_once_and_holds_up_nobody(backend: Backend) {
    let sink = SmtpSink::start(Behaviour::Normal).await;
    let app = app_with(&sink, backend).await;
    let refused = fresh_email();
    sink.behave(Behaviour::RefuseRecipient(refused.clone()));
    assert_eq!(app.register(&refused).await.status, 201);
    wait_for_state(&app, "dead").await;
    for _ in 0..5 {
        register(&app).await;
    }
    sink.until_received(5).await;
    let line = wait_for_failure(&app, "refused_5xx").await;
    assert_eq!(line["context"]["reply_code"], 550);
    assert!(!app.output().contains(&refused), "the log does not name the address");
    metric("neodyme_outbox_jobs")
        .label("topic", "welcome_email")
        .label("state", "dead")
        .value(1.0)
        .assert_in(&app)
        .await;
    metric("neodyme_outbox_circuit")
        .label("topic", "welcome_email")
        .label("state", "closed")
        .value(1.0)
        .assert_in(&app)
        .await;
}

/// What the command says of this app's jobs.
fn outbox(app: &TestApp, arguments: &[&str]) -> String {
    let output = AppOptions::on_database(app.database.clone()).run(&[&["outbox"], arguments].concat(), app.folder());
    String::from_utf8(output.stdout).unwrap()
}

async fn what_the_server_said_is_kept_with_the_job_and_names_nobody(backend: Backend) {
    let sink = SmtpSink::start(Behaviour::Normal).await;
    let app = app_with(&sink, backend).await;
    let text = "5.1.1 <canary.kanarien@example.com>: Ada, canary.kanarien is unknown here, says the server";
    sink.behave(Behaviour::refuse(Verb::Rcpt, 550, &format!("{text} {}", "at length ".repeat(40))));
    assert_eq!(app.register("canary.kanarien@example.com").await.status, 201);
    wait_for_state(&app, "dead").await;
    let words = "refused_5xx (550): RCPT TO: 550 5.1.1 … … … is unknown here, says the server";
    let given_up = app.wait_for_log("it is given up", |line| line["message"] == "Job given up").await;
    let error = given_up["context"]["error"].as_str().unwrap();
    assert!(error.starts_with(words) && error.len() < 240, "{error}");
    let id = given_up["context"]["job_id"].as_str().unwrap();
    for said in [outbox(&app, &["list"]), outbox(&app, &["show", "--id", id])] {
        assert!(said.contains(words) && !said.contains("kanarien"), "{said}");
    }
    let dead = metric("neodyme_outbox_dead_jobs").label("topic", "welcome_email").label("reason", "refused_5xx");
    dead.value(1.0).assert_in(&app).await;
    let page = app.get_ops("/").await.text().to_owned();
    let row = "<td>example.com</td><td>refused_5xx (550)</td>";
    assert!(page.contains(row) && page.contains(id) && !page.contains("kanarien"), "{page}");
}

async fn a_mail_server_that_comes_back_is_found_within_seconds(backend: Backend) {
    let mut sink = SmtpSink::start(Behaviour::Normal).await;
    let app = app_with(&sink, backend).await;
    sink.go_down().await;
    for _ in 0..10 {
        register(&app).await;
    }
    wait_for_failure(&app, "connect").await;
    metric("neodyme_outbox_circuit")
        .label("topic", "welcome_email")
        .label("state", "open")
        .value(1.0)
        .assert_in(&app)
        .await;
    sink.come_back().await;
    let back = Instant::now();
    sink.until_received(10).await;
    assert!(back.elapsed() < Duration::from_secs(10), "it took {:?}", back.elapsed());
}

/// A mail server that repeats whatever it has heard, at each point of the conversation.
async fn what_a_mail_server_repeats_of_the_credentials_is_shown_nowhere(backend: Backend) {
    const PASSWORD: &str = "kanarien \"vogel\" 4711";
    let options = SinkOptions { credentials: Some(("neodyme".into(), PASSWORD.into())), ..SinkOptions::default() };
    let sink = SmtpSink::start_with(Behaviour::Normal, options).await;
    let app = app_with(&sink, backend).await;
    for (verb, code, says) in [
        (Verb::Auth, 535, "AUTH: refused with 535 5.7.8"),
        (Verb::Mail, 451, "MAIL FROM: 451 5.7.8 EHLO"),
        (Verb::Rcpt, 451, "RCPT TO: 451 5.7.8 EHLO"),
        (Verb::Message, 451, "message: 451 5.7.8 EHLO"),
    ] {
        sink.behave(Behaviour::Repeat { verb, code });
        sink.drop_idle_connections();
        register(&app).await;
        app.wait_for_log(says, |line| {
            line["exception"]["chain"][0].as_str().is_some_and(|text| text.starts_with(says))
        })
        .await;
    }
    sink.behave(Behaviour::Repeat { verb: Verb::Auth, code: 535 });
    let health = app.get_ops("/health/detailed?fresh=true").await;
    assert_eq!(health.json()["checks"]["email_service"]["error"], "AUTH: refused with 535 5.7.8");
    let errors = app.get_ops("/errors").await;
    assert!(errors.text().contains("MAIL FROM: 451"), "{}", errors.text());
    let jobs = app.database.texts("SELECT coalesce(last_error, '') AS text FROM outbox_jobs").await.join("\n");
    let (user, password) = ("5lb2R5bWUA", "a2FuYXJpZW4gInZvZ2VsIiA0NzEx");
    for text in [app.output().as_str(), health.text(), errors.text(), jobs.as_str()] {
        for secret in ["kanarien", "vogel", user, password] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    assert!(sink.commands().iter().any(|line| line.contains(user) && line.contains(password)), "{:?}", sink.commands());
}

/// Addresses that are odd, and right.
async fn an_address_that_is_accepted_gets_its_mail(backend: Backend) {
    let sink = SmtpSink::start(Behaviour::Normal).await;
    let app = app_with(&sink, backend).await;
    let addresses = ["\"a b\"@example.com", "\"a@b\"@example.com", "संपर्क@डाटामेल.भारत", "\"john\"@example.com"];
    for address in addresses {
        assert_eq!(app.register(address).await.status, 201, "{address}");
    }
    for taken in ["john@example.com", "JOHN@example.com", "\"j\\ohn\"@example.com"] {
        assert_eq!(app.register(taken).await.status, 409, "{taken}");
    }
    let mut to: Vec<_> = sink.until_received(4).await.into_iter().map(|mail| mail.to).collect();
    to.sort();
    let international = "संपर्क@xn--c2bd4bq1db8d.xn--h2brj9c";
    assert_eq!(to, ["\"a b\"@example.com", "\"a@b\"@example.com", "john@example.com", international]);
    wait_for_state(&app, "delivered").await;
    for refused in ["user@1.2.3.4", "a\u{200f}b@example.com"] {
        assert_eq!(app.register(refused).await.status, 422, "{refused}");
    }
}

async fn nothing_is_sent_to_a_server_that_cannot_be_trusted(backend: Backend) {
    let options = SinkOptions { security: Security::StartTls(Identity::of_a_stranger()), ..SinkOptions::default() };
    let sink = SmtpSink::start_with(Behaviour::Normal, options).await;
    let app = app_with(&sink, backend).await;
    register(&app).await;
    wait_for_failure(&app, "tls").await;
    assert_eq!(sink.count(), 0);
    assert!(!sink.commands().iter().any(|command| command.to_uppercase().starts_with("MAIL")), "{:?}", sink.commands());
}

on_both_databases!(
    a_registered_user_gets_one_mail,
    a_mail_server_out_of_order_is_waited_for,
    a_refused_address_is_dead_at_once_and_holds_up_nobody,
    what_the_server_said_is_kept_with_the_job_and_names_nobody,
    a_mail_server_that_comes_back_is_found_within_seconds,
    what_a_mail_server_repeats_of_the_credentials_is_shown_nowhere,
    an_address_that_is_accepted_gets_its_mail,
    nothing_is_sent_to_a_server_that_cannot_be_trusted,
);
