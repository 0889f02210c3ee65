//! Where the templates of each language come from: built in, and file by file replaced by those of the operator.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::language::Language;

/// Files by their names.
pub type BuiltIn = &'static [(&'static str, &'static str)];

/// The templates of something that are built in, and what an operator may bring.
pub struct Kit {
    /// English, in which there is every text.
    pub english: BuiltIn,
    /// Other languages by their tags.
    pub others: &'static [(&'static str, BuiltIn)],
    /// What is one for all languages, since no word stands in it.
    pub shared: BuiltIn,
    /// Whether a file of any other name is refused.
    pub is_strict: bool,
}

/// Takes files into the program: those of one folder beside the file that says so.
macro_rules! built_in {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!($folder, $name)))),+]
    };
}

pub(crate) use built_in;

/// A template, and where it was found.
#[derive(Clone, Debug)]
pub struct Source {
    /// What is in it.
    pub text: String,
    /// Its path below the folder of templates.
    pub place: String,
    /// Whether it stands in for one that its language lacks.
    pub is_foreign: bool,
    /// Whether the operator brought it.
    pub is_brought: bool,
}

/// The templates of one language by their names.
pub type Sources = BTreeMap<&'static str, Source>;

impl Kit {
    /// The templates of every language that there is. Files directly in the directory are of the default language, or of all; those
    /// of another are in a folder with its tag. What a language lacks it has from a wider one (`pt-BR` from `pt`), else from English.
    ///
    /// # Errors
    /// When the directory has none, or a folder that is of no language, or the same file twice, or one cannot be read.
    pub fn sources(&self, directory: Option<&Path>, default: &Language) -> Result<BTreeMap<Language, Sources>, String> {
        let english = Language::english();
        let mut own = BTreeMap::from([(english.clone(), of_binary(self.english, ""))]);
        for (tag, files) in self.others {
            own.insert(Language::parse(tag)?, of_binary(files, &format!("{tag}/")));
        }
        let mut shared = of_binary(self.shared, "");
        if let Some(directory) = directory {
            let (mut found, folders) = (self.of_folder(directory, "")?, self.folders(directory)?);
            if found.is_empty() && folders.is_empty() {
                return Err(self.has_none(directory));
            }
            for (name, _) in self.shared {
                shared.extend(found.remove_entry(name));
            }
            if let Some(folder) = folders.get(default) {
                only_once(default, &found, folder)?;
            }
            if !found.is_empty() {
                own.entry(default.clone()).or_default().extend(found);
            }
            for (language, found) in folders {
                own.entry(language).or_default().extend(found);
            }
        }
        let whole = |language: &Language| {
            let chain = language.and_wider().filter_map(|wider| own.get(&wider));
            let foreign =
                own[&english].iter().map(|(name, source)| (*name, Source { is_foreign: true, ..source.clone() }));
            // What comes later replaces what was there.
            let mut sources: Sources = foreign.chain(shared.clone()).collect();
            chain.collect::<Vec<_>>().into_iter().rev().for_each(|found| sources.extend(found.clone()));
            sources
        };
        Ok(own.keys().map(|language| (language.clone(), whole(language))).collect())
    }

    /// Every file that is built in, by its path in a folder that would have all of them.
    pub fn files(&self) -> impl Iterator<Item = (String, &'static str)> {
        let of_language = |(tag, files): (&'static str, BuiltIn)| {
            files.iter().map(move |(name, text)| (format!("{tag}/{name}"), *text))
        };
        let languages = std::iter::once(("en", self.english)).chain(self.others.iter().copied());
        let shared = self.shared.iter().map(|(name, text)| ((*name).to_owned(), *text));
        shared.chain(languages.flat_map(of_language))
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.english.iter().chain(self.shared).map(|(name, _)| *name)
    }

    /// The templates that are directly in a folder. A misspelt file would be none, and nobody would notice.
    fn of_folder(&self, folder: &Path, before: &str) -> Result<Sources, String> {
        let mut found = Sources::new();
        for (file, path) in entries(folder)? {
            let place = format!("{before}{file}");
            match self.names().find(|name| *name == file) {
                Some(name) => {
                    let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
                    found.insert(name, Source { text, place, is_foreign: false, is_brought: true });
                }
                None if self.is_strict && !path.is_dir() => {
                    return Err(format!("{place} is none of {}", self.listed()));
                }
                None => {}
            }
        }
        Ok(found)
    }

    /// The folders of languages.
    fn folders(&self, directory: &Path) -> Result<BTreeMap<Language, Sources>, String> {
        let mut found = BTreeMap::new();
        for (name, path) in entries(directory)?.into_iter().filter(|(_, path)| path.is_dir()) {
            let language = Language::parse(&name).map_err(|fault| format!("the folder {} {fault}", path.display()))?;
            let sources = self.of_folder(&path, &format!("{name}/"))?;
            if sources.is_empty() {
                return Err(self.has_none(&path));
            }
            if found.insert(language.clone(), sources).is_some() {
                return Err(format!("{} has two folders of {language}", directory.display()));
            }
        }
        Ok(found)
    }

    fn has_none(&self, folder: &Path) -> String {
        format!("{} has none of {}", folder.display(), self.listed())
    }

    fn listed(&self) -> String {
        self.names().collect::<Vec<_>>().join(", ")
    }
}

/// What is in a folder, by name. What begins with a dot is nobody's: so does what Kubernetes puts beside mounted files.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            leads_somewhere(&path)?;
            found.push((name, path));
        }
    }
    Ok(found)
}

fn of_binary(files: BuiltIn, before: &str) -> Sources {
    let source = |(name, text): &(&'static str, &str)| {
        let place = format!("{before}{name}");
        (*name, Source { text: (*text).to_owned(), place, is_foreign: false, is_brought: false })
    };
    files.iter().map(source).collect()
}

/// A link that leads nowhere would be taken for no file at all.
fn leads_somewhere(path: &Path) -> Result<(), String> {
    match (fs::metadata(path), fs::read_link(path)) {
        (Err(error), Ok(target)) if error.kind() == ErrorKind::NotFound => {
            Err(format!("{} is a link to {}, where nothing is", path.display(), target.display()))
        }
        _ => Ok(()),
    }
}

/// Of a file directly in the directory and one in the folder of the default language one would be passed over.
fn only_once(default: &Language, found: &Sources, folder: &Sources) -> Result<(), String> {
    match found.iter().find_map(|(name, first)| Some((first, folder.get(name)?))) {
        Some((first, second)) => Err(format!(
            "{} and {} are both of {default}, the mail_default_language: keep one of them",
            first.place, second.place
        )),
        None => Ok(()),
    }
}

/// Says that a file or a folder cannot be read.
fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("{} cannot be read: {error}", path.display())
}
