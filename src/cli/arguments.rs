//! The flags and subcommands, made from the table of settings.

mod operator;

use clap::builder::ValueParser;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config::{CONFIG_VARIABLE, SETTINGS, Setting, Sources};

const VERSION: &str =
    concat!(env!("CARGO_PKG_VERSION"), " (revision ", env!("NEODYME_REVISION"), ", rustc ", env!("NEODYME_RUSTC"), ")");
const ABOUT: &str = "Registers users over HTTP and explains itself to the people who run it";
const PRECEDENCE: &str = "\
Settings come from flags, NEODYME_* variables, the configuration file and defaults, in that order.
`neodyme check` shows which values are in force. The whole reference: docs/CONFIGURATION.md";

/// The command line of neodyme.
pub(super) fn command() -> Command {
    let markdown = |help: &'static str| Arg::new("markdown").long("markdown").action(ArgAction::SetTrue).help(help);
    let about_check = "Check the configuration, show every value and its source, and try the database";
    with_settings(Command::new("neodyme").version(VERSION).about(ABOUT).after_help(PRECEDENCE)).subcommands([
        with_settings(Command::new("serve").about("Serve until SIGTERM or SIGINT (the default)")),
        with_settings(Command::new("migrate").about("Bring the database's tables up to date, and end")),
        with_settings(Command::new("check").about(about_check))
            .arg(markdown("Print the reference of all settings as Markdown instead")),
        super::email::command(),
        Command::new("metrics")
            .about("List every metric: name, type, labels, help")
            .arg(markdown("Print the list as Markdown")),
        operator::outbox(),
        operator::audit(),
        Command::new("errors")
            .about("List every error type: kind, status, meaning, what to do")
            .arg(markdown("Print the list as Markdown")),
        super::health::command(),
        super::demo_traffic::command(),
    ])
}

/// The sources of the configuration: flags may stand before the subcommand or, stronger, after it.
pub(super) fn sources(outer: &ArgMatches, inner: &ArgMatches) -> Sources {
    let flags = SETTINGS.iter().filter_map(|setting| Some((setting.key, last(outer, inner, setting.key)?)));
    Sources::of_process(flags.collect(), last(outer, inner, "config"))
}

fn last<T: Clone + Send + Sync + 'static>(outer: &ArgMatches, inner: &ArgMatches, id: &str) -> Option<T> {
    inner.get_one(id).or_else(|| outer.get_one(id)).cloned()
}

/// Replaces what the user wrote in the wrong place by dots if it looks like an address with a password.
pub(super) fn hide_values(mut error: clap::Error) -> clap::Error {
    let suspicious = |(kind, value): (ContextKind, &ContextValue)| match value {
        ContextValue::String(text) if text.contains("://") => Some(kind),
        _ => None,
    };
    let kinds: Vec<_> = error.context().filter_map(suspicious).collect();
    for kind in kinds {
        error.insert(kind, ContextValue::String("…".into()));
    }
    error
}

/// The subcommand with a flag for each setting.
pub(super) fn with_settings(command: Command) -> Command {
    let file = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .value_parser(ValueParser::path_buf())
        .help(format!("TOML file with settings [env: {CONFIG_VARIABLE}]"));
    command.arg(file).args(SETTINGS.iter().map(argument))
}

fn argument(setting: &'static Setting) -> Arg {
    let default = if setting.default.is_empty() { "none" } else { setting.default };
    let origin = format!("[default: {default}] [env: {}]", setting.variable());
    Arg::new(setting.key)
        .long(setting.flag())
        .value_name(setting.placeholder)
        .help_heading(setting.group)
        .hide(setting.has_no_flag())
        .help(format!("{} {origin}", setting.summary()))
        .long_help(format!("{}\nAccepted: {}\n{origin}", setting.meaning(), setting.accepted()))
}
