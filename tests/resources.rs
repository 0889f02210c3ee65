//! What the system gives the process: too little is refused at the start, what may be raised is, and memory is given back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use common::app::{AppOptions, TestApp, fresh_email};
use common::database::Backend;
use common::eventually;
use common::raw::RawClient;
use common::scrape::metric;
use rustix::process::Resource;

const MIB: f64 = (1 << 20) as f64;

/// What it says when it refuses to start.
fn refusal(options: &AppOptions, command: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = options.run(&[command], folder.path());
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

/// With blocks of memory as in production.
fn real_hashing() -> AppOptions {
    AppOptions::on(Backend::Sqlite).set("password_argon2_memory_kib", 19456)
}

#[test]
fn too_few_files_are_refused_at_the_start() {
    let options = AppOptions::on(Backend::Sqlite).limit("nofile", 100);
    for command in ["serve", "check"] {
        let said = refusal(&options, command);
        assert!(said.contains("100 files may be open at once, and the service needs at least "), "{said}");
        assert!(said.contains("LimitNOFILE="), "{said}");
    }
}

#[test]
fn used_up_file_descriptors_are_no_missing_right() {
    let folder = tempfile::tempdir().unwrap();
    let options = AppOptions::on(Backend::Sqlite);
    assert!(options.run(&["migrate"], folder.path()).status.success());
    let mut named = 0;
    // From fewer than the runtime needs to as many as the command does.
    for files in 5..30 {
        let output = options.clone().limit("nofile", files).run(&["outbox", "list"], folder.path());
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!said.contains("panicked") && !said.contains("(permission)"), "{files}: {said}");
        if said.contains("the database failed") {
            assert!(said.contains("(resources)"), "{files}: {said}");
            assert!(said.contains("neodyme has used up its file descriptors; raise its limit"), "{files}: {said}");
            named += 1;
        }
        assert!(files < 29 || output.status.success(), "{said}");
    }
    assert!(named > 2, "{named}");
}

#[tokio::test]
async fn the_limit_of_files_is_raised_as_far_as_it_may_be() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).limit("nofile", "64:4000")).await;
    metric("process_max_fds").value(4000.0).assert_in(&app).await;
    assert!(!app.output().contains("Fewer connections"), "{}", app.output());
}

#[test]
fn the_check_says_how_many_connections_there_is_room_for() {
    let folder = tempfile::tempdir().unwrap();
    let check = |files: u32| {
        let output = AppOptions::on(Backend::Sqlite).limit("nofile", files).run(&["check"], folder.path());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let short = check(1000);
    assert!(
        short.contains("\nopen files: 1000: ") && short.contains("fewer than http_max_connections (1024)"),
        "{short}"
    );
    let enough = check(4000);
    assert!(enough.contains(" 1024 for clients\n") && !enough.contains("fewer"), "{enough}");
}

#[tokio::test]
async fn too_little_address_space_is_refused_at_the_start_and_what_is_asked_for_is_enough() {
    let said = refusal(&real_hashing().limit("as", 300 << 20), "serve");
    assert!(said.contains("300 MiB of address space") && said.contains("password_hash_workers"), "{said}");
    let needed = said.split("may need ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    let needed: u64 = needed.parse().unwrap();
    let app = TestApp::spawn(real_hashing().limit("as", needed << 20)).await;
    let mut users = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let request = app.request("POST", "/users/").json(&common::app::user(&fresh_email()));
        users.spawn(async move { request.send().await.unwrap().status() });
    }
    for status in users.join_all().await {
        assert_eq!(status, 201);
    }
}

#[test]
fn passwords_that_cannot_be_hashed_are_refused_at_the_start() {
    let options = AppOptions::on(Backend::Sqlite).set("password_hash_workers", 1024);
    let said = refusal(&options.set("password_argon2_memory_kib", 4_194_304), "serve");
    assert!(said.contains("4194304 MiB for password_hash_workers times password_argon2_memory_kib"), "{said}");
}

#[test]
fn too_few_threads_are_refused_at_the_start() {
    let said = refusal(&AppOptions::on(Backend::Sqlite).without_root().limit("nproc", 3), "serve");
    assert!(said.contains("threads at once") && said.contains("TasksMax="), "{said}");
}

#[tokio::test]
async fn a_file_that_must_not_grow_is_an_error_like_a_full_disk() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    assert_eq!(app.register(&fresh_email()).await.status, 201);
    app.limit(Resource::Fsize, Some(1024));
    app.register(&fresh_email()).await.assert_problem(503, "DATABASE_ERROR");
    let told = |line: &serde_json::Value| line["context"]["signal"] == "SIGXFSZ";
    let line = app.wait_for_log("why", told).await;
    assert_eq!(line["message"], "Signal ignored", "{line}");
    assert_eq!(app.get_ops("/metrics").await.status, 200);
    app.limit(Resource::Fsize, None);
    let again = async || (app.register(&fresh_email()).await.status == 201).then_some(());
    eventually("people register again", again).await;
}

#[tokio::test]
async fn memory_that_clients_took_is_given_back() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("http_max_header_bytes", 1_048_576)).await;
    let resident = metric("process_resident_memory_bytes");
    let before = resident.read(&app).await;
    let mut clients = Vec::new();
    let head = format!("GET /health/ HTTP/1.1\r\nhost: neodyme\r\nx: {}", "a".repeat(500_000));
    for _ in 0..100 {
        let mut client = RawClient::connect(app.api_address()).await;
        client.send(&head).await;
        clients.push(client);
    }
    let taken = async || Some(resident.read(&app).await - before).filter(|taken| *taken > 40.0 * MIB);
    let taken = eventually("clients take memory", taken).await;
    drop(clients);
    let kept = async || Some(resident.read(&app).await - before).filter(|kept| *kept < taken / 4.0);
    common::eventually_within(std::time::Duration::from_secs(60), "memory is given back", kept).await;
}
