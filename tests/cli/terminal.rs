//! The log on a terminal, and what makes a terminal's lines of a log that was kept.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::Neodyme;
use crate::common::programs::program;

const RECORD: &str = r#"{"timestamp":"2026-01-31T08:31:02.123456Z","level":"error","logger":"neodyme.requests","message":"Request failed","request_id":"0198a3f2-0000-4000-8000-00005c9e80b1","context":{"status_code":503}}"#;
const LINE: &str = "08:31:02.123 ERROR Request failed  503  request=…5c9e80b1";

/// Runs a command of a shell that knows `neodyme`, and gives it the input; says what it prints.
fn run(command: &str, variables: &[(&str, &str)], input: &str) -> String {
    let neodyme = Neodyme::new();
    let command = command.replace("neodyme ", &format!("{} ", env!("CARGO_BIN_EXE_neodyme")));
    let mut child = Command::new("sh")
        .args(["-c", &command])
        .current_dir(neodyme.path())
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap())
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The command on a terminal.
fn on_a_terminal(command: &str) -> String {
    format!("{} -qec '{command}' /dev/null", program("script").display())
}

#[test]
fn a_log_that_was_kept_is_made_readable() {
    let input = format!("{RECORD}\nno record \u{1b}[2J\n{RECORD}");
    assert_eq!(run("neodyme log", &[], &input), format!("{LINE}\nno record \\u{{1b}}[2J\n{LINE}\n"));
    let full = run("neodyme log --full", &[], RECORD);
    assert!(full.contains(" requests  Request failed  status_code=503 request_id=0198a3f2-0000-"), "{full}");
}

#[test]
fn colour_is_for_terminals_and_for_those_who_want_it() {
    let log = on_a_terminal(&format!("echo {} | neodyme log", RECORD.replace('"', "\\\"")));
    for (variables, is_coloured) in [
        (&[("TERM", "xterm")][..], true),
        (&[("TERM", "xterm"), ("NO_COLOR", "1")], false),
        (&[("TERM", "dumb")], false),
    ] {
        let shown = run(&log, variables, "");
        assert!(shown.contains("Request failed") && shown.contains('\u{1b}') == is_coloured, "{variables:?}: {shown}");
    }
    assert!(!run("neodyme log", &[("TERM", "xterm")], RECORD).contains('\u{1b}'), "a pipe has no colours");
}

#[test]
fn the_service_writes_for_people_on_a_terminal_and_json_elsewhere() {
    // It cannot listen there, says so in the log, and ends.
    let serve = "neodyme serve --api-listen 192.0.2.1:8000 --ops-listen 127.0.0.1:0";
    let shown = run(&on_a_terminal(&format!("NO_COLOR=1 {serve} --log-format auto")), &[], "");
    let is_for_people =
        |line: &str| line.get(12..).is_some_and(|rest| rest.starts_with(" CRIT  The service cannot run"));
    assert!(shown.lines().any(is_for_people), "{shown}");
    for json in [run(serve, &[], ""), run(&on_a_terminal(&format!("{serve} --log-format json")), &[], "")] {
        assert!(
            json.lines().any(|line| line.starts_with("{\"timestamp\":") && line.contains("The service cannot run"))
        );
    }
}
