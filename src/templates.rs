//! What the templates of emails and of pages have in common: an operator may replace each by a file, and what is wrong with one is
//! found at start, with its line.

use std::error::Error;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use minijinja::{Environment, UndefinedBehavior};

/// The text of a file in a folder, if there is one of this name.
///
/// # Errors
/// What keeps it from being read.
pub fn read(folder: &Path, name: &str) -> Result<Option<String>, String> {
    let path = folder.join(name);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(&path, &error)),
    }
}

/// Says that a file or a folder cannot be read.
pub fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("{} cannot be read: {error}", path.display())
}

/// Says that a folder has no file of these names.
pub fn has_none(folder: &Path, names: &[&str]) -> String {
    format!("{} has none of {}", folder.display(), names.join(", "))
}

/// Templates by their names, of which those that end in `.html` escape every value.
///
/// # Errors
/// Where one cannot be parsed.
pub fn environment(
    sources: impl Iterator<Item = (&'static str, String)>,
) -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    // A misspelt variable is found at start, and is not a hole in every text.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, text) in sources {
        environment.add_template_owned(name, text)?;
    }
    Ok(environment)
}

/// What is wrong with a template and where, without the values that it was given. `place` says where a template of a name is.
pub fn in_words<'a>(error: &'a minijinja::Error, place: impl Fn(&'a str) -> &'a str) -> String {
    let error = innermost(error);
    let place = format!("{}:{}", error.name().map_or("a template", place), error.line().unwrap_or_default());
    match error.detail() {
        Some(detail) => format!("{place}: {}: {detail}", error.kind()),
        None => format!("{place}: {}", error.kind()),
    }
}

/// The error in the template that another one includes.
fn innermost(error: &minijinja::Error) -> &minijinja::Error {
    match error.source().and_then(|inner| inner.downcast_ref()) {
        Some(inner) => innermost(inner),
        None => error,
    }
}
