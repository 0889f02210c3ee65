//! The commands of the runbooks run as they are written, and in the world of its fault each names the cause.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

use common::alertmanager::{Alertmanager, Endpoints};
use common::app::{AppOptions, TestApp, fresh_email, user};
use common::clock::FakeClock;
use common::database::{Backend, Database, open_postgres};
use common::eventually;
use common::http::Answer;
use common::postgres::Cluster;
use common::prometheus::Prometheus;
use common::rules::rules;
use common::smtp::{Behaviour, SmtpSink, Verb};
use common::users::PASSWORD;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls};

/// What only a whole machine has: its service manager, its clock's keeper, its container's limits.
const OF_A_MACHINE: [&str; 7] =
    ["/etc/prometheus", "THE-PUBLIC-ADDRESS", "systemctl", "timedatectl", "chronyc", "journalctl -k", "/sys/fs/cgroup"];
/// What changes something, or sends something to somebody.
const NOT_ONLY_LOOKS: [&str; 7] =
    ["outbox retry", "outbox discard", "/users/", "email test", "webhook test", "webhook on", "pg_terminate_backend("];

/// The shell blocks of a runbook.
fn commands(runbook: &str) -> Vec<String> {
    let page = fs::read_to_string(folder().join(format!("{runbook}.md"))).unwrap();
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.map(|block| block.lines().map(str::trim).collect::<Vec<_>>().join("\n")).collect()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks")
}

fn runbooks() -> Vec<String> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<_> = files.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// What a journal has beside the service's own lines: those of the service manager, and of a panic.
const FOREIGN: [&str; 3] =
    ["Started neodyme.service - neodyme.", "thread 'main' panicked at src/main.rs:1:1:", "{\"half a"];

/// The log of this app, as a service manager keeps it.
fn journal(app: &TestApp) -> PathBuf {
    let file = app.folder().join("journal");
    let lines = FOREIGN.join("\n");
    fs::write(&file, format!("{lines}\n{}\n{lines}\n", app.output())).unwrap();
    file
}

/// What a command of a runbook prints, for somebody who has the log of this app and may ask its database.
fn run(app: &TestApp, command: &str, error_type: &str) -> (String, String) {
    let log = journal(app);
    let command = command
        .replace("INSTANCE", app.ops_address())
        .replace("HOST:8000", app.api_address())
        .replace("TYPE", error_type);
    let script = format!("journalctl() {{ cat {}; }}\npidof() {{ echo {}; }}\n{command}", log.display(), app.pid());
    let output = Command::new("bash")
        .args(["-c", &script])
        .env("DATABASE", app.database.url())
        .env("NEODYME_DATABASE_URL", app.database.url())
        .env("PATH", path_with_neodyme())
        .env("PAGER", "cat")
        .output()
        .unwrap();
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    (said[0].clone(), said[1].clone())
}

fn path_with_neodyme() -> String {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_neodyme"));
    format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap())
}

/// All that the commands of a runbook print which name these programs.
fn prints(app: &TestApp, runbook: &str, naming: &str, error_type: &str) -> String {
    let commands: Vec<String> = commands(runbook).into_iter().filter(|command| command.contains(naming)).collect();
    assert!(!commands.is_empty(), "{runbook} has no command with {naming}");
    commands.iter().map(|command| run(app, command, error_type).0).collect()
}

async fn app_on(cluster: &Cluster) -> TestApp {
    let database = Database::Postgres(cluster.create_database());
    TestApp::spawn(AppOptions::on_database(database).set("database_query_timeout", "500ms")).await
}

async fn session(app: &TestApp) -> Client {
    let Database::Postgres(url) = &app.database else { panic!("on PostgreSQL") };
    open_postgres(url).await.0
}

