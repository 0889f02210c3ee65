//! Where the templates of each language come from: built in, and file by file replaced by those of the operator.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::language::{Language, lookup};
use crate::templates::{self, read, unreadable};

/// What a language has: the files of each kind, and what its kinds have in common.
macro_rules! built_in {
    ($language:literal) => {
        built_in! { $language:
            "layout.html", "code.html",
            "welcome.subject.txt", "welcome.txt", "welcome.html",
            "verify_email.subject.txt", "verify_email.txt", "verify_email.html",
            "reset_password.subject.txt", "reset_password.txt", "reset_password.html",
            "address_taken.subject.txt", "address_taken.txt", "address_taken.html",
            "password_changed.subject.txt", "password_changed.txt", "password_changed.html",
            "change_email.subject.txt", "change_email.txt", "change_email.html",
            "email_changed.subject.txt", "email_changed.txt", "email_changed.html",
            "email_restored.subject.txt", "email_restored.txt", "email_restored.html",
            "foot.txt", "date.txt", "duration.txt",
        }
    };
    ($language:literal: $($name:literal,)+) => {
        &[$(($name, include_str!(concat!("templates/", $language, "/", $name)))),+]
    };
}

type BuiltIn = &'static [(&'static str, &'static str)];

const ENGLISH: BuiltIn = built_in!("en");
const GERMAN: BuiltIn = built_in!("de");
/// The look of every page, in which no word stands.
const PAGE: (&str, &str) = ("page.html", include_str!("templates/page.html"));

/// A template, and where it was found.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub text: String,
    /// Its path below the folder of templates.
    pub place: String,
    /// Whether it stands in for one that its language lacks.
    pub is_foreign: bool,
}

/// The templates of one language by their names.
pub(super) type Sources = BTreeMap<&'static str, Source>;

/// The templates of every language that there is. Files directly in the directory are of the default language; those of another
/// are in a folder with its tag. What a language lacks it has from a wider one (`pt-BR` from `pt`), else from English.
///
/// # Errors
/// When the directory has none, or a folder that is of no language, or one cannot be read.
pub(super) fn sources(directory: Option<&Path>, default: &Language) -> Result<BTreeMap<Language, Sources>, String> {
    let english = Language::english();
    let german = Language::parse("de")?;
    let mut own = BTreeMap::from([(english.clone(), of_binary(ENGLISH, "")), (german, of_binary(GERMAN, "de/"))]);
    let mut page = of_binary(&[PAGE], "");
    if let Some(directory) = directory {
        let (mut found, folders) = (of_folder(directory, "")?, folders(directory)?);
        if found.is_empty() && folders.is_empty() {
            return Err(has_none(directory));
        }
        page.extend(found.remove_entry(PAGE.0));
        if !found.is_empty() {
            own.entry(default.clone()).or_default().extend(found);
        }
        for (language, found) in folders {
            own.entry(language).or_default().extend(found);
        }
    }
    let languages: Vec<_> = own.keys().cloned().collect();
    lookup(default.as_str(), &languages)
        .ok_or_else(|| format!("mail_default_language is {default}, and {}", there_are(&languages)))?;
    let whole = |language: &Language| {
        let chain = language.and_wider().filter_map(|wider| own.get(&wider));
        let foreign = own[&english].iter().map(|(name, source)| (*name, Source { is_foreign: true, ..source.clone() }));
        // What comes later replaces what was there.
        let mut sources: Sources = foreign.chain(page.clone()).collect();
        chain.collect::<Vec<_>>().into_iter().rev().for_each(|found| sources.extend(found.clone()));
        sources
    };
    Ok(languages.iter().map(|language| (language.clone(), whole(language))).collect())
}

/// `there are templates in de, en`
pub(super) fn there_are(languages: &[Language]) -> String {
    let tags: Vec<_> = languages.iter().map(Language::as_str).collect();
    format!("there are templates in {}", tags.join(", "))
}

fn of_binary(files: BuiltIn, before: &str) -> Sources {
    let source = |(name, text): &(&'static str, &str)| {
        (*name, Source { text: (*text).to_owned(), place: format!("{before}{name}"), is_foreign: false })
    };
    files.iter().map(source).collect()
}

fn names() -> impl Iterator<Item = &'static str> {
    ENGLISH.iter().map(|(name, _)| *name).chain([PAGE.0])
}

/// The templates that are directly in a folder.
fn of_folder(folder: &Path, before: &str) -> Result<Sources, String> {
    let mut found = Sources::new();
    for name in names() {
        let source = |text| (name, Source { text, place: format!("{before}{name}"), is_foreign: false });
        found.extend(read(folder, name)?.map(source));
    }
    Ok(found)
}

