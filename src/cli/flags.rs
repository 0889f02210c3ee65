//! Flags that subcommands have in common.

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, Command};

use crate::config::{CONFIG_VARIABLE, SETTINGS, Setting};

const OTHER_SETTINGS: &str = "\
The configuration is read as a whole: every other setting is a flag here too.
`neodyme serve --help` lists them all.";
/// The settings that concern a subcommand which opens the database.
pub(super) const OF_THE_DATABASE: &[&str] = &[
    "database_url",
    "database_pool_size",
    "database_acquire_timeout",
    "database_query_timeout",
    "database_connect_timeout",
];

/// The subcommand with a flag for each setting. Its help shows those that concern it, which is those that begin with one of
/// these.
pub(super) fn with_settings(command: Command, concern: &[&str]) -> Command {
    let file = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .value_parser(ValueParser::path_buf())
        .help(format!("TOML file with settings [env: {CONFIG_VARIABLE}]"));
    let concerns = |setting: &Setting| concern.iter().any(|begin| setting.key.starts_with(begin));
    let flags = SETTINGS.iter().map(|setting| flag_of(setting).hide(setting.has_no_flag() || !concerns(setting)));
    command.arg(file).args(flags).after_help(OTHER_SETTINGS)
}

fn flag_of(setting: &'static Setting) -> Arg {
    let default = if setting.default.is_empty() { "none" } else { setting.default };
    let origin = format!("[default: {default}] [env: {}]", setting.variable());
    Arg::new(setting.key)
        .long(setting.flag())
        .value_name(setting.placeholder)
        // A number below 0 is a wrong value and not an unknown flag.
        .allow_negative_numbers(true)
        .help_heading(setting.group)
        .help(format!("{}\n{origin}", setting.summary()))
        .long_help(format!("{}\nAccepted: {}\n{origin}", setting.meaning(), setting.accepted()))
}

/// A flag with a value.
pub(super) fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

/// A flag that is there or not.
pub(super) fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// That a program reads the output.
pub(super) fn json() -> Arg {
    flag("json", "Print JSON")
}
