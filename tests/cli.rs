//! The command line and the configuration, seen from outside: the real binary, its output and its exit codes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/messages.rs"]
mod messages;
#[path = "cli/slips.rs"]
mod slips;
#[path = "cli/templates.rs"]
mod templates;
#[path = "cli/terminal.rs"]
mod terminal;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use neodyme::config::SETTINGS;
use tempfile::TempDir;

/// The binary in a folder of its own and with an environment of its own.
struct Neodyme {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

struct Answer {
    code: i32,
    out: String,
    err: String,
}

impl Neodyme {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.path().join(name), text).unwrap();
        self
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self, arguments: &[&str]) -> Answer {
        let mut command = Command::new(env!("CARGO_BIN_EXE_neodyme"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        command.env_clear().envs(self.variables.iter().cloned());
        let Output { status, stdout, stderr } = command.output().unwrap();
        let [out, err] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        Answer { code: status.code().unwrap(), out, err }
    }
}

impl Answer {
    /// The value and the source that `check` shows.
    fn shown(&self, key: &str) -> (String, String) {
        let lines = self.out.lines().skip_while(|line| line.split(' ').next() != Some(key));
        let cells = lines.flat_map(|line| line.split("  ")).map(str::trim).filter(|cell| !cell.is_empty());
        let cells: Vec<_> = cells.take(3).collect();
        let [_, value, source] = cells[..] else { panic!("no {key} in {}{}", self.out, self.err) };
        (value.to_owned(), source.to_owned())
    }

    /// Refused, with these texts, each on one line of the errors.
    fn assert_refused(&self, expected: &[&str]) {
        assert_eq!((self.code, self.out.as_str()), (2, ""), "{}", self.err);
        for text in expected {
            assert!(self.err.lines().any(|line| line.contains(text)), "{text:?} is missing in {}", self.err);
        }
        assert!(!self.err.contains("canary"), "{}", self.err);
    }
}

#[test]
fn the_version_names_revision_and_compiler() {
    let answer = Neodyme::new().run(&["--version"]);
    let version = format!("neodyme {} (revision ", env!("CARGO_PKG_VERSION"));
    assert!(answer.out.starts_with(&version) && answer.out.contains(", rustc 1."), "{}", answer.out);
    assert!(answer.out.ends_with(")\n"));
}

#[test]
fn a_flag_beats_a_variable_beats_the_file_beats_the_default() {
    let neodyme =
        Neodyme::new().file("n.toml", "log_level = 'debug'\n[http]\nmax_connections = 7\nbody_timeout = '3s'");
    let neodyme = neodyme.variable("NEODYME_LOG_LEVEL", "error").variable("NEODYME_HTTP_MAX_CONNECTIONS", "8");
    let answer = neodyme.run(&["check", "--config", "n.toml", "--log-level", "critical"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    let expected = [
        ("log_level", "critical", "--log-level"),
        ("http_max_connections", "8", "NEODYME_HTTP_MAX_CONNECTIONS"),
        ("http_body_timeout", "3s", "n.toml:4"),
        ("http_idle_timeout", "75s", "default"),
    ];
    for (key, value, source) in expected {
        assert_eq!(answer.shown(key), (value.into(), source.into()));
    }
}

#[test]
fn the_file_can_be_named_by_a_variable_and_a_flag_before_the_subcommand_counts() {
    let neodyme = Neodyme::new().file("n.toml", "log_level = 'debug'").variable("NEODYME_CONFIG", "n.toml");
    let answer = neodyme.run(&["--log-format", "json", "check"]);
    assert_eq!(answer.shown("log_level").1, "n.toml:1");
    assert_eq!(answer.shown("log_format"), ("json".into(), "--log-format".into()));
    let answer = neodyme.run(&["--log-format", "json", "check", "--log-format", "terminal"]);
    assert_eq!(answer.shown("log_format").0, "terminal");
}

#[test]
fn all_problems_are_reported_together_before_anything_listens() {
    let neodyme = Neodyme::new()
        .file("n.toml", "log_fromat = 'json'\nhttp_body_timeout = 10")
        .variable("NEODYME_LOGLEVEL", "debug")
        .variable("NEODYME_API_LISTEN", "localhost:80")
        .variable("NEODYME_HTTP_MAX_BODY_BYTES", "0")
        .variable("NEODYME_DATABASE_URL", "mysql://u:canary@h/d");
    for subcommand in [&[][..], &["serve"], &["migrate"], &["check"]] {
        let flags = ["--config", "n.toml", "--trusted-proxies", "10.0.0.0/99"];
        neodyme.run(&[subcommand, &flags].concat()).assert_refused(&[
            "the configuration has 7 problems:",
            "n.toml:1: there is no setting log_fromat; did you mean log_format?",
            "n.toml:2: http_body_timeout: \"10\" is not a duration with its unit; accepted: a duration such as 500ms",
            "NEODYME_LOGLEVEL: there is no setting of this name; did you mean NEODYME_LOG_LEVEL?",
            "NEODYME_API_LISTEN: api_listen: \"localhost:80\" is not an IP address with a port; accepted: an IP address",
            "NEODYME_HTTP_MAX_BODY_BYTES: http_max_body_bytes: \"0\" is out of range; accepted: a whole number from 1 to",
            "NEODYME_DATABASE_URL: database_url: the value begins neither with sqlite:// nor with postgres://; accepted: sqlite",
            "--trusted-proxies: trusted_proxies: \"10.0.0.0/99\" is not a list of networks; accepted: addresses and networks",
        ]);
    }
}

#[test]
fn an_unreadable_file_is_refused_with_its_source() {
    Neodyme::new()
        .run(&["check", "--config", "gone.toml"])
        .assert_refused(&["--config: gone.toml cannot be read: No such"]);
    let neodyme = Neodyme::new().variable("NEODYME_CONFIG", "gone.toml");
    neodyme.run(&["check"]).assert_refused(&["NEODYME_CONFIG: gone.toml cannot be read: No such"]);
    let neodyme = Neodyme::new().variable("NEODYME_DATABASE_URL_FILE", "gone");
    neodyme.run(&["check"]).assert_refused(&["NEODYME_DATABASE_URL_FILE (gone): database_url cannot be read: No such"]);
}

#[test]
fn a_secret_comes_from_a_file_without_its_last_newline() {
    let neodyme = Neodyme::new()
        .file("url", "sqlite://from-file.db\n")
        .variable("NEODYME_DATABASE_URL_FILE", "url")
        .file("key", "canary-canary-canary\n")
        .variable("NEODYME_ERROR_USER_HASH_KEY_FILE", "key");
    let answer = neodyme.run(&["check"]);
    let source = "NEODYME_DATABASE_URL_FILE (url)".to_owned();
    assert_eq!(answer.shown("database_url"), ("sqlite://from-file.db".into(), source));
    assert_eq!(answer.shown("error_user_hash_key").0, "***");
    assert!(answer.out.contains("\ndatabase: sqlite from-file.db\n  not created yet"), "{}", answer.out);

    let both = neodyme.variable("NEODYME_DATABASE_URL", "postgres://u:canary@h/d");
    both.run(&["check"])
        .assert_refused(&["NEODYME_DATABASE_URL_FILE: database_url is set by NEODYME_DATABASE_URL too"]);
    let empty = Neodyme::new().file("key", "\n").variable("NEODYME_ERROR_USER_HASH_KEY_FILE", "key");
    empty
        .run(&["check"])
        .assert_refused(&["error_user_hash_key: the value is empty; accepted: at least 16 characters"]);
}

#[test]
fn a_secret_in_a_flag_is_refused() {
    let hint = "every user of this machine can read command lines; use NEODYME_";
    for (flag, secret) in [
        ("--error-user-hash-key", "canary"),
        ("--database-url", "postgres://u:canary@h/d"),
        ("--database-url", "postgres://u@h/d?password=canary"),
        ("--database-url", "postgres://u:canary/@h/d"),
    ] {
        Neodyme::new().run(&["check", flag, secret]).assert_refused(&[hint]);
    }
    for arguments in
        [&["postgres://u:canary@h/d"][..], &["check", "postgres://u:canary@h/d"], &["--databaseurl=canary"]]
    {
        Neodyme::new().run(arguments).assert_refused(&["error: "]);
    }
}

#[test]
fn production_refuses_each_unsafe_setting_and_says_why() {
    let unsafe_settings = [
        ("PASSWORD_ARGON2_ITERATIONS", "1", "password_argon2_memory_kib: refused in production: 19456 KiB with"),
        (
            "BREACHED_PASSWORDS_URL",
            "http://203.0.113.1/range",
            "breached_passwords_url: refused in production: http sends a part of the hash",
        ),
        ("LOG_FULL_EMAILS", "true", "log_full_emails: refused in production: logs would hold personal data"),
        ("OPS_LISTEN", "0.0.0.0:9000", "ops_listen: refused in production: 0.0.0.0:9000 can be reached from other"),
        ("OPS_LISTEN", "10.0.0.1:9000", "or set a token through NEODYME_OPS_TOKEN or NEODYME_OPS_TOKEN_FILE"),
        ("OPS_LISTEN", "[::]:9000", "ops_listen: refused in production"),
        ("OPS_LISTEN", "203.0.113.1:9000", "ops_listen: refused in production"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,::/0", "trusted_proxies: refused in production: 0.0.0.0/0 and ::/0 let every"),
        (
            "DATABASE_URL",
            "postgres://u:canary@db/d?sslmode=disable",
            "database_url: refused in production: sslmode=disable",
        ),
    ];
    for (name, value, expected) in unsafe_settings {
        let neodyme = Neodyme::new().variable(&format!("NEODYME_{name}"), value);
        neodyme.run(&["serve", "--environment", "production"]).assert_refused(&[expected]);
    }
}

#[test]
fn production_accepts_safe_settings() {
    let neodyme = Neodyme::new()
        .variable("NEODYME_ENVIRONMENT", "production")
        .variable("NEODYME_OPS_LISTEN", "10.0.0.1:9000")
        .variable("NEODYME_OPS_TOKEN", "canary-canary-canary")
        .variable("NEODYME_PASSWORD_ARGON2_MEMORY_KIB", "12288")
        .variable("NEODYME_PASSWORD_ARGON2_ITERATIONS", "3")
        .variable("NEODYME_TRUSTED_PROXIES", "10.0.0.0/8");
    assert_eq!(neodyme.run(&["check"]).code, 0);
}

#[test]
fn check_shows_no_secret_and_fails_if_the_database_cannot_be_used() {
    let neodyme = Neodyme::new()
        .variable("NEODYME_DATABASE_URL", "postgres://neodyme:canary@127.0.0.1:1/neodyme")
        .variable("NEODYME_DATABASE_STARTUP_TIMEOUT", "50ms")
        .variable("NEODYME_ERROR_USER_HASH_KEY", "canary-canary-canary");
    let answer = neodyme.run(&["check"]);
    assert_eq!(answer.code, 1, "{}", answer.err);
    assert_eq!(answer.shown("database_url").0, "postgres://neodyme:***@127.0.0.1:1/neodyme");
    let end = "\ndatabase: postgresql\n  cannot be used\n";
    assert!(answer.out.ends_with(end), "{}", answer.out);
    assert!(answer.err.contains("the database cannot be used: "), "{}", answer.err);
    assert!(!answer.out.contains("canary") && !answer.err.contains("canary"));
}

#[test]
fn check_fits_a_terminal_of_80_columns() {
    let neodyme = SETTINGS.iter().filter(|setting| !setting.secret && !setting.default.is_empty());
    let neodyme =
        neodyme.fold(Neodyme::new(), |neodyme, setting| neodyme.variable(&setting.variable(), setting.default));
    let url = "postgres://neodyme:canary@database.internal.example.com/neodyme?sslmode=require";
    let folder = "/run/credentials/neodyme.service";
    let neodyme = neodyme
        .variable("NEODYME_DATABASE_URL", url)
        .variable("NEODYME_MAIL_DIRECTORY", &format!("{folder}/mail"))
        .variable("NEODYME_DATABASE_STARTUP_TIMEOUT", "1ms");
    let answer = neodyme.run(&["check"]);
    let wide: Vec<_> = answer.out.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty() && answer.out.lines().count() > SETTINGS.len(), "{wide:#?}");
    let variable = |key: &str| format!("NEODYME_{}", key.to_uppercase());
    for (key, value) in [("log_level", "info"), ("mail_directory", &format!("{folder}/mail"))] {
        assert_eq!(answer.shown(key), (value.into(), variable(key)));
    }
    assert_eq!(answer.shown("database_url"), (url.replace("canary", "***"), variable("database_url")));
}

#[test]
fn check_creates_no_database_and_migrate_does() {
    let neodyme = Neodyme::new();
    let answer = neodyme.run(&["check"]);
    assert_eq!(answer.code, 0);
    assert!(answer.out.contains("\ndatabase: sqlite data/neodyme.db\n  not created yet"), "{}", answer.out);
    assert!(!neodyme.path().join("data").exists());
    let answer = neodyme.run(&["migrate"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(answer.out.starts_with("migrations"), "{}", answer.out);
    let answer = neodyme.run(&["check"]);
    assert!(
        answer.out.ends_with(
            "\ndatabase: sqlite data/neodyme.db\n  reachable and writable, migrations: up to date\n\
             signing keys: none yet: the first `neodyme serve` makes one\n"
        ),
        "{}",
        answer.out
    );
}

#[test]
fn references_are_printed_whatever_the_configuration() {
    let neodyme = Neodyme::new().variable("NEODYME_LOG_LEVEL", "wrong");
    let answer = neodyme.run(&["metrics"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(answer.out.starts_with("metric ") && answer.out.contains("\nneodyme_"), "{}", answer.out);
    for (command, title) in [("metrics", "# Metrics\n"), ("check", "# Configuration\n"), ("errors", "# Errors\n")] {
        let answer = neodyme.run(&[command, "--markdown"]);
        assert!(answer.code == 0 && answer.out.starts_with(title), "{}{}", answer.out, answer.err);
    }
}
