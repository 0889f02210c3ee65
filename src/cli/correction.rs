//! What is said of a command line that is wrong: tips that lead to what was meant, and no secret.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

use crate::config::similar;

/// The error with tips of ours in place of clap's, which know letters only: `--api-port` is not `--smtp-port`.
pub(super) fn correct(error: clap::Error, command: &Command, arguments: &[String]) -> clap::Error {
    let command = innermost(command, arguments);
    let corrected = match error.kind() {
        ErrorKind::UnknownArgument => with_flags(error, command, arguments),
        ErrorKind::InvalidSubcommand => with_subcommands(error, command),
        _ => error,
    };
    hide_values(corrected)
}

/// The subcommand that the arguments lead to.
fn innermost<'a>(command: &'a Command, arguments: &[String]) -> &'a Command {
    arguments.iter().fold(command, |command, word| command.find_subcommand(word).unwrap_or(command))
}

fn with_flags(mut error: clap::Error, command: &Command, arguments: &[String]) -> clap::Error {
    let Some(given) = text(&error, ContextKind::InvalidArg) else { return error };
    // Of `-log-level` clap has read a flag of one letter.
    let is_short = given.len() == 2 && given.starts_with('-');
    let whole = arguments.iter().find(|word| is_short && word.starts_with(&given) && !word.starts_with("--"));
    let whole = whole.map_or(given.as_str(), String::as_str);
    let meant = if whole.ends_with(".toml") { vec!["--config".into()] } else { similar(whole, flags(command)) };
    // The usage shows the flag that clap took it for.
    if error.remove(ContextKind::SuggestedArg).is_some() || !meant.is_empty() {
        error.remove(ContextKind::Usage);
    }
    suggest(error, ContextKind::SuggestedArg, meant)
}

fn with_subcommands(mut error: clap::Error, command: &Command) -> clap::Error {
    let Some(given) = text(&error, ContextKind::InvalidSubcommand) else { return error };
    let names = command.get_subcommands().map(|command| command.get_name().to_owned());
    let (subcommands, flags) = (similar(&given, names), similar(&given, flags(command)));
    error.remove(ContextKind::SuggestedSubcommand);
    if subcommands.is_empty() {
        return suggest(error, ContextKind::SuggestedArg, flags);
    }
    suggest(error, ContextKind::SuggestedSubcommand, subcommands)
}

fn flags(command: &Command) -> impl Iterator<Item = String> {
    command.get_arguments().filter_map(Arg::get_long).map(|name| format!("--{name}"))
}

fn suggest(mut error: clap::Error, kind: ContextKind, mut names: Vec<String>) -> clap::Error {
    match names.len() {
        0 => {}
        1 => _ = error.insert(kind, ContextValue::String(names.remove(0))),
        _ => _ = error.insert(kind, ContextValue::Strings(names)),
    }
    error
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// Replaces what the user wrote in the wrong place by dots if it looks like an address with a password.
fn hide_values(mut error: clap::Error) -> clap::Error {
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
