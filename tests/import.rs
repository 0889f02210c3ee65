//! `neodyme import`: the real binary, on both databases.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Output;

use common::app::{AppOptions, TestApp};
use common::database::{Backend, Database};
use serde_json::{Value, json};
use tempfile::TempDir;

on_both_databases!(
    users_come_with_what_is_known_of_them,
    an_import_that_broke_off_is_run_again,
    refused_lines_are_told_and_kept_and_hold_up_nobody,
    a_dry_run_writes_nothing,
    a_dry_run_counts_as_the_import_does,
    users_come_while_others_register,
);

const BCRYPT: &str = "$2b$05$ZjYEW8bC0WjG29OXn/MCa.c4Ej6uYOYdTbYn0Dt5vJYnQMcYpWMZC";

/// A database, and a folder for files.
struct Office {
    folder: TempDir,
    database: Database,
}

impl Office {
    fn open(backend: Backend) -> Office {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::create(backend, folder.path());
        let office = Office { folder, database };
        assert!(office.run(&["migrate"]).status.success());
        office
    }

    fn run(&self, arguments: &[&str]) -> Output {
        AppOptions::on_database(self.database.clone()).run(arguments, self.folder.path())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Imports these lines; the exit code, what it counted, and what it said.
    fn import(&self, lines: &[String], arguments: &[&str]) -> (i32, Value, String) {
        fs::write(self.file("users.jsonl"), lines.join("\n")).unwrap();
        let output = self.run(&[&["import", "users.jsonl", "--json"], arguments].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap_or_default(), said)
    }
}

fn line(email: &str) -> String {
    json!({ "email": email, "full_name": "Ada Lovelace", "password_hash": BCRYPT }).to_string()
}

fn lines(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| line(&format!("{number}@example.com"))).collect()
}

fn counted(lines: u64, added: u64, existing: u64, refused: u64) -> Value {
    json!({ "lines": lines, "added": added, "existing": existing, "refused": refused })
}

async fn users_come_with_what_is_known_of_them(backend: Backend) {
    let office = Office::open(backend);
    let ada = json!({
        "email": "Ada@Example.com", "full_name": "Ada Lovelace", "password_hash": BCRYPT,
        "verified": true, "is_active": false, "created_at": "2024-05-31T10:00:00+02:00", "locale": "pt-br",
    });
    let (code, tally, said) = office.import(&[ada.to_string(), String::new(), line("bob@example.com")], &[]);
    assert_eq!((code, tally, said.as_str()), (0, counted(3, 2, 0, 0), ""));
    let known = office
        .database
        .texts(
            "SELECT email || ' ' || password_hash || CASE WHEN is_active THEN ' active' ELSE ' inactive' END
             || CASE WHEN email_verified_at IS NULL THEN '' ELSE ' verified' END
             || coalesce(' ' || locale, '') AS text FROM users ORDER BY id",
        )
        .await;
    assert_eq!(
        known,
        [format!("Ada@example.com {BCRYPT} inactive verified pt-BR"), format!("bob@example.com {BCRYPT} active")]
    );
    let trail = String::from_utf8(office.run(&["audit", "list", "--json"]).stdout).unwrap();
    let trail: Value = serde_json::from_str(&trail).unwrap();
    assert_eq!((&trail[0]["action"], &trail[0]["details"]["added"]), (&json!("users.imported"), &json!(2)));
    assert_eq!(office.database.count("outbox_jobs").await, 0, "nobody is welcomed anew");
}

async fn an_import_that_broke_off_is_run_again(backend: Backend) {
    let office = Office::open(backend);
    assert_eq!(office.import(&lines(0..1_200), &[]), (0, counted(1_200, 1_200, 0, 0), String::new()));
    // The same address twice, in one batch and in two.
    let mut more = lines(600..1_800);
    more.extend([line("0@EXAMPLE.com"), line("1799@example.com")]);
    assert_eq!(office.import(&more, &[]), (0, counted(1_202, 600, 602, 0), String::new()));
    assert_eq!(office.import(&more, &["--from-line", "1201"]), (0, counted(1_202, 0, 2, 0), String::new()));
    assert_eq!(office.database.count("users").await, 1_800);
}

