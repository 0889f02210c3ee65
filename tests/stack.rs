//! `make stack`: everything starts, works together, and leaves nothing behind.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::eventually_within;
use common::http::{self, Answer};
use common::programs::lasting_port;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

const PORTS: [&str; 5] = ["API", "OPS", "POSTGRES", "PROMETHEUS", "ALERTMANAGER"];
/// The first scrape comes within the shipped interval of 5 s.
const PATIENCE: Duration = Duration::from_secs(90);

struct Stack {
    child: Child,
    ports: [u16; 5],
    folder: TempDir,
}

impl Stack {
    /// Starts the script with ports and folders of its own.
    fn start(ports: [u16; 5]) -> Stack {
        let folder = tempfile::tempdir().unwrap();
        // PostgreSQL is somebody else where the tests are root.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        // A test run in the background ignores Ctrl-C, and a shell cannot heed what it was born to ignore.
        let mut command = Command::new("env");
        command.arg("--default-signal=INT");
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/stack/run"));
        command.env("NEODYME", env!("CARGO_BIN_EXE_neodyme")).env("TMPDIR", folder.path());
        command.env("STACK_DIR", folder.path().join("state")).env("STACK_RATE", "20");
        for (name, port) in PORTS.iter().zip(ports) {
            command.env(format!("STACK_{name}_PORT"), port.to_string());
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Stack { child, ports, folder }
    }

    /// The command lines of processes that know this stack's folder, but for the script itself.
    fn processes(&self) -> Vec<String> {
        let folder = self.folder.path().to_str().unwrap();
        let entries = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let pids = entries.filter(|name| name.parse::<u32>().is_ok_and(|pid| pid != self.child.id()));
        let lines = pids.filter_map(|pid| fs::read(format!("/proc/{pid}/cmdline")).ok());
        let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
        lines
            .filter(|line| {
                line.contains(folder)
                    || line.contains(&format!("demo-traffic --url http://127.0.0.1:{}", self.ports[0]))
            })
            .collect()
    }

    /// Waits for the end; everything it said, and its exit code.
    fn end(&mut self) -> (Option<i32>, String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        let code = self.child.wait().unwrap().code();
        self.child.stdout.take().map(|mut pipe| pipe.read_to_string(&mut out));
        self.child.stderr.take().map(|mut pipe| pipe.read_to_string(&mut err));
        (code, out, err)
    }

    async fn query(&self, expression: &str) -> Option<f64> {
        let mut url = url::Url::parse(&format!("http://127.0.0.1:{}/api/v1/query", self.ports[3])).unwrap();
        url.query_pairs_mut().append_pair("query", expression);
        let answer = json(url.as_str()).await?;
        answer["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // It stops its programs, and each of them ends with it at the latest.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

/// What answers before it is ready need not be JSON.
async fn json(url: &str) -> Option<Value> {
    let answer = Answer::to(http::client().get(url)).await.ok()?;
    serde_json::from_slice(&answer.body).ok()
}

fn free_ports() -> [u16; 5] {
    std::array::from_fn(|_| lasting_port())
}

async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, look).await
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_together_and_ends_with_ctrl_c() {
    let mut stack = Stack::start(free_ports());
    let mut lines = BufReader::new(stack.child.stdout.take().unwrap());
    let mut said = String::new();
    while !said.contains("Ctrl-C stops everything.") {
        let mut line = String::new();
        if lines.read_line(&mut line).unwrap() == 0 {
            panic!("it ended: {said}{:?}", stack.end());
        }
        said += &line;
    }
    for port in [stack.ports[0], stack.ports[1], stack.ports[3], stack.ports[4]] {
        assert!(said.contains(&format!("http://127.0.0.1:{port}")), "{said}");
    }
    // neodyme, PostgreSQL, Prometheus, Alertmanager, and traffic, which begins after the addresses were said.
    eventually("five programs run", async || (stack.processes().len() >= 5).then_some(())).await;

    eventually("Prometheus scrapes neodyme", async || stack.query("up{job='neodyme'} == 1").await).await;
    let registered = "neodyme_registrations_total{outcome='success'} > 0";
    eventually("traffic is counted", async || stack.query(registered).await).await;
    // Not whether it got the watchdog: what Prometheus tells before it knows whom, it tells again after a minute.
    let known = format!("http://127.0.0.1:{}/api/v1/alertmanagers", stack.ports[3]);
    let alertmanager = format!("http://127.0.0.1:{}/api/v2/alerts", stack.ports[4]);
    eventually("Prometheus knows Alertmanager", async || {
        let active = json(&known).await?["data"]["activeAlertmanagers"][0]["url"].clone();
        (active == alertmanager.as_str()).then_some(())
    })
    .await;
    assert!(json(&alertmanager).await.is_some_and(|alerts| alerts.is_array()));
    let config =
        Answer::to(http::client().get(format!("http://127.0.0.1:{}/config", stack.ports[1]))).await.unwrap().json();
    let value = |key: &str| {
        let setting = config["settings"].as_array().unwrap().iter().find(|setting| setting["setting"] == key);
        setting.unwrap_or_else(|| panic!("no {key} in {config}"))["value"].as_str().unwrap().to_owned()
    };
    assert!(value("database_url").starts_with("postgres://neodyme:***@127.0.0.1:"), "{config}");
    assert_eq!(value("registrations_per_client"), "0", "all of the traffic comes from one address");

    kill_process(Pid::from_child(&stack.child), Signal::INT).unwrap();
    lines.read_to_string(&mut said).unwrap();
    let (code, _, err) = stack.end();
    assert_eq!((code, err.as_str()), (Some(0), ""), "{said}");
    assert!(said.contains("\nregistration ") && said.contains("201 ×"), "{said}");
    assert_eq!(stack.processes(), [""; 0]);
    for port in stack.ports {
        TcpListener::bind(("127.0.0.1", port)).expect("the port is free again");
    }
    let left: Vec<_> = fs::read_dir(stack.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["state"], "the database's folder is gone");
}

#[test]
fn a_taken_port_is_named_and_nothing_starts() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut ports = free_ports();
    ports[3] = taken.local_addr().unwrap().port();
    let mut stack = Stack::start(ports);
    let (code, out, err) = stack.end();
    let expected = format!(
        "Port {} is taken: stop what listens there, or choose another one with STACK_PROMETHEUS_PORT.\n",
        ports[3]
    );
    assert_eq!((code, out.as_str(), err), (Some(1), "", expected));
    assert_eq!(stack.processes(), [""; 0]);
}
