//! The command line: reads the configuration, runs a subcommand, gives the exit code.
//!
//! Exit codes: 0 all is well, 1 something failed while running, 2 the command line or the configuration is wrong.

mod arguments;
mod audit;
mod check;
mod client;
mod correction;
mod demo_traffic;
mod email;
mod errors;
mod health;
mod import;
mod metrics;
mod migrate;
mod openapi;
mod outbox;
mod serve;
mod table;

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::ArgMatches;

use crate::config::{Config, DatabaseConfig, DatabaseUrl, Problems};
use crate::mail::InvalidSetting;
use crate::redaction::{self, mask_secrets};
use crate::store::Db;
use crate::text::{escape, escape_json};

/// Runs what the command line of this process asks for.
pub fn run() -> ExitCode {
    let mut command = arguments::command();
    let matches = match command.try_get_matches_from_mut(std::env::args_os()) {
        Ok(matches) => matches,
        Err(error) => {
            // Also the way of --help and --version. A closed terminal is no reason to fail.
            let code = if error.use_stderr() { 2 } else { 0 };
            let words: Vec<_> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
            let _ = correction::correct(error, &command, &words).print();
            return ExitCode::from(code);
        }
    };
    match dispatch(&matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(format_args!("{error:#}"));
            let usage = error.is::<Problems>() || error.is::<InvalidSetting>() || error.is::<Misuse>();
            ExitCode::from(if usage { 2 } else { 1 })
        }
    }
}

/// Arguments that are right by themselves and wrong together.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Misuse(String);

fn dispatch(matches: &ArgMatches) -> anyhow::Result<()> {
    let (name, inner) = matches.subcommand().unwrap_or(("serve", matches));
    let (task, inner) = inner.subcommand().unwrap_or(("", inner));
    let config = || -> Result<Config, Problems> {
        let config = Config::load(&arguments::sources(matches, inner))?;
        redaction::learn(config.secrets());
        Ok(config)
    };
    match name {
        "errors" => errors::run(inner.get_flag("markdown")),
        "metrics" => metrics::run(inner.get_flag("markdown")),
        "check" if inner.get_flag("markdown") => print(crate::config::markdown()),
        "check" => check::run(&config()?),
        "openapi" => openapi::run(inner),
        "email" => email::run(&config()?, task, inner),
        "import" => import::run(&config()?, inner),
        "migrate" => migrate::run(&config()?),
        "outbox" => outbox::run(&config()?, task, inner),
        "audit" => audit::run(&config()?, inner),
        "demo-traffic" => demo_traffic::run(inner),
        "health" => health::run(inner, || Ok(config()?)),
        _ => serve::run(config()?),
    }
}

/// Writes to standard output at once; a reader that has left, as in `neodyme check | head -1`, is no failure.
fn print(text: impl Display) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.to_string().as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

/// Says something beside the output, without known secrets; where nobody reads it, that is no failure.
fn note(text: impl Display) {
    let text = text.to_string();
    let lines: Vec<_> = text.lines().map(|line| escape(&mask_secrets(line)).into_owned()).collect();
    let _ = writeln!(std::io::stderr(), "neodyme: {}", lines.join("\n"));
}

/// JSON for people and programs.
fn to_json<T: serde::Serialize + ?Sized>(value: &T) -> anyhow::Result<String> {
    Ok(escape_json(&serde_json::to_string_pretty(value)?).into_owned() + "\n")
}

/// The files that the runtime opens at its start. Where it cannot, it may panic.
const FILES_OF_THE_RUNTIME: usize = 6;

/// Runs a task of a subcommand that ends by itself. (Migrations need a runtime of several threads.)
fn block_on<T>(task: impl Future<Output = T>) -> anyhow::Result<T> {
    const FAILED: &str = "cannot start the runtime";
    let room: io::Result<Vec<_>> = (0..FILES_OF_THE_RUNTIME).map(|_| File::open("/dev/null")).collect();
    drop(room.context(FAILED)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    Ok(runtime.context(FAILED)?.block_on(task))
}

/// Opens a database that is there: a subcommand that looks at it would not create it.
async fn open(config: &DatabaseConfig) -> anyhow::Result<Db> {
    if let Some(path) = missing_file(&config.url) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        anyhow::bail!(
            "there is no database at {}: run this where `neodyme serve` runs, or with its database_url; a first `neodyme serve` \
             or `neodyme migrate` creates it",
            path.display()
        );
    }
    Ok(Db::connect(config).await?)
}

/// The file of a SQLite database that was never used.
fn missing_file(url: &DatabaseUrl) -> Option<&Path> {
    match url {
        DatabaseUrl::Sqlite { path } if matches!(path.try_exists(), Ok(false)) => Some(path),
        _ => None,
    }
}
