//! The subcommands with which an operator administers users.

use std::path::PathBuf;

use clap::{Arg, Command, value_parser};

use super::operator::{group, label, limit, parse_time};
use crate::accounts::directory::{MAX_SKIP, State, Who};
use crate::accounts::users::{Order, Role};
use crate::cli::flags::{OF_THE_DATABASE, flag, json, option, with_settings};
use crate::values::{AddressPrefix, Email, Fault, FullName};

/// `neodyme user …`
pub(super) fn user() -> Command {
    let of_user = |name, about| with_settings(Command::new(name).about(about), OF_THE_DATABASE).arg(who()).arg(json());
    let full = || flag("full", "Show names and addresses instead of their first letters");
    let force = || flag("force", "Also where nobody would be left who may administer users through the API");
    let grant = "Give a user a role, which takes the place of the one before";
    let deactivate = "Switch a user off, who is signed out everywhere and cannot sign in";
    let delete = "Erase a user: the user, sessions, tokens, waiting jobs, addresses in the audit trail";
    let export = "Print all that is stored of a user, as JSON";
    group("user", "Make users, look at them, change and erase them").subcommands([
        create(),
        list().arg(full()),
        of_user("show", "Show a user and where the user is signed in").arg(full()),
        of_user("grant", grant)
            .arg(
                Arg::new("role")
                    .value_name("ROLE")
                    .required(true)
                    .help("What it may be")
                    .value_parser(label(Role::ALL)),
            )
            .arg(force()),
        of_user("deactivate", deactivate).arg(force()),
        of_user("activate", "Switch a user on again, and forget wrong passwords"),
        of_user("revoke-sessions", "Sign a user out everywhere"),
        of_user("delete", delete).arg(flag("yes", "Do not ask")).arg(force()),
        with_settings(Command::new("export").about(export), OF_THE_DATABASE).arg(who()),
    ])
}

fn create() -> Command {
    const FILE: &str = "Read the password from the first line of a file. Without it the terminal asks for it, and does not show it; where \
                        standard input is no terminal, its first line is the password";
    let about = "Make a user, such as the first admin; no welcome email is sent";
    let concern: Vec<_> = OF_THE_DATABASE.iter().copied().chain(["password_"]).collect();
    with_settings(Command::new("create").about(about), &concern).args([
        option("email", "ADDRESS", "Address of the user")
            .required(true)
            .value_parser(|text: &str| read(text, Email::parse)),
        option("name", "NAME", "Name of the user")
            .required(true)
            .value_parser(|text: &str| read(text, FullName::parse)),
        flag("admin", "The same as --role admin"),
        option("role", "ROLE", "What the user may do")
            .default_value("user")
            .conflicts_with("admin")
            .value_parser(label(Role::ALL)),
        option("password-file", "FILE", FILE).value_parser(value_parser!(PathBuf)),
        json(),
    ])
}

fn list() -> Command {
    let time = |name, help| option(name, "TIME", help).value_parser(parse_time);
    let prefix = "Only those whose address begins so";
    let skip = "Leave so many out; --after is faster";
    with_settings(Command::new("list").about("List users, by when they registered"), OF_THE_DATABASE).args([
        option("state", "STATE", "Only those who are switched on, or off").value_parser(label(State::ALL)),
        option("role", "ROLE", "Only those with this role").value_parser(label(Role::ALL)),
        time(
            "since",
            "Only those who registered from this time on: 2026-11-22T08:00:00Z, 2026-11-22, or 24h for so long ago",
        ),
        time("until", "Only those who registered before this time, which is given likewise"),
        option("email-prefix", "TEXT", prefix).value_parser(|text: &str| read(text, AddressPrefix::parse)),
        option("order", "ORDER", "Who registered first comes first, or last")
            .default_value("asc")
            .value_parser(label(Order::ALL)),
        option("after", "USER", "Only those behind this user, by id or address: the last one of the page before")
            .value_parser(Who::parse),
        option("skip", "N", skip).default_value("0").value_parser(value_parser!(u64).range(..=MAX_SKIP as u64)),
        limit(),
        json(),
    ])
}

fn who() -> Arg {
    let help = "The user's id or address";
    Arg::new("user").value_name("USER").required(true).help(help).value_parser(Who::parse)
}

fn read<T>(text: &str, parse: impl Fn(&str) -> Result<T, Fault>) -> Result<T, String> {
    parse(text).map_err(|fault| format!("it {}", fault.message))
}
