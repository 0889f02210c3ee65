//! What answers mean, and what stands between.

use std::time::Duration;

use serde_json::json;

use crate::common::analytics::{AnalyticsService, Behaviour};
use crate::common::app::{AppOptions, TestApp, fresh_email};
use crate::common::database::Backend;
use crate::common::eventually;
use crate::common::scrape::metric;
use crate::{assert_nothing_shows, endpoint, kinds, on_both_databases};

on_both_databases!(an_endpoint_that_wants_no_more_is_switched_off_until_an_operator_says_otherwise);

async fn paused(app: &TestApp, reason: &str) {
    let gauge = metric("neodyme_outbox_paused").label("topic", "webhook_1").label("reason", reason);
    gauge.value(1.0).assert_in(app).await;
}

/// What the jobs that wait failed with.
async fn last_errors(app: &TestApp) -> Vec<String> {
    let errors = "SELECT last_error AS text FROM outbox_jobs WHERE topic = 'webhook_1' AND last_error IS NOT NULL";
    eventually("it failed", async || Some(app.database.texts(errors).await).filter(|errors| !errors.is_empty())).await
}

async fn an_endpoint_that_wants_no_more_is_switched_off_until_an_operator_says_otherwise(backend: Backend) {
    let (service, url) = endpoint().await;
    let (other, other_url) = endpoint().await;
    service.behave(Behaviour::Status(410, None));
    let options = AppOptions::on(backend).webhook(1, &url).webhook(2, &other_url);
    let mut app = TestApp::spawn(options).await;
    let on_database = AppOptions::on_database(app.database.clone()).webhook(1, &url).webhook(2, &other_url);
    let run = |arguments: &[&str]| {
        let output = on_database.run(arguments, app.folder());
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    assert!(run(&["webhook", "on", "--endpoint", "1"]).contains("webhook_1 was not switched off"));
    app.register(&fresh_email()).await;
    service.wait_for_received(1).await;
    paused(&app, "gone").await;
    metric("neodyme_webhooks_switched_off_total").label("topic", "webhook_1").value(1.0).assert_in(&app).await;
    // It does not fail, and when it is on again nobody is counted as waiting for it to come back.
    let closed = metric("neodyme_outbox_circuit").label("topic", "webhook_1").label("state", "closed");
    closed.value(1.0).assert_in(&app).await;
    let listed = run(&["webhook", "list"]);
    assert!(listed.contains("webhook_1") && listed.contains("off since 20"), "{listed}");
    assert!(last_errors(&app).await[0].starts_with("gone (410): the endpoint answered 410 Gone; it is switched off"));

    // It would take events again, and nobody asks it, whatever happens.
    service.behave(Behaviour::Ok);
    service.forget();
    app.register(&fresh_email()).await;
    other.wait_for_taken(2).await;
    app.restart().await;
    app.register(&fresh_email()).await;
    other.wait_for_taken(3).await;
    paused(&app, "gone").await;
    // A probe would come within 3 s.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(service.received().is_empty(), "{:?}", service.received());

    let listed = run_on(&app, &on_database);
    assert!(listed.contains("webhook_1 is on again"), "{listed}");
    let told = service.wait_for_taken(3).await;
    assert_eq!(kinds(&told), ["user.registered"; 3]);
    metric("neodyme_outbox_paused").label("topic", "webhook_1").value(0.0).assert_in(&app).await;
    assert!(app.audited().await.contains(&"webhook.switched_on by operator".to_owned()));
    assert_nothing_shows(&app);
}

fn run_on(app: &TestApp, options: &AppOptions) -> String {
    let output = options.run(&["webhook", "on", "--endpoint", "1"], app.folder());
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_another_url_an_endpoint_is_on() {
    let (service, url) = endpoint().await;
    service.behave(Behaviour::Status(410, None));
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).webhook(1, &url)).await;
    app.register(&fresh_email()).await;
    paused(&app, "gone").await;
    service.behave(Behaviour::Ok);
    let options = AppOptions::on_database(app.database.clone()).webhook(1, &format!("{url}/new"));
    let _moved = TestApp::spawn(options).await;
    let told = service.wait_for_taken(1).await;
    assert_eq!(told[0].path, "/v1/hooks/new");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_is_not_followed() {
    let ((service, url), elsewhere) = (endpoint().await, AnalyticsService::start().await);
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).webhook(1, &url)).await;
    for code in [302, 307, 308] {
        service.behave_once(Behaviour::RedirectTo(code, format!("{}/hooks", elsewhere.base_url())));
    }
    service.behave_once(Behaviour::RedirectSameHost);
    app.register(&fresh_email()).await;
    paused(&app, "not_the_service").await;
    let error = last_errors(&app).await.remove(0);
    assert!(error.contains("redirects are not followed: set the URL to where it is now"), "{error}");
    let told = eventually_taken(&service).await;
    assert!(elsewhere.received().is_empty());
    assert!(service.received().iter().all(|request| request.path == "/v1/hooks"), "{told:?}");
}