async fn fail(app: &TestApp) {
    app.register(&fresh_email()).await.assert_problem(503, "DATABASE_ERROR");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_that_looks_runs_where_all_is_well() {
    let app = app_on(Cluster::shared()).await;
    assert_eq!(app.register(&fresh_email()).await.status, 201);
    let nobody = Endpoints { http: SocketAddr::from(([127, 0, 0, 1], 9)), smtp_port: 9 };
    let alertmanager = Alertmanager::start(nobody, &[]).await;
    let prometheus = Prometheus::scraping(&app, &[]).await;
    let mut tried = 0;
    for runbook in runbooks() {
        for command in commands(&runbook) {
            let is_not_for_here = |words: &[&str]| words.iter().any(|words| command.contains(words));
            if is_not_for_here(&OF_A_MACHINE) || is_not_for_here(&NOT_ONLY_LOOKS) || command.contains("--id ID") {
                continue;
            }
            let command = command.replace("127.0.0.1:9093", alertmanager.address());
            let command = command.replace("PROMETHEUS", prometheus.address());
            let (_, complaint) = run(&app, &command, "DATABASE_ERROR");
            assert!(complaint.is_empty(), "{runbook}: {command}\n{complaint}");
            tried += 1;
        }
    }
    assert!(tried > 25, "{tried} commands");
}

/// What a notification asks the log, with its templates left out.
fn query_of(annotation: &str) -> String {
    let parts = annotation.split("{{").map(|part| part.split_once("}}").map_or(part, |(_, rest)| rest));
    parts.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_question_of_a_notification_to_the_log_can_be_asked() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    assert_eq!(app.register(&fresh_email()).await.status, 201);
    let annotations = rules().into_iter().filter_map(|rule| rule.annotations.get("log_query").cloned());
    // Where the log itself is what is missing there is a sentence.
    let queries: BTreeSet<String> =
        annotations.filter(|query| query.starts_with("jq ")).map(|q| query_of(&q)).collect();
    assert!(queries.len() > 15, "{queries:?}");
    for query in queries {
        let (_, complaint) = run(&app, &format!("journalctl -u neodyme --since -1h -o cat | {query}"), "");
        assert!(complaint.is_empty(), "{query}\n{complaint}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_password_was_found_is_named_and_nobody_else() {
    const TRIES_PASSWORDS: &str = "203.0.113.9";
    let options = AppOptions::on(Backend::Sqlite).set("trusted_proxies", "127.0.0.1");
    let app = TestApp::spawn(options.set("logins_per_client", 0)).await;
    let [victim, forgetful, early] = [fresh_email(), fresh_email(), fresh_email()];
    for email in [&victim, &forgetful, &early] {
        assert_eq!(app.register(email).await.status, 201);
    }
    let sign_in = async |from: &str, email: &str, password: &str| {
        let body = json!({ "email": email, "password": password });
        let request = app.request("POST", "/auth/login").header("x-forwarded-for", from).json(&body);
        Answer::to(request).await.unwrap().status
    };
    // From the same address, before anything was tried there.
    assert_eq!(sign_in(TRIES_PASSWORDS, &early, PASSWORD).await, 200);
    for _ in 0..10 {
        assert_eq!(sign_in(TRIES_PASSWORDS, &fresh_email(), "wrong horse battery").await, 401);
    }
    for _ in 0..3 {
        assert_eq!(sign_in("198.51.100.7", &forgetful, "wrong horse battery").await, 401);
    }
    assert_eq!(sign_in("198.51.100.7", &forgetful, PASSWORD).await, 200);
    assert_eq!(sign_in(TRIES_PASSWORDS, &victim, PASSWORD).await, 200);
    let named = async || {
        let found = prints(&app, "NeodymeWrongPasswordsUnusuallyMany", "User signed in", "");
        (!found.is_empty()).then_some(found)
    };
    let found = eventually("somebody is named", named).await;
    let signed_in = app.logs().into_iter().rfind(|line| line["message"] == "User signed in").unwrap();
    let [line] = found.lines().collect::<Vec<_>>()[..] else { panic!("{found}") };
    let row: Vec<&str> = line.split('\t').collect();
    assert_eq!(row[1..4], [signed_in["user_id"].as_str().unwrap(), TRIES_PASSWORDS, "10"], "{found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_that_cannot_be_used_is_found() {
    let app = app_on(Cluster::shared()).await;
    let user = app.signed_in().await;
    app.database.execute("UPDATE signing_keys SET is_sealed = true").await;
    let refused = async || (app.login(&user.email, PASSWORD).await.status == 500).then_some(());
    eventually("it cannot be used", refused).await;
    let keys = prints(&app, "NeodymeSignInsFailing", "keys list", "");
    let signs = keys.lines().find(|line| line.contains("  signs  ") && line.ends_with("  yes        no"));
    let kid = signs.unwrap_or_else(|| panic!("{keys}")).split_whitespace().nth(1).unwrap();
    let samples = prints(&app, "NeodymeSignInsFailing", "/errors?type", "");
    assert!(samples.contains(&format!("the key {kid} cannot be read")), "{samples}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_database_is_found() {
    let cluster = Cluster::start();
    let app = app_on(&cluster).await;
    let session = session(&app).await;
    session.batch_execute("ALTER SYSTEM SET default_transaction_read_only = on").await.unwrap();
    session.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    eventually("it is read-only", async || (app.register(&fresh_email()).await.status == 503).then_some(())).await;
    let samples = prints(&app, "NeodymeCriticalError", "/errors?type", "DATABASE_ERROR");
    assert!(samples.contains(r#""cause": "read_only""#), "{samples}");
    let server = prints(&app, "NeodymeCriticalError", "pg_is_in_recovery", "");
    assert!(server.contains("| on "), "no standby, but read-only: {server}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_holds_a_lock_is_found() {
    let app = app_on(Cluster::shared()).await;
    let session = session(&app).await;
    session.batch_execute("SET application_name = 'nightly-report'").await.unwrap();
    session.batch_execute("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE").await.unwrap();
    fail(&app).await;
    let samples = prints(&app, "NeodymeCriticalError", "/errors?type", "DATABASE_ERROR");
    assert!(samples.contains(r#""cause": "lock""#), "{samples}");
    let registering = async { while app.register(&fresh_email()).await.status == 503 {} };
    let holder = async || {
        let holders = prints(&app, "NeodymeCriticalError", "pg_blocking_pids", "");
        (holders.contains("nightly-report") && holders.contains("LOCK TABLE users")).then_some(())
    };
    tokio::select! {
        () = registering => panic!("nothing waits"),
        () = eventually("the holder is named", holder) => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_all_connections_is_found() {
    let cluster = Cluster::start();
    let app = app_on(&cluster).await;
    let Database::Postgres(url) = &app.database else { panic!("on PostgreSQL") };
    let looking = session(&app).await;
    let url = format!("{url}{}application_name=crawler", if url.contains('?') { '&' } else { '?' });
    let mut crawler = Vec::new();
    // Those that neodyme has end, until it gets no others.
    let theirs = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'neodyme'";
    let cause = || prints(&app, "NeodymeCriticalError", "/errors?type", "DATABASE_ERROR");
    while !cause().contains(r#""cause": "connections_exhausted""#) {
        looking.batch_execute(theirs).await.unwrap();
        while let Ok((client, connection)) = tokio_postgres::connect(&url, NoTls).await {
            tokio::spawn(connection);
            crawler.push(client);
        }
        app.register(&fresh_email()).await;
    }
    // A superuser has some in reserve; here some of the crawler's are given up for it, one after the other.
    drop(looking);
    let crawler = Mutex::new(crawler);
    let holders = async || {
        crawler.lock().unwrap().pop();
        let holders = prints(&app, "NeodymeCriticalError", "backend_type", "");
        holders.lines().nth(2).is_some_and(|first| first.contains("crawler")).then_some(())
    };
    eventually("the holder is named first", holders).await;
}

async fn app_with_mail(sink: &SmtpSink) -> TestApp {
    let options = AppOptions::on_database(Database::Postgres(Cluster::shared().create_database()));
    TestApp::spawn(options.set_all(sink.settings())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_domain_that_refuses_and_its_words_are_found() {
    let sink = SmtpSink::start(Behaviour::refuse(Verb::Rcpt, 550, "5.2.1 we take no mail from there")).await;
    let app = app_with_mail(&sink).await;
    for n in 0..3 {
        app.register(&format!("user{n}@refusing.example")).await;
    }
    let counted = async || {
        let table = prints(&app, "NeodymeOutboxDeadLetters", "--by", "");
        let row = |line: &str| line.starts_with("3 ") && line.contains("refusing.example  refused_5xx (550)");
        table.lines().any(row).then_some(())
    };
    eventually("the domain is named, with how many", counted).await;
    let words = prints(&app, "NeodymeOutboxDeadLetters", "--limit", "");
    assert!(words.contains("5.2.1 we take no mail from there"), "{words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_has_to_mend_is_found() {
    let sink = SmtpSink::start(Behaviour::refuse(Verb::Mail, 550, "5.7.1 sender is not verified")).await;
    let app = app_with_mail(&sink).await;
    app.register(&fresh_email()).await;
    let counted = async || {
        let table = prints(&app, "NeodymeOutboxPaused", "--by", "");
        table.contains("sender_refused (550)").then_some(())
    };
    eventually("the reply is named", counted).await;
    let words = prints(&app, "NeodymeOutboxPaused", "journalctl", "");
    assert!(words.contains("MAIL FROM: 550 5.7.1 sender is not verified"), "{words}");
    let settings = prints(&app, "NeodymeOutboxPaused", "neodyme check", "");
    assert!(!settings.is_empty(), "{settings}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_clock_is_wrong_is_found() {
    let database = Database::Postgres(Cluster::shared().create_database());
    let clock = FakeClock::new();
    let app = TestApp::spawn(clock.give_to(AppOptions::on_database(database))).await;
    clock.set_ahead(-600);
    let behind = async || {
        let printed = prints(&app, "NeodymeClockSkew", "clock_timestamp", "");
        let times: Vec<_> = printed.lines().map(|line| OffsetDateTime::parse(line, &Rfc3339).expect(line)).collect();
        let [instance, machine, server] = times[..] else { panic!("{printed}") };
        assert!((machine - server).whole_seconds().abs() < 60, "{printed}");
        ((server - instance).whole_seconds() > 540).then_some(())
    };
    eventually("the instance differs", behind).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn which_instance_refuses_passwords_is_found() {
    let page = fs::read_to_string(folder().join("NeodymePasswordHashQueueSlow.md")).unwrap();
    let mut queries = page.split("```promql\n").map(|rest| rest.split("```").next().unwrap());
    let query = queries.find(|query| query.contains("by (instance)") && query.contains("rejections")).unwrap();
    let options = AppOptions::on(Backend::Sqlite).slow_hashing().set("password_hash_max_wait", "200ms");
    let app = TestApp::spawn(options).await;
    let prometheus = Prometheus::scraping(&app, &[]).await;
    prometheus.wait_for("neodyme_password_hash_rejections_total", 0.0).await;
    let mut registrations = JoinSet::new();
    for _ in 0..8 {
        let request = app.request("POST", "/users/").json(&user(&fresh_email()));
        registrations.spawn(async move { Answer::to(request).await.unwrap().status });
    }
    assert!(registrations.join_all().await.contains(&503), "some are refused");
    eventually("the instance is named", async || {
        let found = prometheus.get("query", &[("query", query)]).await;
        (found["result"][0]["metric"]["instance"] == app.ops_address()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_the_processors_is_found() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let mut neighbour = Command::new("sh").args(["-c", "while :; do :; done # nightly-backup"]).spawn().unwrap();
    let first = async || {
        let busiest = prints(&app, "NeodymeProcessorStarved", "top -b", "");
        busiest.lines().nth(1)?;
        busiest.lines().take(8).any(|line| line.contains("nightly-backup")).then_some(())
    };
    eventually("the neighbour is named", first).await;
    neighbour.kill().unwrap();
    neighbour.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fills_the_disk_is_found() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    fs::write(app.folder().join("data/core.4711"), vec![7; 20 << 20]).unwrap();
    let largest = prints(&app, "NeodymeDiskAlmostFull", "du -xah", "");
    let named: Vec<&str> = largest.lines().filter(|line| line.contains("20M") || line.contains("21M")).collect();
    assert!(named.iter().any(|line| line.ends_with("data/core.4711")), "{largest}");
}