/// The folders of languages. What begins with a dot is nobody's: so does what Kubernetes puts beside mounted files.
fn folders(directory: &Path) -> Result<BTreeMap<Language, Sources>, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).map_err(|error| unreadable(directory, &error))? {
        let path = entry.map_err(|error| unreadable(directory, &error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') || !path.is_dir() {
            continue;
        }
        let language = Language::parse(&name).map_err(|fault| format!("the folder {} {fault}", path.display()))?;
        let sources = of_folder(&path, &format!("{name}/"))?;
        if sources.is_empty() {
            return Err(has_none(&path));
        }
        if found.insert(language.clone(), sources).is_some() {
            return Err(format!("{} has two folders of {language}", directory.display()));
        }
    }
    Ok(found)
}

fn has_none(folder: &Path) -> String {
    templates::has_none(folder, &names().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(tag: &str) -> Language {
        Language::parse(tag).unwrap()
    }

    /// The sources of a folder with these files, each of which holds its own path.
    fn with(files: &[&str], default: &str) -> Result<BTreeMap<Language, Sources>, String> {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        sources(Some(folder.path()), &language(default))
    }

    fn places(found: &BTreeMap<Language, Sources>, tag: &str, name: &str) -> (String, bool) {
        let source = &found[&language(tag)][name];
        (source.place.clone(), source.is_foreign)
    }

    #[test]
    fn each_language_has_every_template() {
        let found = sources(None, &Language::english()).unwrap();
        assert_eq!(found.keys().map(Language::as_str).collect::<Vec<_>>(), ["de", "en"]);
        for (language, sources) in &found {
            assert!(sources.keys().copied().eq(found[&Language::english()].keys().copied()));
            assert!(sources.values().all(|source| !source.is_foreign), "{language}");
        }
        assert_ne!(found[&language("de")]["welcome.txt"].text, found[&language("en")]["welcome.txt"].text);
    }

    #[test]
    fn a_file_is_taken_from_the_nearest_folder() {
        let files =
            ["welcome.txt", "fr/welcome.txt", "pt/welcome.txt", "pt-br/welcome.html", "de/layout.html", "page.html"];
        let found = with(&files, "en").unwrap();
        for (tag, name, place, is_foreign) in [
            ("en", "welcome.txt", "welcome.txt", false),
            ("en", "welcome.html", "welcome.html", false),
            ("de", "welcome.txt", "de/welcome.txt", false),
            ("de", "layout.html", "de/layout.html", false),
            ("fr", "welcome.txt", "fr/welcome.txt", false),
            ("fr", "welcome.html", "welcome.html", true),
            ("pt-BR", "welcome.html", "pt-br/welcome.html", false),
            ("pt-BR", "welcome.txt", "pt/welcome.txt", false),
            ("pt-BR", "code.html", "code.html", true),
            ("fr", "page.html", "page.html", false),
        ] {
            assert_eq!(places(&found, tag, name), (place.to_owned(), is_foreign), "{tag} {name}");
        }
        assert_eq!(found[&language("de")]["layout.html"].text, "de/layout.html");
        assert_ne!(found[&language("de")]["welcome.txt"].text, "welcome.txt");
        assert_eq!(found[&language("fr")]["page.html"].text, "page.html");
    }

    #[test]
    fn what_is_in_no_folder_is_of_the_default_language() {
        let found = with(&["welcome.txt"], "fr").unwrap();
        assert_eq!(places(&found, "fr", "welcome.txt"), ("welcome.txt".into(), false));
        assert_ne!(found[&Language::english()]["welcome.txt"].text, "welcome.txt");
        let found = with(&["welcome.txt", "de/welcome.txt"], "de").unwrap();
        assert_eq!(found[&language("de")]["welcome.txt"].text, "de/welcome.txt");
        assert!(sources(None, &language("de-AT")).is_ok());
        let refused = sources(None, &language("fr")).unwrap_err();
        assert_eq!(refused, "mail_default_language is fr, and there are templates in de, en");
    }

    #[test]
    fn a_folder_that_is_of_no_use_is_found() {
        for (files, expected) in [
            (&["german/welcome.txt"][..], "german is not the tag of a language"),
            (&["de/other.txt", "welcome.txt"], "de has none of layout.html, code.html, welcome.subject.txt"),
            (&["other.txt"], "has none of layout.html, code.html"),
            (&["de/welcome.txt/x"], "welcome.txt cannot be read"),
            (&["pt-br/welcome.txt", "pt-BR/welcome.txt"], "has two folders of pt-BR"),
        ] {
            let refused = with(files, "en").unwrap_err();
            assert!(refused.contains(expected), "{refused}");
        }
        assert!(with(&["welcome.txt", "..data/x", ".git/x", "notes.md"], "en").is_ok());
    }
}
