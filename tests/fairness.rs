//! What one client does hurts no other: places, shares and rates for each client address.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::time::{Duration, Instant};

use common::app::{AppOptions, TestApp, fresh_email};
use common::database::{Backend, open_postgres};
use common::eventually;
use common::http::Answer;
use common::raw::{HALF, HEALTH, RawClient, login, registration};
use common::scrape::metric;
use common::users::PASSWORD;

/// Far below the defaults of 10 s and more, far above what a limit of 300 ms needs on a busy machine.
const SOON: Duration = Duration::from_secs(5);

/// So many connections of a stranger, on each of which something was sent.
async fn strangers(app: &TestApp, count: usize, sent: impl Fn() -> String) -> Vec<RawClient> {
    let mut clients = Vec::new();
    for _ in 0..count {
        let mut client = RawClient::stranger(app.api_address()).await;
        client.send(sent()).await;
        clients.push(client);
    }
    clients
}

/// Registrations of a stranger that wait for a hash worker.
async fn flood(app: &TestApp, count: usize) -> Vec<RawClient> {
    let clients = strangers(app, count, || registration(&fresh_email())).await;
    metric("neodyme_password_hash_queue_length").value(count as f64 - 1.0).assert_in(app).await;
    clients
}

#[tokio::test]
async fn a_flood_of_one_client_makes_none_but_itself_wait() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).slow_hashing()).await;
    assert_eq!(app.register(&fresh_email()).await.status, 201);
    let flooding = flood(&app, 20).await;
    assert_eq!(app.register(&fresh_email()).await.status, 201);
    let waiting = metric("neodyme_password_hash_queue_length").read(&app).await;
    assert!(waiting >= 15.0, "it waited until {waiting} were left");
    drop(flooding);
}

/// Registers and signs in, and says how long that took.
async fn register_and_sign_in(app: &TestApp) -> Duration {
    let (began, email) = (Instant::now(), fresh_email());
    assert_eq!(app.register(&email).await.status, 201);
    assert_eq!(app.login(&email, PASSWORD).await.status, 200);
    began.elapsed()
}

#[tokio::test]
#[allow(clippy::print_stderr, reason = "the ratio is not asserted, since it depends on the machine")]
async fn a_flood_of_sign_ins_and_registrations_makes_none_but_its_client_wait() {
    const ADMITTED: usize = 20;
    const BEYOND: usize = 60;
    let options = AppOptions::on(Backend::Sqlite).slow_hashing();
    let options = options.set("logins_per_client", ADMITTED).set("registrations_per_client", ADMITTED);
    let app = TestApp::spawn(options.set("logins_period", "24h").set("registrations_period", "24h")).await;
    let alone = register_and_sign_in(&app).await;

    let mut clients = strangers(&app, ADMITTED, || login(&fresh_email(), PASSWORD)).await;
    clients.extend(strangers(&app, ADMITTED, || registration(&fresh_email())).await);
    let admitted = 2 * ADMITTED;
    metric("neodyme_password_hash_queue_length").at_least(admitted as f64 - 3.0).assert_in(&app).await;
    // From then on the flood has had a turn, and is no newcomer.
    clients[0].answer().await;
    let mut refused = strangers(&app, BEYOND, || login(&fresh_email(), PASSWORD)).await;
    refused.extend(strangers(&app, BEYOND, || registration(&fresh_email())).await);
    let beside = register_and_sign_in(&app).await;
    let waiting = metric("neodyme_password_hash_queue_length").read(&app).await;

    eprintln!("alone {alone:?}, beside a flood {beside:?}: {:.1} times", beside.as_secs_f64() / alone.as_secs_f64());
    // Each of the two hashes waits for the one of the flood that is under way.
    assert!(waiting >= admitted as f64 / 2.0, "{waiting} of the flood wait still");
    for client in &mut refused {
        assert_eq!(client.answer().await.status, 429, "beyond its limit nothing waits");
    }
    metric("neodyme_password_hash_rejections_total").value(0.0).assert_in(&app).await;
}

