//! `neodyme runbook`: what to do about an alert, where no instance is left to ask.

use clap::{Arg, ArgMatches, Command};

use super::misuse::Misuse;
use super::output::print;
use super::table::align;
use crate::config::similar;
use crate::operations::{runbook, runbooks};

const ABOUT: &str = "Print what to do about an alert, or list the alerts; it needs no service";

pub(super) fn command() -> Command {
    Command::new("runbook").about(ABOUT).arg(Arg::new("alert").value_name("ALERT").help("Its name"))
}

pub(super) fn run(arguments: &ArgMatches) -> anyhow::Result<()> {
    let Some(name) = arguments.get_one::<String>("alert") else {
        return print(align(runbooks().map(|(name, when)| [name.to_owned(), when.to_owned()])));
    };
    match runbook(name) {
        Some(text) => print(text),
        None => Err(Misuse(unknown(name)).into()),
    }
}

fn unknown(name: &str) -> String {
    let meant = similar(name, runbooks().map(|(name, _)| name.to_owned()));
    let list = "`neodyme runbook` lists all";
    match meant.as_slice() {
        [] => format!("there is no runbook {name}; {list}"),
        meant => format!("there is no runbook {name}; did you mean {}? {list}", meant.join(" or ")),
    }
}