async fn refused_lines_are_told_and_kept_and_hold_up_nobody(backend: Backend) {
    let office = Office::open(backend);
    let long = line(&format!("{}@example.com", "a".repeat(20_000)));
    let bad = r#"{"email":"ada@example.com","full_name":"","password_hash":"5f4dcc3b5aa765d61d8327deb882cf99"}"#;
    let mut all = lines(0..3);
    all.splice(1..1, [bad.to_owned(), "email,full_name".to_owned(), long]);
    let (code, tally, said) = office.import(&all, &["--rejects", "rejects.jsonl"]);
    assert_eq!((code, tally), (1, counted(6, 3, 0, 3)));
    for words in [
        "line 2: full_name must have at least 1 character that can be seen; password_hash must be a PHC string",
        "line 3: it is no JSON from column 1 on",
        "line 4: it is longer than 16384 bytes",
        "refused lines: 3; they are in rejects.jsonl",
    ] {
        assert!(said.contains(words), "{words:?} is missing in {said}");
    }
    assert!(!said.contains("5f4dcc3b") && !said.contains("ada@example.com"), "{said}");
    let rejects = office.file("rejects.jsonl");
    assert_eq!(fs::metadata(&rejects).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(rejects).unwrap().starts_with(&format!("{bad}\nemail,full_name\n")));
    let (code, _, said) = office.import(&all, &["--rejects", "rejects.jsonl"]);
    assert_eq!(code, 1);
    assert!(said.contains("cannot create rejects.jsonl"), "{said}");
}

async fn a_dry_run_writes_nothing(backend: Backend) {
    let office = Office::open(backend);
    assert_eq!(office.import(&lines(0..3), &["--dry-run"]), (0, counted(3, 3, 0, 0), String::new()));
    assert_eq!(office.database.count("users").await, 0);
    assert_eq!(office.database.count("audit_log").await, 0);
}

/// Who is there already, in the database or further up in the file, also in another batch.
async fn a_dry_run_counts_as_the_import_does(backend: Backend) {
    let office = Office::open(backend);
    office.import(&lines(0..700), &[]);
    let mut more = lines(600..1_800);
    more.extend([line("0@EXAMPLE.com"), line("1799@example.com"), "{}".to_owned()]);
    let rehearsed = office.import(&more, &["--dry-run"]);
    assert_eq!(rehearsed.1, counted(1_203, 1_100, 102, 1));
    assert_eq!(office.import(&more, &[]), rehearsed);
}

async fn users_come_while_others_register(backend: Backend) {
    let office = Office::open(backend);
    let app = TestApp::spawn(AppOptions::on_database(office.database.clone())).await;
    let registering = async {
        for number in 0..10 {
            assert_eq!(app.register(&format!("new{number}@example.com")).await.status, 201);
        }
    };
    let importing = async { tokio::task::block_in_place(|| office.import(&lines(0..5_000), &[])) };
    let (_, imported) = tokio::join!(registering, importing);
    assert_eq!(imported, (0, counted(5_000, 5_000, 0, 0), String::new()));
    assert_eq!(office.database.count("users").await, 5_010);
    assert_eq!(app.register("7@example.com").await.status, 409);
}

/// Lines can be checked on another machine than that of the service.
#[test]
fn a_dry_run_needs_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::create(Backend::Sqlite, folder.path());
    let office = Office { folder, database };
    let (code, tally, said) = office.import(&lines(0..3), &["--dry-run"]);
    assert_eq!((code, tally), (0, counted(3, 3, 0, 0)));
    assert!(said.contains("there is no database yet"), "{said}");
    assert!(!office.file("data").exists());
}