#[tokio::test]
async fn a_flood_of_one_client_does_not_take_the_service_out_of_rotation() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).slow_hashing().set("password_hash_max_wait", "2s")).await;
    assert_eq!(app.register(&fresh_email()).await.status, 201);
    let mut refused = 0;
    let mut clients = strangers(&app, 40, || registration(&fresh_email())).await;
    for client in &mut clients {
        assert_eq!(app.get("/health/ready").await.status, 200);
        refused += usize::from(client.answer().await.status == 503);
    }
    assert!(refused > 0, "the flood filled its queue");
    assert_eq!(app.register(&fresh_email()).await.status, 201);
}

#[tokio::test]
async fn clients_take_turns_at_the_database_and_leave_a_connection_to_the_service() {
    let options = AppOptions::on(Backend::Postgres).set("database_pool_size", 2);
    let options = options.set("database_acquire_timeout", "30s").set("database_query_timeout", "30s");
    let app = TestApp::spawn(options).await;
    assert_eq!(app.register(&fresh_email()).await.status, 201);
    let (session, _) = open_postgres(&app.database.url()).await;
    session.batch_execute("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE").await.unwrap();

    let mut others = strangers(&app, 20, || registration(&fresh_email())).await;
    metric("neodyme_db_pool_waiters").at_least(19.0).assert_in(&app).await;
    assert_eq!(app.get_ops("/health/ready?fresh=true").await.status, 200);
    let mut ours = RawClient::connect(app.api_address()).await;
    ours.send(registration(&fresh_email())).await;
    metric("neodyme_db_pool_waiters").at_least(20.0).assert_in(&app).await;
    session.batch_execute("COMMIT").await.unwrap();

    let answer = ours.answer().await;
    assert_eq!(answer.status, 201);
    for client in &mut others {
        assert_eq!(client.answer().await.status, 201);
    }
    let id = answer.header("x-request-id").unwrap();
    app.wait_for_request_log("Database operation: check_existing", id).await;
    let checks = app.logs().into_iter().filter(|line| line["message"] == "Database operation: check_existing");
    let requests: Vec<_> = checks.skip(1).map(|line| line["request_id"].clone()).collect();
    let place = requests.iter().position(|request| request == id);
    assert_eq!(place, Some(2), "after the one that was under way and the next of the other client");
}

#[tokio::test]
async fn one_client_has_so_many_requests_worked_on_and_no_more() {
    let app =
        TestApp::spawn(AppOptions::on(Backend::Sqlite).slow_hashing().set("http_max_requests_per_client", 2)).await;
    let flooding = flood(&app, 2).await;
    let mut third = RawClient::stranger(app.api_address()).await;
    let refused = third.send(registration(&fresh_email())).await.answer().await;
    assert_eq!(refused.status, 429, "{refused:?}");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(app.register(&fresh_email()).await.status, 201, "another client has its own");
    drop(flooding);
}

#[tokio::test]
async fn idle_connections_give_way_to_new_ones() {
    let options = AppOptions::on(Backend::Sqlite).set("http_max_connections", 3);
    let app = TestApp::spawn(options.set("http_max_connections_per_client", 0)).await;
    let mut idle = Vec::new();
    for _ in 0..3 {
        let mut client = RawClient::stranger(app.api_address()).await;
        assert_eq!(client.send(HEALTH).await.answer().await.status, 200);
        idle.push(client);
    }
    assert_eq!(app.get("/health/").await.status, 200, "another client finds a place");
    assert_eq!(idle[0].until_closed_within(SOON).await, "", "the one that was idle for longest gave its place");
    assert_eq!(idle[2].send(HEALTH).await.answer().await.status, 200);
    metric("neodyme_http_connections_total").label("result", "gave_way").value(1.0).assert_in(&app).await;
}

