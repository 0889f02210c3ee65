//! The flags and subcommands, made from the table of settings.

mod operator;
mod user;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::flags::{OF_THE_DATABASE, with_settings};
use super::{demo_traffic, email, health, import, log, openapi, page, runbook, webhook};
use crate::config::{SETTINGS, Sources};

const VERSION: &str =
    concat!(env!("CARGO_PKG_VERSION"), " (revision ", env!("NEODYME_REVISION"), ", rustc ", env!("NEODYME_RUSTC"), ")");
const ABOUT: &str = "Registers users over HTTP and explains itself to the people who run it";
const PRECEDENCE: &str = "\
Settings come from flags, NEODYME_* variables, the configuration file and
defaults, in that order. `neodyme check` shows which values are in force. The
whole reference: docs/CONFIGURATION.md";
const WITHOUT_A_COMMAND: &str = "\
Without a command it serves. Each setting is a flag too, before the command or
after it: `neodyme serve --help` lists them all.

Exit codes: 0 all is well, 1 something failed, 2 the command line or the
configuration is wrong. What each message means: docs/COMMANDS.md";
/// The command line of neodyme.
pub(super) fn command() -> Command {
    let markdown = |help: &'static str| Arg::new("markdown").long("markdown").action(ArgAction::SetTrue).help(help);
    let about_check = "Check the configuration, show every value and its source, and try the database";
    let about_migrate = "Bring the database's tables up to date, and end";
    with_settings(Command::new("neodyme").version(VERSION).about(ABOUT), &[]).after_help(WITHOUT_A_COMMAND).subcommands(
        [
            with_settings(Command::new("serve").about("Serve until SIGTERM or SIGINT (the default)"), &[""])
                .after_help(PRECEDENCE),
            with_settings(Command::new("migrate").about(about_migrate), OF_THE_DATABASE),
            with_settings(Command::new("check").about(about_check), &[])
                .arg(markdown("Print the reference of all settings as Markdown instead")),
            email::command(),
            page::command(),
            import::command(),
            Command::new("metrics")
                .about("List every metric: name, type, labels, help")
                .arg(markdown("Print the list as Markdown")),
            user::user(),
            operator::outbox(),
            operator::audit(),
            operator::keys(),
            webhook::command(),
            Command::new("errors")
                .about("List every error type: kind, status, meaning, what to do")
                .arg(markdown("Print the list as Markdown")),
            runbook::command(),
            log::command(),
            openapi::command(),
            health::command(),
            demo_traffic::command(),
        ],
    )
}

/// The sources of the configuration: flags may stand before the subcommand or, stronger, after it.
pub(super) fn sources(outer: &ArgMatches, inner: &ArgMatches) -> Sources {
    let flags = SETTINGS.iter().filter_map(|setting| Some((setting.key, last(outer, inner, setting.key)?)));
    Sources::of_process(flags.collect(), last(outer, inner, "config"))
}

fn last<T: Clone + Send + Sync + 'static>(outer: &ArgMatches, inner: &ArgMatches, id: &str) -> Option<T> {
    inner.get_one(id).or_else(|| outer.get_one(id)).cloned()
}
