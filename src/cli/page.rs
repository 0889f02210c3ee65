//! `neodyme page`: a page for users on the screen, and the templates of all of them.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command};

use super::flags::{option, with_settings};
use super::misuse::Misuse;
use super::output::print;
use super::templates;
use crate::accounts::{self, PageState};
use crate::config::{Config, Problems};
use crate::label;
use crate::language::{Language, lookup};
use crate::page_templates;

/// What the settings begin with that say what is on a page.
const OF_WHAT_IS_ON_IT: &[&str] = &[
    "pages_templates",
    "product_",
    "support_address",
    "logo_url",
    "mail_from",
    "mail_default_language",
    "password_min_characters",
];

/// The subcommand and its own.
pub(super) fn command() -> Command {
    let pages = PossibleValuesParser::new(accounts::page_names());
    let page = Arg::new("page").value_name("PAGE").default_value("sign-in").value_parser(pages);
    let states = PossibleValuesParser::new(PageState::ALL.iter().map(|state| state.as_str()));
    let state = option("state", "STATE", "How a form is seen: before, with what is wrong, or once it is done");
    Command::new("page")
        .about("Show the pages that hosted_pages serves, or write their templates")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([
            with_settings(
                Command::new("preview").about("Print the HTML of a page as a user would get it"),
                OF_WHAT_IS_ON_IT,
            )
            .arg(page.help("Which one"))
            .arg(templates::language())
            .arg(state.default_value(PageState::New.as_str()).value_parser(states)),
            templates::command("Write the built-in templates of pages into a folder, to start from"),
        ])
}

pub(super) fn run(
    config: impl FnOnce() -> Result<Config, Problems>,
    task: &str,
    matches: &ArgMatches,
) -> anyhow::Result<()> {
    match task {
        "templates" => templates::write(page_templates::built_in_files(), "pages_templates", matches),
        _ => preview(&config()?, matches),
    }
}

fn preview(config: &Config, matches: &ArgMatches) -> anyhow::Result<()> {
    let text = |id| matches.get_one::<String>(id).map_or("", String::as_str);
    let (name, state) = (text("page"), label::parse(text("state")).unwrap_or(PageState::New));
    if state != PageState::New && !accounts::is_form(name) {
        return Err(Misuse(format!("the page {name} is no form, and has no --state")).into());
    }
    let pages = accounts::page_templates(config)?;
    let english = Language::english();
    let language = match matches.get_one("language") {
        Some(language) => templates::spoken(language, pages.languages())?,
        None => lookup(config.mail.default_language.as_str(), pages.languages()).unwrap_or(&english),
    };
    print(accounts::page_preview(&pages, language, name, state)?)
}