#[tokio::test]
async fn one_client_has_so_many_connections_and_no_more() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("http_max_connections_per_client", 2)).await;
    let (mut first, mut second) =
        (RawClient::stranger(app.api_address()).await, RawClient::stranger(app.api_address()).await);
    let refused = RawClient::stranger(app.api_address()).await.answer().await;
    assert_eq!(refused.status, 503, "the others are too new to give way: {refused:?}");
    for client in [&mut first, &mut second] {
        assert_eq!(client.send(HEALTH).await.answer().await.status, 200);
    }
    let mut third = RawClient::stranger(app.api_address()).await;
    assert_eq!(third.send(HEALTH).await.answer().await.status, 200);
    assert_eq!(first.until_closed_within(SOON).await, "");
    assert_eq!(second.send(HEALTH).await.answer().await.status, 200);
}

#[tokio::test]
async fn connections_that_wait_for_their_clients_give_way_to_others() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("http_max_connections", 8)).await;
    let mut waiting = Vec::new();
    for last in [2, 3] {
        for _ in 0..4 {
            let mut client = RawClient::connect_from([127, 0, 0, last], app.api_address()).await;
            client.send(HALF).await;
            waiting.push(client);
        }
    }
    metric("neodyme_http_requests_in_flight").value(9.0).assert_in(&app).await;
    for _ in 0..3 {
        let mut ours = RawClient::connect(app.api_address()).await;
        assert_eq!(ours.send(registration(&fresh_email())).await.answer().await.status, 201);
    }
    metric("neodyme_http_connections_total").label("result", "gave_way").at_least(1.0).assert_in(&app).await;
}

#[tokio::test]
async fn large_answers_that_are_not_read_give_way_to_prometheus() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("http_answer_timeout", "60s")).await;
    let mut unread = Vec::new();
    for last in [2, 2, 3, 3] {
        let mut client = RawClient::connect_from([127, 0, 0, last], app.ops_address()).await;
        // More than the buffers of both ends hold.
        client.send("GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(200)).await;
        unread.push(client);
    }
    // Until their buffers are full they are read.
    let url = format!("{}/metrics", app.ops_url());
    eventually("ten scrapes in a row are answered", async || {
        for _ in 0..10 {
            // The connection of the one before may have given way too.
            if !Answer::to(app.client.get(&url)).await.is_ok_and(|answer| answer.status == 200) {
                return None;
            }
        }
        Some(())
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_requests_does_not_flood_the_log() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("http_requests_per_client", 1)).await;
    let mut clients = strangers(&app, 100, || "GET /nothing HTTP/1.1\r\nhost: neodyme\r\n\r\n".repeat(4)).await;
    for client in &mut clients {
        for _ in 0..4 {
            assert!(matches!(client.answer().await.status, 404 | 429));
        }
    }
    let told = "Requests refused of clients that do not wait";
    let line = app.wait_for_log(told, |line| line["message"] == told).await;
    assert_eq!((&line["level"], &line["context"]["client_ip"]), (&"info".into(), &"127.0.0.2".into()), "{line}");
    let refused = metric("neodyme_http_requests_rejected_total").label("reason", "rate_limited").read(&app).await;
    let told = ["Request completed", "Request refused"];
    let lines = app.logs().iter().filter(|line| told.iter().any(|told| line["message"] == *told)).count();
    assert!(refused > 300.0 && lines < 250, "{refused} refused, {lines} told one by one");
}

#[tokio::test]
async fn proxies_have_no_share_of_their_own() {
    let options = AppOptions::on(Backend::Sqlite)
        .set("http_max_connections_per_client", 1)
        .set("registrations_per_client", 1)
        .set("trusted_proxies", "127.0.0.2");
    let app = TestApp::spawn(options).await;
    let mut connections = Vec::new();
    for client in 1..=4 {
        let mut connection = RawClient::stranger(app.api_address()).await;
        let host = "host: neodyme\r\n";
        let forwarded =
            registration(&fresh_email()).replace(host, &format!("{host}x-forwarded-for: 192.0.2.{client}\r\n"));
        assert_eq!(connection.send(&forwarded).await.answer().await.status, 201);
        assert_eq!(connection.send(&forwarded).await.answer().await.status, 429, "its client has registered already");
        connections.push(connection);
    }
    for connection in &mut connections {
        assert_eq!(connection.send(HEALTH).await.answer().await.status, 200);
    }
}

#[tokio::test]
async fn requests_whose_body_is_under_way_take_no_place_of_work() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("http_max_requests_in_flight", 1)).await;
    let _slow = strangers(&app, 5, || HALF.to_owned()).await;
    metric("neodyme_http_requests_in_flight").value(6.0).assert_in(&app).await;
    assert_eq!(app.register(&fresh_email()).await.status, 201);
}

