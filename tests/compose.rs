//! `compose.yaml` and what belongs to it: pinned, closed, healthy, without secrets, and with every file in its place.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use common::app::AppOptions;
use common::programs::program;
use serde_json::{Map, Value};

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

fn compose() -> Value {
    serde_saphyr::from_str(&read(project("compose.yaml"))).unwrap()
}

fn services() -> Map<String, Value> {
    compose()["services"].as_object().unwrap().clone()
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().map(|item| item.as_str().unwrap()).collect()
}

/// `NAME:1.2` or more exact, or a digest.
fn is_pinned(image: &str) -> bool {
    let (_, tag) = image.split_once(':').unwrap_or((image, ""));
    image.contains("@sha256:")
        || tag.trim_start_matches('v').split(['.', '-']).take(2).all(|n| n.parse::<u32>().is_ok())
}

#[test]
fn every_image_is_pinned() {
    for (name, service) in services() {
        let image = service["image"].as_str().unwrap();
        assert!(service["build"].is_object() || is_pinned(image), "{name}: {image}");
    }
    let dockerfile = read(project("Dockerfile"));
    let bases: Vec<&str> =
        dockerfile.lines().filter_map(|line| line.strip_prefix("FROM ")?.split(' ').next()).collect();
    assert!(bases.len() == 2 && bases.iter().all(|base| is_pinned(base)), "{bases:?}");
    let manifest = read(project("Cargo.toml"));
    let rust = manifest.lines().find_map(|line| line.strip_prefix("rust-version = \"")?.strip_suffix('"')).unwrap();
    assert!(bases[0].starts_with(&format!("rust:{rust}.")), "the image builds with another Rust than {rust}");
}

#[test]
fn ports_are_open_to_this_machine_alone() {
    for (name, service) in services() {
        for port in texts(&service["ports"]) {
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port}");
        }
    }
}

#[test]
fn every_service_is_healthy_by_a_check_and_held_to_limits() {
    for (name, service) in services() {
        let check = &service["healthcheck"];
        let is_client = name == "demo-traffic" && check["disable"] == true;
        assert!(is_client || texts(&check["test"]).first() == Some(&"CMD"), "{name} has no health check");
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(texts(&service["cap_drop"]), ["ALL"], "{name}");
        for limit in ["cpus", "memory", "pids"] {
            assert!(!service["deploy"]["resources"]["limits"][limit].is_null(), "{name} has no limit of {limit}");
        }
        for (other, needs) in service["depends_on"].as_object().into_iter().flatten() {
            assert!(needs["condition"].is_string() && services().contains_key(other), "{name} needs {other}");
        }
    }
}

#[test]
fn secrets_are_files_that_no_repository_holds() {
    assert!(read(project(".gitignore")).lines().any(|line| line == "/data"));
    let compose = compose();
    let secrets = compose["secrets"].as_object().unwrap();
    for (name, secret) in secrets {
        assert_eq!(secret["file"], format!("./data/compose/secrets/{name}"));
    }
    for (name, service) in services() {
        for secret in texts(&service["secrets"]) {
            assert!(secrets.contains_key(secret), "{name}: {secret}");
        }
        for (variable, value) in service["environment"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_else(|| panic!("{variable} of {name} is no text"));
            let is_secret =
                ["PASSWORD", "SECRET", "TOKEN", "KEY", "DATABASE_URL"].iter().any(|word| variable.contains(word));
            let mounted = value.strip_prefix("/run/secrets/");
            let is_file = variable.ends_with("_FILE")
                && mounted.is_some_and(|secret| texts(&service["secrets"]).contains(&secret));
            assert!(!is_secret || is_file, "{variable} of {name}");
            assert!(!value.contains("://"), "{variable} of {name} is an address that could have a password");
        }
    }
}

#[test]
fn what_is_mounted_is_there_once_it_is_prepared() {
    let folder = tempfile::tempdir().unwrap();
    let prepare = || {
        let prepared = Command::new(project("packaging/compose/prepare")).arg(folder.path()).output().unwrap();
        assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
    };
    prepare();
    let compose = compose();
    let volumes = compose["volumes"].as_object().unwrap();
    let services = services();
    let mounts = services.values().flat_map(|service| texts(&service["volumes"]));
    let secrets = compose["secrets"].as_object().unwrap().values().map(|secret| secret["file"].as_str().unwrap());
    for mount in mounts.chain(secrets) {
        let source = mount.split(':').next().unwrap();
        let exists = match source.strip_prefix("./data/compose/") {
            Some(prepared) => folder.path().join(prepared).exists(),
            None if source.starts_with("./") => project(source).exists(),
            None => volumes.contains_key(source) || source == "/var/run/docker.sock",
        };
        assert!(exists, "{mount}");
        assert!(source.starts_with("./data/") || !source.starts_with('.') || mount.ends_with(":ro"), "{mount}");
    }

    let home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].as_str().unwrap();
    assert!(project(&home.replace("/var/lib/grafana/", "grafana/")).exists(), "{home}");

    // The secrets are different, stay what they are, and lie in a closed folder.
    let secrets = || -> BTreeSet<String> {
        fs::read_dir(folder.path().join("secrets")).unwrap().map(|file| read(file.unwrap().path())).collect()
    };
    let before = secrets();
    prepare();
    assert_eq!((before.len(), &secrets()), (4, &before));
    assert!(before.iter().all(|secret| secret.len() >= 32 && secret.trim() == secret));
    let mode = fs::metadata(folder.path().join("secrets")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);

    // Data sources lead to where Compose has them.
    for file in fs::read_dir(folder.path().join("datasources")).unwrap() {
        let text = read(file.unwrap().path());
        for url in text.lines().filter_map(|line| line.trim().strip_prefix("url: ")) {
            let host = url.split_once("://").and_then(|(_, rest)| rest.split([':', '/']).next()).unwrap_or(url);
            assert!(services.contains_key(host), "no container is called {host}");
        }
    }
}

