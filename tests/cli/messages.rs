//! Every message in docs/COMMANDS.md is said, with its exit code, and whatever is said is there.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::app::{AppOptions, TestApp, fresh_email};
use crate::common::database::Backend;
use crate::common::eventually;
use crate::common::options::WEBHOOK_SECRET;
use crate::common::programs::lasting_port;
use crate::{Answer, Neodyme};

/// What cannot be caused everywhere: by a right that root has, by a terminal that nobody is at.
/// Or by two at the same time.
const NOT_CAUSED: [&str; 9] = [
    "cannot listen on … (…): a port below 1024 needs",
    "interrupted",
    "nobody was erased",
    "nothing was discarded",
    "others read the database all the time",
    "somebody else made a new key",
    "the user is erased, but",
    "the users are there, but",
    "these were two passwords",
];

/// The rows of the tables: a message, in which `…` stands for anything, and its exit code.
fn documented() -> BTreeSet<(String, i32)> {
    let text = include_str!("../../docs/COMMANDS.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let rows = rows.filter_map(|(message, rest)| Some((message.trim_matches(['`', ' ']), rest.split(' ').next()?)));
    rows.map(|(message, code)| (message.to_owned(), code.parse().unwrap())).collect()
}

/// The last thing that was said, on one line.
fn said(error: &str) -> String {
    let last = error.rfind("\nneodyme: ").map_or(error, |position| &error[position + 1..]);
    last.strip_prefix("neodyme: ").unwrap_or(last).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn fits(message: &str, said: &str) -> bool {
    let begin = message.split('…').next().unwrap();
    let mut rest = Some(said);
    for part in message.split('…') {
        rest = rest.and_then(|rest| rest.split_once(part)).map(|(_, rest)| rest);
    }
    said.starts_with(begin) && rest.is_some()
}

#[derive(Default)]
struct Seen(BTreeSet<(String, i32)>);

impl Seen {
    fn note(&mut self, arguments: &[&str], answer: &Answer) {
        let said = said(&answer.err);
        let rows = documented().into_iter().filter(|(message, code)| *code == answer.code && fits(message, &said));
        let before = self.0.len();
        let rows: Vec<_> = rows.collect();
        assert!(!rows.is_empty(), "{arguments:?} ends with {} and says what no document knows: {said}", answer.code);
        self.0.extend(rows);
        assert!(self.0.len() > before, "{arguments:?} says nothing new: {said}");
    }

    fn run(&mut self, neodyme: &Neodyme, arguments: &[&str]) {
        self.note(arguments, &neodyme.run(arguments));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_is_documented_and_every_documented_message_is_said() {
    let mut seen = Seen::default();
    of_the_command_line(&mut seen);
    of_the_configuration(&mut seen);
    of_the_database(&mut seen);
    of_serve(&mut seen);
    of_the_system(&mut seen);
    of_email(&mut seen);
    of_webhooks(&mut seen);
    of_those_who_ask(&mut seen);
    of_imports(&mut seen);
    of_keys(&mut seen);
    of_users(&mut seen);
    of_jobs(&mut seen).await;
    let missing: Vec<_> = documented().into_iter().filter(|row| !seen.0.contains(row)).collect();
    let missing: Vec<_> =
        missing.iter().filter(|(message, _)| !NOT_CAUSED.iter().any(|known| message.starts_with(known))).collect();
    assert!(missing.is_empty(), "docs/COMMANDS.md tells of what is not said: {missing:#?}");
}

/// A number is as good as another.
fn without_digits(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}

#[test]
fn how_check_finds_the_database_is_documented() {
    let neodyme = Neodyme::new();
    let found = || {
        let out = neodyme.run(&["check"]).out;
        let mut behind = out.lines().skip_while(|line| !line.starts_with("database: ")).skip(1);
        behind.next().unwrap().trim().to_owned()
    };
    let mut said = vec![found()];
    std::fs::create_dir(neodyme.path().join("data")).unwrap();
    std::fs::write(neodyme.path().join("data/neodyme.db"), "").unwrap();
    said.push(found());
    assert_eq!(neodyme.run(&["migrate"]).code, 0);
    said.push(found());

    let text = include_str!("../../docs/COMMANDS.md").split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, rest) = text.split_once("the state of the database: ").unwrap();
    let documented: Vec<_> = rest.split('.').next().unwrap().split('`').skip(1).step_by(2).collect();
    assert_eq!(documented.len(), said.len());
    for said in said.iter().map(|said| without_digits(said)) {
        assert!(documented.iter().any(|words| said.starts_with(&without_digits(words))), "{said}: {documented:?}");
    }
}

fn of_the_command_line(seen: &mut Seen) {
    let neodyme = Neodyme::new();
    for arguments in [
        &["check", "--nothing"][..],
        &["frobnicate"],
        &["check", "--log-level"],
        &["demo-traffic", "--rate", "many"],
        &["health", "--url", "http://a", "--url", "http://b"],
        &["outbox", "show"],
        &["runbook", "NeodymeDwn"],
        &["runbook", "weather"],
    ] {
        seen.run(&neodyme, arguments);
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_neodyme"));
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command.arg("metrics").env_clear().stdin(Stdio::null()).stdout(full).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    seen.note(&["metrics > /dev/full"], &Answer { code: output.status.code().unwrap(), out: String::new(), err });
    let mut command = Command::new(env!("CARGO_BIN_EXE_neodyme"));
    let folder = File::open(neodyme.path()).unwrap();
    let output = command.arg("log").env_clear().stdin(folder).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    seen.note(&["log < ."], &Answer { code: output.status.code().unwrap(), out: String::new(), err });
}

fn of_the_configuration(seen: &mut Seen) {
    for (variable, value) in
        [("NEODYME_LOG_LEVEL", "loud"), ("NEODYME_API_PORT", "80"), ("NEODYME_CONFIG", "gone.toml")]
    {
        seen.run(&Neodyme::new().variable(variable, value), &["check"]);
    }
}

fn of_imports(seen: &mut Seen) {
    let neodyme = Neodyme::new().file("users.jsonl", "{}");
    seen.run(&neodyme, &["import", "gone.jsonl", "--dry-run"]);
    seen.run(&neodyme, &["import", "/dev/null", "--dry-run", "--rejects", "/dev/null"]);

    seen.run(&neodyme, &["import", "users.jsonl", "--dry-run"]);
    seen.run(&neodyme, &["import", ".", "--dry-run"]);
}

fn of_keys(seen: &mut Seen) {
    let neodyme = Neodyme::new();
    assert_eq!(neodyme.run(&["migrate"]).code, 0);
    assert_eq!(neodyme.run(&["keys", "list"]).out, "no keys: the first `neodyme serve` makes one\n");
    for _ in 0..2 {
        assert_eq!(neodyme.run(&["keys", "rotate"]).code, 0);
    }
    seen.run(&neodyme, &["keys", "rotate"]);
    let sealed = Neodyme::new().variable("NEODYME_KEY_ENCRYPTION_KEY", "canary canary canary canary canary");
    assert_eq!(sealed.run(&["migrate"]).code, 0);
    assert_eq!(sealed.run(&["keys", "rotate"]).code, 0);
    let sealed = sealed.variable("NEODYME_KEY_ENCRYPTION_KEY", "another another another another another");
    seen.run(&sealed, &["keys", "rotate"]);
    seen.run(&sealed, &["check"]);
    seen.run(&sealed, &["serve", "--api-listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"]);
    let given = ["--signing-key-file", "/nowhere/keys.pem"];
    seen.run(&neodyme, &[&["keys", "list"][..], &given].concat());
    seen.run(&neodyme, &[&["keys", "rotate"][..], &given].concat());
}

fn of_users(seen: &mut Seen) {
    let neodyme =
        Neodyme::new().file("password", "correct horse battery").variable("NEODYME_PASSWORD_ARGON2_MEMORY_KIB", "8");
    assert_eq!(neodyme.run(&["migrate"]).code, 0);
    let create = |address| ["user", "create", "--email", address, "--name", "Ada", "--password-file", "password"];
    for address in ["ada@example.com", "bob@example.com"] {
        assert_eq!(neodyme.run(&create(address)).code, 0);
    }
    seen.run(&neodyme, &create("ada@example.com"));
    seen.run(&neodyme, &create("eve@example.com")[..6]);
    seen.run(&neodyme, &["user", "show", "eve@example.com"]);
    seen.run(&neodyme, &["user", "list", "--limit", "1"]);
    assert_eq!(neodyme.run(&["user", "grant", "bob@example.com", "admin"]).code, 0);
    seen.run(&neodyme, &["user", "deactivate", "bob@example.com"]);
    seen.run(&neodyme, &["audit", "list", "--limit", "1"]);
    seen.run(&neodyme, &["user", "delete", "ada@example.com"]);
}

fn of_the_database(seen: &mut Seen) {
    let neodyme = Neodyme::new();
    seen.run(&neodyme, &["outbox", "list"]);
    let impossible = ["--database-url", "sqlite:///dev/null/neodyme.db"];
    seen.run(&neodyme, &[&["migrate"][..], &impossible].concat());
    seen.run(&neodyme, &[&["check"][..], &impossible].concat());
    let (free, other) = (["--api-listen", "127.0.0.1:0"], ["--ops-listen", "127.0.0.1:0"]);
    seen.run(&neodyme, &[&["serve"][..], &impossible, &free, &other].concat());
    seen.run(&neodyme, &[&["serve", "--database-migrate-on-start", "false"][..], &free, &other].concat());
    assert_eq!(neodyme.run(&["migrate"]).code, 0);
    let job = "019ea8b2-6d7c-7c01-a3f1-5d0cbe7a1d10";
    seen.run(&neodyme, &["outbox", "show", "--id", job]);
    seen.run(&neodyme, &["outbox", "retry", "--id", job]);
    seen.run(&neodyme, &["outbox", "discard", "--all"]);
}

fn of_serve(seen: &mut Seen) {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    seen.run(&Neodyme::new(), &["serve", "--api-listen", &taken.local_addr().unwrap().to_string()]);
    seen.run(&Neodyme::new(), &["serve", "--api-listen", "192.0.2.1:8000"]);
    seen.run(&Neodyme::new(), &["serve", "--mail-templates", "/nowhere"]);
    seen.run(&Neodyme::new(), &["serve", "--pages-templates", "/nowhere"]);
    seen.run(&Neodyme::new(), &["check", "--pages-templates", "/nowhere"]);
    let without_certificates =
        Neodyme::new().variable("SSL_CERT_FILE", "/nowhere").variable("SSL_CERT_DIR", "/nowhere");
    seen.run(&without_certificates, &["serve", "--analytics-base-url", "https://analytics.invalid"]);
}

fn of_the_system(seen: &mut Seen) {
    let options = || AppOptions::on(Backend::Sqlite);
    for options in
        [options().limit("nofile", 100), options().limit("as", 200 << 20), options().without_root().limit("nproc", 3)]
    {
        let folder = tempfile::tempdir().unwrap();
        let output = options.run(&["serve"], folder.path());
        let err = String::from_utf8(output.stderr).unwrap();
        let answer = Answer { code: output.status.code().unwrap(), out: String::new(), err };
        seen.note(&["serve", "within limits"], &answer);
    }
}

fn of_email(seen: &mut Seen) {
    let neodyme = Neodyme::new();
    let test = ["email", "test", "ada@example.com"];
    seen.run(&neodyme, &[&test[..], &["--mail-templates", "/nowhere"]].concat());
    seen.run(&neodyme, &[&test[..], &["--smtp-host", "localhost", "--smtp-ca-file", "/nowhere"]].concat());
    seen.run(&neodyme, &[&test[..], &["--mail-directory", "/dev/null/mail"]].concat());
    seen.run(&neodyme, &["email", "preview", "--language", "fr"]);
    seen.run(&neodyme, &["email", "templates", "/dev/null/templates"]);
    seen.run(&neodyme, &["page", "preview", "account", "--state", "done"]);
}

fn of_webhooks(seen: &mut Seen) {
    let neodyme = Neodyme::new();
    seen.run(&neodyme, &["webhook", "test", "--endpoint", "2"]);
    assert_eq!(neodyme.run(&["migrate"]).code, 0);
    seen.run(&neodyme, &["webhook", "on", "--endpoint", "2"]);
    let nobody = Neodyme::new()
        .variable("NEODYME_WEBHOOK_1_URL", &format!("http://127.0.0.1:{}", lasting_port()))
        .variable("NEODYME_WEBHOOK_1_SECRET", WEBHOOK_SECRET)
        .variable("NEODYME_WEBHOOK_PRIVATE_NETWORKS", "127.0.0.1");
    seen.run(&nobody, &["webhook", "test", "--endpoint", "1"]);
    let without_certificates = Neodyme::new()
        .variable("SSL_CERT_FILE", "/nowhere")
        .variable("SSL_CERT_DIR", "/nowhere")
        .variable("NEODYME_WEBHOOK_1_SECRET", WEBHOOK_SECRET);
    let url =
        ["--webhook-1-url", "https://webhooks.invalid", "--api-listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"];
    seen.run(&without_certificates, &[&["serve"][..], &url].concat());
}

fn of_those_who_ask(seen: &mut Seen) {
    let neodyme = Neodyme::new();
    let nobody = format!("http://127.0.0.1:{}", lasting_port());
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    for (command, url) in [
        ("health", nobody),
        ("health", silent),
        ("health", answering(&[(418, "")]).replace("http:", "https:")),
        ("health", answering(&[(418, "")])),
        ("health", answering(&[(503, r#"{"reasons":["database_unavailable"]}"#)])),
        ("demo-traffic", "http://192.0.2.1".to_owned()),
        ("demo-traffic", answering(&[(418, "")])),
        ("demo-traffic", answering(&[(200, ""), (404, "")])),
    ] {
        seen.run(&neodyme, &[command, "--url", &url]);
    }
    let dying = answering(&[(200, ""), (405, "")]);
    seen.run(&neodyme, &["demo-traffic", "--url", &dying, "--duration", "1s", "--rate", "20"]);
}

/// A server that gives these answers, a status and a body, one for each connection, and then none.
fn answering(answers: &[(u16, &'static str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers = answers.to_owned();
    std::thread::spawn(move || {
        for (status, body) in answers {
            let (mut connection, _) = listener.accept().unwrap();
            let _ = connection.read(&mut [0; 4096]);
            let length = body.len();
            let answer = format!("HTTP/1.1 {status} So\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    url
}

async fn of_jobs(seen: &mut Seen) {
    let options = AppOptions::on(Backend::Sqlite).set("registrations_per_client", 2).set("registrations_period", "1h");
    let app = TestApp::spawn(options).await;
    let neodyme = Neodyme::new().variable("NEODYME_DATABASE_URL", &app.database.url());
    let delivered = || {
        let answer = neodyme.run(&["outbox", "list", "--state", "delivered", "--json"]);
        let jobs: Value = serde_json::from_str(&answer.out).unwrap();
        jobs.as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        assert_eq!(app.register(&fresh_email()).await.status, 201);
    }
    let jobs = eventually("two jobs are delivered", async || Some(delivered()).filter(|jobs| jobs.len() == 2)).await;
    seen.run(&neodyme, &["outbox", "retry", "--id", &jobs[0]]);
    seen.run(&neodyme, &["outbox", "list", "--state", "delivered", "--limit", "1"]);
    seen.run(&neodyme, &["demo-traffic", "--url", &app.api_url(), "--duration", "1s", "--rate", "50"]);
}
