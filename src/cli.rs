//! The command line: reads the configuration, runs a subcommand, gives the exit code.
//!
//! Exit codes: 0 all is well, 1 something failed while running, 2 the command line or the configuration is wrong.

mod arguments;
mod audit;
mod check;
mod client;
mod correction;
mod database;
mod demo_traffic;
mod email;
mod errors;
mod flags;
mod health;
mod import;
mod keys;
mod log;
mod metrics;
mod migrate;
mod misuse;
mod named;
mod openapi;
mod outbox;
mod output;
mod page;
mod password;
mod runbook;
mod runtime;
mod serve;
mod table;
mod templates;
mod user;
mod webhook;

use std::process::ExitCode;

use clap::ArgMatches;

use self::misuse::Misuse;
use self::output::{note, print};
use crate::config::{Config, Problems};
use crate::mail::InvalidSetting;
use crate::page_templates::InvalidTemplates;
use crate::redaction;

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
            let is_of_setting = error.is::<InvalidSetting>() || error.is::<InvalidTemplates>();
            let usage = error.is::<Problems>() || is_of_setting || error.is::<Misuse>();
            ExitCode::from(if usage { 2 } else { 1 })
        }
    }
}

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
        "runbook" => runbook::run(inner),
        "log" => log::run(inner),
        "email" => email::run(config, task, inner),
        "page" => page::run(config, task, inner),
        "import" => import::run(&config()?, inner),
        "webhook" => webhook::run(&config()?, task, inner),
        "migrate" => migrate::run(&config()?),
        "user" => user::run(&config()?, task, inner),
        "outbox" => outbox::run(&config()?, task, inner),
        "audit" => audit::run(&config()?, inner),
        "keys" => keys::run(&config()?, task, inner),
        "demo-traffic" => demo_traffic::run(inner),
        "health" => health::run(inner, || Ok(config()?)),
        _ => serve::run(config()?),
    }
}