#[tokio::test]
async fn the_body_that_was_waited_for_longest_gives_way() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("http_max_late_bodies", 1)).await;
    let mut first = RawClient::stranger(app.api_address()).await;
    first.send(HALF).await;
    metric("neodyme_http_requests_in_flight").value(2.0).assert_in(&app).await;
    let mut second = RawClient::stranger(app.api_address()).await;
    second.send(HALF).await;
    let refused = first.answer().await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.body.contains("\"SERVICE_OVERLOADED\""), "{refused:?}");
    assert_eq!(app.register(&fresh_email()).await.status, 201, "a body that comes with its head waits for nothing");
}

#[tokio::test]
async fn a_body_in_small_pieces_takes_no_more_memory_than_its_size() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let head = HALF.replace("content-length: 100", "content-length: 16000");
    let before = app.resident_mib();
    let mut clients = Vec::new();
    for _ in 0..40 {
        let mut client = RawClient::stranger(app.api_address()).await;
        client.send(&head).await.send(" ".repeat(8192)).await;
        client.send_in_pieces(&[b' '; 6000], 15).await;
        clients.push(client);
    }
    metric("neodyme_http_requests_in_flight").value(41.0).assert_in(&app).await;
    let after = app.resident_mib();
    assert!(after < before + 20, "{before} MiB before, {after} MiB with 40 bodies of 16 KB");
}

#[tokio::test]
async fn a_refused_body_is_not_kept() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let head = "POST /users/ HTTP/1.1\r\nhost: neodyme\r\ncontent-type: text/plain\r\ncontent-length: 2000000\r\n\r\n";
    let before = app.resident_mib();
    let mut clients = Vec::new();
    for _ in 0..60 {
        let mut client = RawClient::stranger(app.api_address()).await;
        client.send(head).await.send(" ".repeat(900_000)).await;
        clients.push(client);
    }
    let after = app.resident_mib();
    assert!(after < before + 30, "{before} MiB before, {after} MiB with 60 bodies of 0.9 MB that are thrown away");
    for mut client in clients {
        assert_eq!(client.answer().await.status, 415);
        client.until_closed_within(SOON).await;
    }
}

#[tokio::test]
async fn who_does_not_take_answers_is_cut() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("http_answer_timeout", "300ms")).await;
    let mut client = RawClient::connect(app.ops_address()).await;
    // More than the buffers of both ends hold.
    client.send("GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(200)).await;
    metric("neodyme_http_connections_total").label("result", "unread").value(1.0).assert_in(&app).await;
    // The one that looks.
    metric("neodyme_http_connections").value(1.0).assert_in(&app).await;
}

#[tokio::test]
async fn who_hangs_up_before_the_answer_is_counted_and_limited() {
    let options = AppOptions::on(Backend::Sqlite).slow_hashing().set("registrations_per_client", 2);
    let app = TestApp::spawn(options).await;
    for count in 1..=2 {
        let mut client = RawClient::stranger(app.api_address()).await;
        client.send(registration(&fresh_email())).await;
        metric("neodyme_password_hash_workers").label("state", "busy").value(1.0).assert_in(&app).await;
        drop(client);
        metric("neodyme_registrations_total").label("outcome", "hung_up").value(f64::from(count)).assert_in(&app).await;
        metric("neodyme_password_hash_workers").label("state", "busy").value(0.0).assert_in(&app).await;
    }
    let line = app.wait_for_log("the hang-up", |line| line["message"] == "User registration cancelled").await;
    assert_eq!(line["context"]["client_ip"], "127.0.0.2", "{line}");
    let mut client = RawClient::stranger(app.api_address()).await;
    assert_eq!(client.send(registration(&fresh_email())).await.answer().await.status, 429);
}
