//! The templates of the emails, in every language.

use std::collections::BTreeMap;
use std::time::Duration;

use minijinja::{Environment, Value};
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use super::brand::brand;
use super::invalid_setting::InvalidSetting;
use super::kind::MailKind;
use super::sources::{Sources, sources};
use crate::config::MailConfig;
use crate::language::{Language, lookup};
use crate::templates;

/// What a template can use that differs from email to email. Values are escaped in HTML.
#[derive(Clone)]
pub(super) struct Variables<'a> {
    /// The user's name; empty where it does not look like one.
    pub full_name: &'a str,
    /// The user's address.
    pub email: &'a str,
    /// When it happened what the email tells.
    pub at: OffsetDateTime,
    /// The code that the email carries; empty where it carries none.
    pub code: &'a str,
    /// Where the code is used; empty where nothing leads there.
    pub link: String,
    /// How long the code can be used.
    pub lifetime: Option<Duration>,
}

/// The texts of one email.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Texts {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// The templates of every language.
pub(super) struct Templates {
    languages: Vec<Language>,
    speakers: BTreeMap<Language, Speaker>,
    default: Language,
}

/// The templates of one language.
struct Speaker {
    environment: Environment<'static>,
    sources: Sources,
}

impl Templates {
    /// Takes the templates of the operator, and those built in where there are none.
    ///
    /// # Errors
    /// When a template cannot be read; with its line.
    pub fn load(config: &MailConfig, sender: &str) -> Result<Self, InvalidSetting> {
        let fault = |text: String| InvalidSetting::new("mail_templates", text);
        let found = sources(config.templates.as_deref(), &config.default_language).map_err(fault)?;
        let mut speakers = BTreeMap::new();
        for (language, sources) in found {
            let mut environment =
                templates::environment(sources.iter().map(|(name, source)| (*name, source.text.clone())))
                    .map_err(|error| fault(in_words(&sources, &error)))?;
            // What is the same in every email.
            let own = [("sender", sender.to_owned()), ("language", language.to_string())];
            for (name, value) in brand(config).into_iter().chain(own) {
                environment.add_global(name, value);
            }
            speakers.insert(language, Speaker { environment, sources });
        }
        let languages: Vec<_> = speakers.keys().cloned().collect();
        let default = lookup(config.default_language.as_str(), &languages).cloned().unwrap_or_else(Language::english);
        Ok(Templates { languages, speakers, default })
    }

    /// The languages that there are.
    pub fn languages(&self) -> &[Language] {
        &self.languages
    }

    /// The texts of an email of this kind with these values, for somebody who speaks this.
    ///
    /// # Errors
    /// What is wrong with a template and where, without the values that it was given.
    pub fn render(
        &self,
        language: Option<&Language>,
        kind: MailKind,
        variables: &Variables<'_>,
    ) -> Result<Texts, String> {
        let language = language.and_then(|wanted| lookup(wanted.as_str(), &self.languages)).unwrap_or(&self.default);
        let render = |form: &str| {
            let name = format!("{}.{form}", kind.as_str());
            self.speaker(language, &name)?.render(&name, variables)
        };
        Ok(Texts { subject: render("subject.txt")?.trim().to_owned(), text: render("txt")?, html: render("html")? })
    }

    /// Where a template of a language was found; of one that it lacks, the one that is used instead.
    pub fn place(&self, language: &Language, name: &str) -> String {
        let source = self.speaker(language, name).ok().and_then(|speaker| speaker.sources.get(name));
        source.map_or_else(|| name.to_owned(), |source| source.place.clone())
    }

    /// Who speaks a template: where a language lacks it, English does, with all that belongs to it.
    fn speaker(&self, language: &Language, name: &str) -> Result<&Speaker, String> {
        let own = self.speakers.get(language);
        let own = own.filter(|speaker| speaker.sources.get(name).is_some_and(|source| !source.is_foreign));
        own.or_else(|| self.speakers.get(&Language::english())).ok_or_else(|| format!("there is no {name}"))
    }
}

impl Speaker {
    fn render(&self, name: &str, variables: &Variables<'_>) -> Result<String, String> {
        self.try_to_render(name, variables).map_err(|error| in_words(&self.sources, &error))
    }

    fn try_to_render(&self, name: &str, variables: &Variables<'_>) -> Result<String, minijinja::Error> {
        let Variables { full_name, email, at, code, link, lifetime } = variables;
        let at = at.to_offset(UtcOffset::UTC);
        let date = self.part(
            "date.txt",
            [
                ("year", Value::from(format!("{:04}", at.year()))),
                ("month", format!("{:02}", u8::from(at.month())).into()),
                ("day", format!("{:02}", at.day()).into()),
            ],
        )?;
        let valid_for = match lifetime.map(count_and_unit) {
            Some((count, unit)) => self.part("duration.txt", [("count", count.into()), ("unit", unit.into())])?,
            None => String::new(),
        };
        let time = at.format(format_description!("[hour]:[minute]")).unwrap_or_default();
        self.environment.get_template(name)?.render(Value::from_pairs([
            ("full_name", *full_name),
            ("email", email),
            ("date", &date),
            ("time", &time),
            ("code", code),
            ("link", link),
            ("valid_for", &valid_for),
        ]))
    }

    /// A piece of a text in the words of the language.
    fn part<const N: usize>(&self, name: &str, values: [(&str, Value); N]) -> Result<String, minijinja::Error> {
        let text = self.environment.get_template(name)?.render(Value::from_pairs(values))?;
        Ok(text.trim().to_owned())
    }
}

fn in_words(sources: &Sources, error: &minijinja::Error) -> String {
    templates::in_words(error, |name| sources.get(name).map_or(name, |source| &source.place))
}

/// The greatest unit of which a duration is a whole number, as people count: a day is 24 hours, and two days are two days.
fn count_and_unit(duration: Duration) -> (u64, &'static str) {
    let seconds = duration.as_secs().max(1);
    let units = [(86_400, 2, "day"), (3600, 1, "hour"), (60, 1, "minute")];
    let fits = units.into_iter().find(|(unit, least, _)| seconds.is_multiple_of(*unit) && seconds >= unit * least);
    fits.map_or((seconds, "second"), |(unit, _, name)| (seconds / unit, name))
}
