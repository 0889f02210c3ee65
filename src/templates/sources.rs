//! Where the templates of each language come from: built in, and file by file replaced by those of the operator.

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
}

/// The templates of one language by their names.
pub type Sources = BTreeMap<&'static str, Source>;

impl Kit {
    /// The templates of every language that there is. Files directly in the directory are of the default language, or of all; those
    /// of another are in a folder with its tag. What a language lacks it has from a wider one (`pt-BR` from `pt`), else from English.
    ///
    /// # Errors
    /// When the directory has none, or a folder that is of no language, or one cannot be read.
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

    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.english.iter().chain(self.shared).map(|(name, _)| *name)
    }

    /// The templates that are directly in a folder.
    fn of_folder(&self, folder: &Path, before: &str) -> Result<Sources, String> {
        if self.is_strict {
            self.only_known(folder)?;
        }
        let mut found = Sources::new();
        for name in self.names() {
            let source = |text| (name, Source { text, place: format!("{before}{name}"), is_foreign: false });
            found.extend(read(folder, name)?.map(source));
        }
        Ok(found)
    }

    /// A misspelt file would be none, and nobody would notice.
    fn only_known(&self, folder: &Path) -> Result<(), String> {
        for (name, path) in entries(folder)? {
            if !path.is_dir() && !self.names().any(|known| known == name) {
                return Err(format!("{name} is none of {}", self.listed()));
            }
        }
        Ok(())
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
            found.push((name, path));
        }
    }
    Ok(found)
}

fn of_binary(files: BuiltIn, before: &str) -> Sources {
    let source = |(name, text): &(&'static str, &str)| {
        (*name, Source { text: (*text).to_owned(), place: format!("{before}{name}"), is_foreign: false })
    };
    files.iter().map(source).collect()
}

/// The text of a file in a folder, if there is one of this name.
fn read(folder: &Path, name: &str) -> Result<Option<String>, String> {
    let path = folder.join(name);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(&path, &error)),
    }
}

/// Says that a file or a folder cannot be read.
fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("{} cannot be read: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIT: Kit = Kit {
        english: &[("welcome.html", "Hello"), ("code.html", "Code"), ("layout.html", "en")],
        others: &[("de", &[("welcome.html", "Hallo"), ("code.html", "Kode"), ("layout.html", "de")])],
        shared: &[("page.html", "")],
        is_strict: false,
    };

    fn language(tag: &str) -> Language {
        Language::parse(tag).unwrap()
    }

    /// The sources of a folder with these files, each of which holds its own path.
    fn with(kit: &Kit, files: &[&str], default: &str) -> Result<BTreeMap<Language, Sources>, String> {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        kit.sources(Some(folder.path()), &language(default))
    }

    fn place(found: &BTreeMap<Language, Sources>, tag: &str, name: &str) -> (String, bool) {
        let source = &found[&language(tag)][name];
        (source.place.clone(), source.is_foreign)
    }

    #[test]
    fn a_file_is_taken_from_the_nearest_folder() {
        let files =
            ["welcome.html", "fr/welcome.html", "pt/welcome.html", "pt-br/layout.html", "de/layout.html", "page.html"];
        let found = with(&KIT, &files, "en").unwrap();
        for (tag, name, expected, is_foreign) in [
            ("en", "welcome.html", "welcome.html", false),
            ("en", "layout.html", "layout.html", false),
            ("de", "welcome.html", "de/welcome.html", false),
            ("de", "layout.html", "de/layout.html", false),
            ("fr", "welcome.html", "fr/welcome.html", false),
            ("fr", "layout.html", "layout.html", true),
            ("pt-BR", "layout.html", "pt-br/layout.html", false),
            ("pt-BR", "welcome.html", "pt/welcome.html", false),
            ("pt-BR", "code.html", "code.html", true),
            ("fr", "page.html", "page.html", false),
        ] {
            assert_eq!(place(&found, tag, name), (expected.to_owned(), is_foreign), "{tag} {name}");
        }
        assert_eq!(found[&language("de")]["layout.html"].text, "de/layout.html");
        assert_eq!(found[&language("de")]["welcome.html"].text, "Hallo");
        assert_eq!(found[&language("fr")]["page.html"].text, "page.html");
    }

    #[test]
    fn what_is_in_no_folder_is_of_the_default_language() {
        let found = with(&KIT, &["welcome.html"], "fr").unwrap();
        assert_eq!(place(&found, "fr", "welcome.html"), ("welcome.html".into(), false));
        assert_eq!(found[&Language::english()]["welcome.html"].text, "Hello");
        let found = with(&KIT, &["welcome.html", "de/welcome.html"], "de").unwrap();
        assert_eq!(found[&language("de")]["welcome.html"].text, "de/welcome.html");
    }

    #[test]
    fn a_folder_that_is_of_no_use_is_found() {
        for (files, expected) in [
            (&["german/welcome.html"][..], "german is not the tag of a language"),
            (&["de/other.html", "welcome.html"], "de has none of welcome.html, code.html, layout.html, page.html"),
            (&["other.html"], "has none of welcome.html, code.html"),
            (&["de/welcome.html/x"], "welcome.html cannot be read"),
            (&["pt-br/welcome.html", "pt-BR/welcome.html"], "has two folders of pt-BR"),
        ] {
            let refused = with(&KIT, files, "en").unwrap_err();
            assert!(refused.contains(expected), "{refused}");
        }
        let beside = ["welcome.html", "..data/x", ".git/x", "notes.md"];
        assert!(with(&KIT, &beside, "en").is_ok());
        let strict = Kit { is_strict: true, ..KIT };
        for (files, known) in [(&beside[..], "notes.md"), (&["de/welcome.html", "de/wellcome.html"], "wellcome.html")] {
            let refused = with(&strict, files, "en").unwrap_err();
            assert!(refused.contains(&format!("{known} is none of welcome.html, code.html")), "{refused}");
        }
        assert!(with(&strict, &beside[..3], "en").is_ok());
    }
}
