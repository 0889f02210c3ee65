//! The files of the templates.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::templates::{has_none, read, unreadable};

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

/// The text of each file by its name: that of the directory, or the one built in.
pub(super) fn sources(directory: Option<&Path>) -> Result<BTreeMap<&'static str, String>, String> {
    let mut sources: BTreeMap<_, _> = BUILT_IN.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
    if let Some(directory) = directory {
        sources.extend(of_folder(directory)?);
    }
    Ok(sources)
}

fn of_folder(folder: &Path) -> Result<BTreeMap<&'static str, String>, String> {
    let names: Vec<_> = BUILT_IN.iter().map(|(name, _)| *name).collect();
    only_known(folder, &names)?;
    let mut found = BTreeMap::new();
    for name in &names {
        found.extend(read(folder, name)?.map(|text| (*name, text)));
    }
    if found.is_empty() { Err(has_none(folder, &names)) } else { Ok(found) }
}

/// A misspelt file would be none, and nobody would notice. What begins with a dot is not ours.
fn only_known(folder: &Path, names: &[&str]) -> Result<(), String> {
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let name = entry.map_err(|error| unreadable(folder, &error))?.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with('.') && !names.contains(&&*name) {
            return Err(format!("{name} is none of {}", names.join(", ")));
        }
    }
    Ok(())
}
