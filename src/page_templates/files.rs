//! The files of the templates.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => { &[$(($name, include_str!($name))),+] };
}

const BUILT_IN: &[(&str, &str)] = built_in![
    "layout.html",
    "form.html",
    "field.html",
    "page.css",
    "account.html",
    "refused.html",
    "sign-up.html",
    "sign-in.html",
    "verify-email.html",
    "send-verification.html",
    "forgot-password.html",
    "reset-password.html",
    "change-password.html",
    "change-email.html",
    "undo-email-change.html",
];

/// The name and the text of each file: that of the directory, or the one built in.
pub(super) fn sources(directory: Option<&Path>) -> Result<Vec<(&'static str, String)>, String> {
    let Some(directory) = directory else {
        return Ok(BUILT_IN.iter().map(|(name, text)| (*name, (*text).to_owned())).collect());
    };
    let names: Vec<_> = BUILT_IN.iter().map(|(name, _)| *name).collect();
    only_known(directory, &names)?;
    let mut found = false;
    let mut source = |(name, built_in): &(&'static str, &str)| match fs::read_to_string(directory.join(name)) {
        Ok(text) => {
            found = true;
            Ok((*name, text))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok((*name, (*built_in).to_owned())),
        Err(error) => Err(format!("{} cannot be read: {error}", directory.join(name).display())),
    };
    let sources = BUILT_IN.iter().map(&mut source).collect::<Result<_, _>>()?;
    if found { Ok(sources) } else { Err(format!("{} has none of {}", directory.display(), names.join(", "))) }
}

/// A misspelt file would be none, and nobody would notice. What begins with a dot is not ours.
fn only_known(directory: &Path, names: &[&str]) -> Result<(), String> {
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", directory.display());
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with('.') && !names.contains(&&*name) {
            return Err(format!("{name} is none of {}", names.join(", ")));
        }
    }
    Ok(())
}
