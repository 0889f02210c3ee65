//! Whoever does what the README says sees what the README says, and needs no right that only root has.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::common::app::{AppOptions, TestApp};
use crate::common::daemon::{copy_files, replace, shipped, until_ready};
use crate::common::database::Backend;
use crate::common::eventually;
use crate::common::programs::{lasting_port, unprivileged};
use crate::read;

/// A command of the README, and what it shows to come of it.
struct Step {
    command: String,
    shown: String,
}

/// The commands of the first console block behind this text.
fn steps(behind: &str) -> Vec<Step> {
    let readme = read("README.md");
    let (_, rest) = readme.split_once(behind).unwrap_or_else(|| panic!("`{behind}` is not in the README"));
    let block = rest.split_once("```console\n").unwrap().1.split_once("\n```").unwrap().0;
    let steps = block.trim_start_matches("$ ").split("\n$ ").map(|step| {
        let more = step.lines().take_while(|line| line.ends_with('\\')).count() + 1;
        let command = step.lines().take(more).collect::<Vec<_>>().join("\n");
        Step { command, shown: step.lines().skip(more).collect::<Vec<_>>().join("\n") }
    });
    steps.collect()
}

/// What stays the same each time: not the ids and the times. A JSON object is its members.
fn shape(output: &str) -> Vec<String> {
    let lines = output.lines().map(str::trim_end).filter(|line| !line.is_empty());
    lines.map(shape_of_line).collect()
}

fn shape_of_line(line: &str) -> String {
    if line.starts_with("date: ") {
        return "date: …".into();
    }
    if let Ok(Value::Object(members)) = serde_json::from_str(line) {
        return format!("{:?}", members.keys().collect::<Vec<_>>());
    }
    let line = line.split(" @[").next().unwrap();
    let is_id = |word: &&str| word.len() == 36 && word.matches('-').count() == 4;
    let ids: Vec<&str> = line.split(['/', ' ', '.']).filter(is_id).collect();
    ids.into_iter().fold(line.to_owned(), |line, id| line.replace(id, "ID"))
}

/// The place of a reader: a folder of theirs with the shipped files, the ports that the tests have, no rights of root.
struct Reader {
    app: TestApp,
    prometheus_port: u16,
}

impl Reader {
    async fn arrive() -> Reader {
        let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).without_root()).await;
        let config = replace(&shipped("prometheus.yml"), "127.0.0.1:9000", app.ops_address());
        let config = replace(
            &config,
            "scrape_interval: 5s\n  scrape_timeout: 4s",
            "scrape_interval: 200ms\n  scrape_timeout: 200ms",
        );
        std::fs::write(app.folder().join("prometheus.yml"), config).unwrap();
        copy_files("alert-rules", &app.folder().join("alert-rules"));
        if let Some((uid, gid)) = unprivileged() {
            chown(app.folder().join("prometheus.yml"), Some(uid), Some(gid)).unwrap();
        }
        Reader { app, prometheus_port: lasting_port() }
    }

    fn types(&self, command: &str) -> Command {
        let command = command.replace("127.0.0.1:8000", self.app.api_address());
        let command = command.replace("127.0.0.1:9000", self.app.ops_address());
        let mut shell = Command::new("sh");
        shell.args(["-c", &command.replace(":9091", &format!(":{}", self.prometheus_port))]);
        shell.current_dir(self.app.folder()).stdin(Stdio::null());
        if let Some((uid, gid)) = unprivileged() {
            shell.uid(uid).gid(gid);
        }
        shell
    }

    fn sees(&self, command: &str) -> String {
        let output = self.types(command).output().unwrap();
        String::from_utf8(output.stdout).unwrap().replace(self.app.ops_address(), "127.0.0.1:9000")
    }

    /// Types it until what is shown comes of it: some of it takes a moment.
    async fn sees_what_is_shown(&self, step: &Step) {
        let (expected, mut seen) = (shape(&step.shown), Vec::new());
        eventually(&format!("`{}` shows {expected:#?}", step.command), async || {
            seen = shape(&self.sees(&step.command));
            (seen == expected).then_some(())
        })
        .await;
    }
}

struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_first_registration_and_prometheus_are_as_shown() {
    let reader = Reader::arrive().await;
    let registration = steps("In another terminal:");
    let [register, count, files] = registration.as_slice() else { panic!("other steps than expected") };
    assert_eq!(shape(&reader.sees(&register.command)), shape(&register.shown));
    reader.sees_what_is_shown(count).await;
    reader.sees_what_is_shown(files).await;

    let start = steps("Prometheus needs nothing but the shipped file").remove(0);
    let log = std::fs::File::create(reader.app.folder().join("prometheus.log")).unwrap();
    let mut prometheus = reader.types(&format!("exec {}", start.command));
    let _running = Ends(prometheus.stdout(Stdio::null()).stderr(log).spawn().unwrap());
    until_ready("Prometheus", &format!("http://127.0.0.1:{}", reader.prometheus_port)).await;
    for step in steps("once it has scraped for the first time") {
        reader.sees_what_is_shown(&step).await;
    }
}