/// All that is wrong where nothing is called `postgres` is that nobody answers there.
#[test]
fn neodyme_takes_the_settings_that_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Command::new(project("packaging/compose/prepare")).arg(folder.path()).status().unwrap().success());
    let secrets = format!("{}/", folder.path().join("secrets").display());
    let mut options = AppOptions::bare().set("database_startup_timeout", "50ms");
    let given = services()["neodyme"]["environment"].as_object().unwrap().clone();
    let image = read(project("Dockerfile"));
    let built_in = image.lines().filter_map(|line| line.strip_prefix("ENV ")).flat_map(|line| line.split(' '));
    for (name, value) in built_in.map(|variable| variable.split_once('=').unwrap()) {
        options = options.variable(name, value);
    }
    for (name, value) in &given {
        options = options.variable(name, value.as_str().unwrap().replace("/run/secrets/", &secrets));
    }
    let answer = options.run(&["check"], folder.path());
    let [out, err] = [&answer.stdout, &answer.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert_eq!(answer.status.code(), Some(1), "{err}");
    assert!(err.contains("the database cannot be used"), "{err}");
    assert!(out.contains("postgres://neodyme:***@postgres:5432/neodyme?sslmode=disable"), "{out}");
    assert!(out.contains("\nmail: smtp mailpit:1025 none"), "{out}");
    // All of the traffic comes from one address.
    let limit = out.lines().find(|line| line.starts_with("registrations_per_client ")).unwrap();
    assert_eq!(limit.split_whitespace().nth(1), Some("0"));
}

/// Prometheus and Alertmanager take what is made for a stack, and it differs from what is shipped only where it must.
#[test]
fn the_configuration_of_a_stack_is_the_shipped_one() {
    let (prometheus, alertmanager) = (read(project("prometheus.yml")), read(project("alertmanager.yml")));
    for (target, other, smtp) in [
        ("127.0.0.1:9000", "127.0.0.1:9093", ""),
        ("127.0.0.1:1", "127.0.0.1:2", ""),
        ("dns:neodyme:9000", "alertmanager:9093", "mailpit:1025"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        for name in ["alert-rules", "alertmanager"] {
            symlink(project(name), folder.path().join(name)).unwrap();
        }
        let mut command = Command::new(project("packaging/stack/configure"));
        command.arg(folder.path()).env("TARGET", target).env("ALERTMANAGER", other).env("SMTP", smtp);
        assert!(command.status().unwrap().success());
        let [made, routed] = ["prometheus.yml", "alertmanager.yml"].map(|name| read(folder.path().join(name)));
        for (tool, check, file) in [("promtool", "config", "prometheus.yml"), ("amtool", "", "alertmanager.yml")] {
            let arguments = if check.is_empty() { vec!["check-config", file] } else { vec!["check", check, file] };
            let checked = Command::new(program(tool)).args(arguments).current_dir(folder.path()).output().unwrap();
            assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        }

        let changed = prometheus.lines().zip(made.lines()).filter(|(shipped, made)| shipped != made).count();
        let expected = if target.starts_with("dns:") { 4 } else { 2 * usize::from(target != "127.0.0.1:9000") };
        assert_eq!((changed, made.lines().count()), (expected, prometheus.lines().count()), "{made}");
        let (shipped, receivers) = alertmanager.split_once("\nreceivers:\n").unwrap();
        let (routes, mailboxes) = routed.split_once("\nreceivers:\n").unwrap();
        let smarthost = if smtp.is_empty() { "localhost:25" } else { smtp };
        assert_eq!(routes, shipped.replace("smtp_smarthost: localhost:25", &format!("smtp_smarthost: {smarthost}")));
        let names = |text: &str| -> Vec<String> {
            text.lines().filter_map(|line| line.strip_prefix("  - name: ")).map(str::to_owned).collect()
        };
        assert_eq!(names(mailboxes), names(receivers));
        // Nothing leaves the machine.
        assert!(!mailboxes.contains("_file") && !mailboxes.contains("http"), "{mailboxes}");
        assert_eq!(mailboxes.contains("to: pagerduty@"), !smtp.is_empty());
    }
}
