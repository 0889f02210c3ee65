//! A file that is written, not edited.

use std::fs;

use anyhow::{Context, Result};

/// A file and what it must hold.
#[derive(Debug)]
pub struct Artefact {
    /// Where it is, from the project's folder.
    pub path: String,
    /// All of it.
    pub text: String,
}

impl Artefact {
    /// Whether the file is missing, or holds something else.
    pub fn is_stale(&self) -> bool {
        fs::read_to_string(&self.path).map_or(true, |text| text != self.text)
    }

    /// Makes the file hold it.
    pub fn write(&self) -> Result<()> {
        fs::write(&self.path, &self.text).with_context(|| self.path.clone())
    }
}

/// The text of a file of the project.
pub fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.to_owned())
}

/// The files of a folder with this ending, in the order of their names.
pub fn files(folder: &str, ending: &str) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| folder.to_owned())?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<Result<Vec<String>>>()?;
    names.retain(|name| name.ends_with(ending));
    names.sort();
    Ok(names.into_iter().map(|name| format!("{folder}/{name}").trim_start_matches("./").to_owned()).collect())
}

/// The name of a file without its folder and its ending.
pub fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split('.').next().unwrap_or(name)
}
