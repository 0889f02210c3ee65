//! `neodyme demo-traffic` against the real service: what it sends, what it says, whom it spares.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use common::app::{AppOptions, TestApp};
use common::database::Backend;
use common::eventually;
use common::programs::lasting_port;
use common::scrape::Scrape;
use rustix::process::{Pid, Signal, kill_process};

fn run(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    AppOptions::bare().run(&[&["demo-traffic"], arguments].concat(), folder.path())
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The last table: for each kind how many were sent, and how often each answer came.
fn table(output: &str) -> BTreeMap<String, (u64, BTreeMap<String, u64>)> {
    let rows = output.lines().skip(1).filter(|line| line.contains("  ")).map(|line| {
        let cells: Vec<&str> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        let answers = cells[2].split(", ").filter_map(|answer| answer.rsplit_once(" ×"));
        let answers = answers.map(|(answer, count)| (answer.to_owned(), count.parse().unwrap()));
        (cells[0].to_owned(), (cells[1].parse().unwrap(), answers.collect()))
    });
    rows.collect()
}

fn registrations(scrape: &Scrape, outcome: &str) -> u64 {
    let series = scrape
        .samples
        .iter()
        .find(|sample| sample.name == "neodyme_registrations_total" && sample.labels["outcome"] == outcome);
    series.unwrap_or_else(|| panic!("no {outcome}")).value as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_says_what_the_service_counted() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let answer = run(&["--url", &app.api_url(), "--rate", "100", "--duration", "3s"]);
    let (out, err) = (text(&answer.stdout), text(&answer.stderr));
    assert_eq!(answer.status.code(), Some(0), "{err}");
    assert!(err.starts_with("neodyme: about 100 requests a second to http://127.0.0.1:"), "{err}");

    let table = table(out);
    let count = |kind: &str, answer: &str| table[kind].1.get(answer).copied().unwrap_or(0);
    let total: u64 = table.iter().filter(|(kind, _)| *kind != "all").map(|(_, (sent, _))| sent).sum();
    assert_eq!(table["all"].0, total, "{out}");
    assert!(table["all"].1.values().sum::<u64>() == total, "all have ended: {out}");
    for (kind, expected) in
        [("registration", "201"), ("duplicate", "409"), ("sign-in", "200"), ("invalid body", "422"), ("health", "200")]
    {
        assert!(count(kind, expected) > 0, "{kind}: {out}");
        assert_eq!(count(kind, expected), table[kind].0, "{kind}: {out}");
    }
    assert_eq!(count("malformed JSON", "400"), table["malformed JSON"].0, "{out}");
    assert_eq!(count("unknown path", "404"), table["unknown path"].0, "{out}");
    assert_eq!(count("wrong password", "401"), table["wrong password"].0, "{out}");

    // Who left may have been registered all the same.
    let scrape = app.metrics().await;
    let success = registrations(&scrape, "success");
    let (answered, left) = (count("all", "201"), count("leaves early", "left"));
    assert!((answered..=answered + left).contains(&success), "{success} for {out}");
    assert_eq!(registrations(&scrape, "duplicate"), count("all", "409"), "{out}");
    let invalid = count("all", "422") + count("all", "400");
    assert!((invalid..=invalid + left).contains(&registrations(&scrape, "invalid")), "{out}");
    assert_eq!(registrations(&scrape, "error"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_429_registrations_wait_as_the_service_asks() {
    let limits = AppOptions::on(Backend::Sqlite).set("registrations_per_client", 20).set("registrations_period", "1h");
    let app = TestApp::spawn(limits).await;
    let answer = run(&["--url", &app.api_url(), "--rate", "100", "--duration", "3s"]);
    let (out, err) = (text(&answer.stdout), text(&answer.stderr));
    assert_eq!(answer.status.code(), Some(0), "{err}");
    assert_eq!(err.matches("neodyme: 429: the service limits this address; registrations wait as it asks").count(), 1);

    let table = table(out);
    let (tried, limited) = (app.metrics().await, table["all"].1["429"]);
    assert!((1..=64).contains(&limited), "what was in flight, and no more: {out}");
    assert!(registrations(&tried, "rate_limited") >= limited, "{out}");
    assert!(registrations(&tried, "success") <= 20, "{out}");
    let held_back = out.lines().find_map(|line| line.split_once(" more were due while the service limited"));
    assert!(held_back.unwrap_or_else(|| panic!("{out}")).0.parse::<u32>().unwrap() > 100, "{out}");
    assert!(table["health"].1["200"] > 5 && !table["health"].1.contains_key("429"), "others go on: {out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_it_early_with_the_table() {
    for signal in [Signal::INT, Signal::TERM] {
        let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
        let mut command = Command::new(env!("CARGO_BIN_EXE_neodyme"));
        command.args(["demo-traffic", "--rate", "50", "--duration", "1h", "--url", &app.api_url()]);
        let child = command.env_clear().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        eventually("somebody is registered", async || {
            (registrations(&app.metrics().await, "success") > 3).then_some(())
        })
        .await;
        kill_process(Pid::from_child(&child), signal).unwrap();
        let answer = child.wait_with_output().unwrap();
        assert_eq!(answer.status.code(), Some(0), "{}", text(&answer.stderr));
        assert!(table(text(&answer.stdout))["registration"].1["201"] > 2, "{}", text(&answer.stdout));
    }
}

#[test]
fn another_machine_is_spared_unless_told() {
    for url in ["http://192.0.2.1:8000", "http://register.example.com", "https://[2001:db8::1]"] {
        let answer = run(&["--url", url, "--duration", "1s"]);
        assert_eq!((answer.status.code(), text(&answer.stdout)), (Some(2), ""));
        let expected = "is another machine, and this creates users there; --allow-remote does it all the same\n";
        assert!(text(&answer.stderr).ends_with(expected), "{}", text(&answer.stderr));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operations_listener_registers_nobody() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let answer = run(&["--url", &app.ops_url()]);
    assert_eq!((answer.status.code(), text(&answer.stdout)), (Some(1), ""));
    assert!(text(&answer.stderr).ends_with("registers nobody: give the address of the API (api_listen)\n"));
}

#[test]
fn wrong_arguments_are_refused() {
    let wrong = [
        ["--url", "127.0.0.1:8000", "accepted: a URL such as http://127.0.0.1:8000"],
        ["--url", "ftp://127.0.0.1", "it begins neither with http:// nor with https://"],
        ["--url", "http://127.0.0.1:8000/users/", "only scheme, host and port"],
        ["--rate", "0", "accepted: requests a second from 0.1 to 200"],
        ["--rate", "201", "accepted: requests a second from 0.1 to 200"],
        ["--duration", "25h", "accepted: 1s to 1day"],
        ["--duration", "60", "accepted: 1s to 1day"],
    ];
    for [flag, value, expected] in wrong {
        let answer = run(&[flag, value]);
        assert_eq!(answer.status.code(), Some(2), "{flag} {value}");
        assert!(text(&answer.stderr).contains(expected), "{flag} {value}: {}", text(&answer.stderr));
    }
}

#[test]
fn without_a_service_it_fails_at_once_and_says_why() {
    let nobody = format!("http://127.0.0.1:{}", lasting_port());
    let answer = run(&["--url", &nobody]);
    assert_eq!((answer.status.code(), text(&answer.stdout)), (Some(1), ""));
    let err = text(&answer.stderr);
    assert!(
        err.contains("does not answer: Connection refused") && err.contains("is `neodyme serve` running there?"),
        "{err}"
    );

    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", other.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut connection, _) = other.accept().unwrap();
        let _ = connection.read(&mut [0; 4096]);
        connection.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").unwrap();
    });
    let answer = run(&["--url", &url]);
    server.join().unwrap();
    assert_eq!(answer.status.code(), Some(1));
    let expected = format!("what answers at {url}/ is no neodyme: /health/ says 404 Not Found\n");
    assert!(text(&answer.stderr).ends_with(&expected), "{}", text(&answer.stderr));
}