async fn eventually_taken(service: &AnalyticsService) -> usize {
    let patience = Duration::from_secs(60);
    crate::common::eventually_within(patience, "it is taken", async || {
        Some(service.taken().len()).filter(|taken| *taken > 0)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_let_in_waits_until_that_is_mended() {
    let (service, url) = endpoint().await;
    service.behave(Behaviour::Status(401, None));
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).webhook(1, &url)).await;
    let causes = |cause: &str| {
        metric("neodyme_error_causes_total").label("error_type", "WEBHOOK_SERVICE_ERROR").label("cause", cause)
    };
    causes("auth").value(0.0).assert_in(&app).await;
    for _ in 0..3 {
        app.register(&fresh_email()).await;
    }
    paused(&app, "auth").await;
    let line = app.wait_for_log("it is paused", |line| line["message"] == "Circuit opened; deliveries paused").await;
    assert_eq!((&line["context"]["topic"], &line["context"]["reason"]), (&json!("webhook_1"), &json!("auth")));
    service.behave(Behaviour::Ok);
    assert_eq!(kinds(&service.wait_for_taken(3).await), ["user.registered"; 3]);
    metric("neodyme_errors_total").label("error_type", "WEBHOOK_SERVICE_ERROR").at_least(1.0).assert_in(&app).await;
    causes("auth").at_least(1.0).assert_in(&app).await;
    causes("connect").value(0.0).assert_in(&app).await;
    assert_nothing_shows(&app);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_is_refused_is_tried_again_and_holds_up_no_other() {
    let (service, url) = endpoint().await;
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).webhook(1, &url).set("webhook_concurrency", 1)).await;
    service.behave_once(Behaviour::Status(400, None));
    app.register(&fresh_email()).await;
    app.register(&fresh_email()).await;
    service.wait_for_taken(2).await;
    metric("neodyme_outbox_paused").label("topic", "webhook_1").value(0.0).assert_in(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_for_a_pause_gets_it() {
    for status in [429, 503] {
        let (service, url) = endpoint().await;
        let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).webhook(1, &url)).await;
        service.behave_once(Behaviour::Status(status, Some("4".into())));
        app.register(&fresh_email()).await;
        service.wait_for_taken(1).await;
        let received = service.received();
        let waited = received[1].at - received[0].at;
        assert!(waited >= Duration::from_millis(3900), "{status}: {waited:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_endpoint_holds_up_no_other() {
    let ((slow, slow_url), (quick, quick_url)) = (endpoint().await, endpoint().await);
    slow.behave(Behaviour::Hang);
    let options = AppOptions::on(Backend::Sqlite).webhook(1, &slow_url).webhook(2, &quick_url);
    let app = TestApp::spawn(options.set("webhook_timeout", "60s").set("webhook_concurrency", 1)).await;
    for _ in 0..12 {
        app.register(&fresh_email()).await;
    }
    quick.wait_for_taken(12).await;
    assert_eq!(slow.received().len(), 1, "one at a time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_may_be_as_long_as_it_likes() {
    let (service, url) = endpoint().await;
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).webhook(1, &url)).await;
    for behaviour in [Behaviour::EndlessBody, Behaviour::SilentBody] {
        service.behave_once(behaviour);
    }
    app.register(&fresh_email()).await;
    app.register(&fresh_email()).await;
    let delivered = metric("neodyme_outbox_attempts_total").label("topic", "webhook_1").label("outcome", "delivered");
    delivered.value(2.0).assert_in(&app).await;
    assert_eq!(service.received().len(), 2);
}

/// The name is looked up, and leads to this machine: nobody connects.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_leads_to_a_private_address_is_not_asked() {
    for (url, networks) in [("https://localhost", ""), ("http://localhost", "10.0.0.0/8")] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{url}:{}/", listener.local_addr().unwrap().port());
        let options = AppOptions::on(Backend::Sqlite).webhook(1, &url).set("webhook_private_networks", networks);
        let app = TestApp::spawn(options).await;
        app.register(&fresh_email()).await;
        paused(&app, "not_the_service").await;
        let error = last_errors(&app).await.remove(0);
        assert!(error.contains("not_the_service: the endpoint's address must not be reached"), "{error}");
        let connection = tokio::time::timeout(Duration::from_millis(100), listener.accept()).await;
        assert!(connection.is_err(), "somebody connected to {url}");
    }
    // The same name, where its network is meant.
    let (service, url) = endpoint().await;
    let url = url.replace("127.0.0.1", "localhost");
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).webhook(1, &url)).await;
    app.register(&fresh_email()).await;
    service.wait_for_taken(1).await;
}
