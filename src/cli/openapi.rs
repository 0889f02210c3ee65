//! `neodyme openapi`: the endpoints of a listener, for tools that make clients.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command};

use super::output::{print, to_json};
use crate::operations::{self, Listener};

/// The subcommand.
pub(super) fn command() -> Command {
    let listener = Arg::new("listener").long("listener").value_name("LISTENER").default_value("api");
    Command::new("openapi")
        .about("Print the OpenAPI document of the endpoints")
        .arg(listener.value_parser(PossibleValuesParser::new(["api", "operations"])).help("Whose endpoints"))
}

pub(super) fn run(arguments: &ArgMatches) -> anyhow::Result<()> {
    let of_operations = arguments.get_one::<String>("listener").is_some_and(|name| name == "operations");
    let listener = if of_operations { Listener::Operations } else { Listener::Api };
    print(to_json(&operations::document(listener))?)
}
