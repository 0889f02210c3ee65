//! The templates of every language, ready to be rendered.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use minijinja::{Environment, UndefinedBehavior, Value};

use super::sources::{Kit, Sources};
use crate::language::{Language, lookup};

/// The templates of every language.
pub struct Speakers {
    languages: Vec<Language>,
    speakers: BTreeMap<Language, Speaker>,
    /// The languages that have a template, of their own or from a wider one.
    having: BTreeMap<&'static str, Vec<Language>>,
    default: Language,
}

/// The templates of one language.
pub struct Speaker {
    language: Language,
    environment: Environment<'static>,
    sources: Sources,
}

impl Speakers {
    /// Takes those built in and those of a directory; `globals` are what all templates of a language are given. What is no template, a
    /// style, is left to it. It is asked once for each language.
    ///
    /// # Errors
    /// When one cannot be read; with its line.
    pub fn load<G: IntoIterator<Item = (&'static str, Value)>>(
        kit: &Kit,
        directory: Option<&Path>,
        default: &Language,
        mut globals: impl FnMut(&Language, &Sources) -> Result<G, String>,
    ) -> Result<Self, String> {
        let (mut speakers, mut having) = (BTreeMap::new(), BTreeMap::<_, Vec<_>>::new());
        for (language, sources) in kit.sources(directory, default)? {
            let templates = sources.iter().filter(|(name, _)| !name.ends_with(".css"));
            let mut environment = environment(templates.map(|(name, source)| (*name, source.text.clone())))
                .map_err(|error| told(&sources, &error))?;
            environment.add_global("language", language.to_string());
            globals(&language, &sources)?.into_iter().for_each(|(name, value)| environment.add_global(name, value));
            for (name, _) in sources.iter().filter(|(_, source)| !source.is_foreign) {
                having.entry(*name).or_default().push(language.clone());
            }
            speakers.insert(language.clone(), Speaker { language, environment, sources });
        }
        let languages: Vec<_> = speakers.keys().cloned().collect();
        let default = lookup(default.as_str(), &languages).cloned().unwrap_or_else(Language::english);
        Ok(Speakers { languages, speakers, having, default })
    }

    /// The languages that there are.
    pub fn languages(&self) -> &[Language] {
        &self.languages
    }

    /// The language for whom none of those fits that are asked for.
    pub fn default_language(&self) -> &Language {
        &self.default
    }

    /// Where a template of a language was found; of one that it lacks, the one that is used instead.
    pub fn place(&self, language: &Language, name: &str) -> String {
        let source = self.speaker(language, name).ok().and_then(|speaker| speaker.sources.get(name));
        source.map_or_else(|| name.to_owned(), |source| source.place.clone())
    }

    /// Who speaks a template: where a language lacks it, English does, with all that belongs to it.
    ///
    /// # Errors
    /// Where there is no such template.
    pub fn speaker(&self, language: &Language, name: &str) -> Result<&Speaker, String> {
        let own = self.having(name).contains(language).then_some(language);
        self.speaker_of(own, name)
    }

    /// Who speaks a template for somebody who chooses among the languages that have it: where none of them will do, the default
    /// language does, or else English.
    ///
    /// # Errors
    /// Where there is no such template.
    pub fn best(
        &self,
        name: &str,
        choose: impl for<'a> FnOnce(&'a [Language]) -> Option<&'a Language>,
    ) -> Result<&Speaker, String> {
        let having = self.having(name);
        self.speaker_of(choose(having).or_else(|| lookup(self.default.as_str(), having)), name)
    }

    fn having(&self, name: &str) -> &[Language] {
        self.having.get(name).map_or(&[], Vec::as_slice)
    }

    fn speaker_of(&self, language: Option<&Language>, name: &str) -> Result<&Speaker, String> {
        let own = language.and_then(|language| self.speakers.get(language));
        own.or_else(|| self.speakers.get(&Language::english())).ok_or_else(|| format!("there is no {name}"))
    }
}

impl Speaker {
    /// What is spoken.
    pub fn language(&self) -> &Language {
        &self.language
    }

    /// The files of the operator that a template may be made of, by their names: it, what it names, and what that names.
    pub fn brought(&self, template: &str) -> Vec<(&'static str, &str)> {
        let own = self.sources.get_key_value(template);
        let mut parts: Vec<_> = own.into_iter().collect();
        let mut seen = 0;
        while let Some((_, part)) = parts.get(seen).copied() {
            seen += 1;
            for (name, source) in self.sources.iter().filter(|(name, _)| names(&part.text, name)) {
                if parts.iter().all(|(known, _)| *known != name) {
                    parts.push((name, source));
                }
            }
        }
        let brought = parts.into_iter().filter(|(_, source)| source.is_brought);
        brought.map(|(name, source)| (*name, source.place.as_str())).collect()
    }

    /// The text of a template with these values.
    ///
    /// # Errors
    /// What is wrong with it and where, without the values.
    pub fn render(&self, name: &str, values: Value) -> Result<String, String> {
        let rendered = self.environment.get_template(name).and_then(|template| template.render(values));
        rendered.map_err(|error| told(&self.sources, &error))
    }
}

/// Whether a template names another one: to extend, include or import it.
fn names(text: &str, other: &str) -> bool {
    ['"', '\''].iter().any(|quote| text.contains(&format!("{quote}{other}{quote}")))
}

/// Templates by their names, of which those that end in `.html` escape every value.
///
/// # Errors
/// Where one cannot be parsed.
fn environment(
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

/// What is wrong with a template and where, without the values that it was given.
fn told(sources: &Sources, error: &minijinja::Error) -> String {
    let error = innermost(error);
    let name = error.name().unwrap_or("a template");
    let file = sources.get(name).map_or(name, |source| &source.place);
    let place = format!("{file}:{}", error.line().unwrap_or_default());
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
