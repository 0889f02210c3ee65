//! The templates of the emails, in every language.

use std::time::Duration;

use minijinja::Value;
use time::OffsetDateTime;

use super::brand::brand;
use super::invalid_setting::InvalidSetting;
use super::kind::MailKind;
use crate::config::MailConfig;
use crate::language::{Language, lookup};
use crate::templates::{BuiltIn, Kit, Length, Minute, Sources, Speaker, Speakers, built_in};

/// What a language has: the files of each kind, and what its kinds have in common.
macro_rules! of_language {
    ($folder:literal) => {
        built_in! { $folder:
            "layout.html", "code.html",
            "welcome.subject.txt", "welcome.txt", "welcome.html",
            "verify_email.subject.txt", "verify_email.txt", "verify_email.html",
            "reset_password.subject.txt", "reset_password.txt", "reset_password.html",
            "address_taken.subject.txt", "address_taken.txt", "address_taken.html",
            "password_changed.subject.txt", "password_changed.txt", "password_changed.html",
            "password_replaced.subject.txt", "password_replaced.txt", "password_replaced.html",
            "change_email.subject.txt", "change_email.txt", "change_email.html",
            "email_changed.subject.txt", "email_changed.txt", "email_changed.html",
            "email_restored.subject.txt", "email_restored.txt", "email_restored.html",
            "foot.txt", "date.txt", "duration.txt",
        }
    };
}

const ENGLISH: BuiltIn = of_language!("templates/en/");
const GERMAN: BuiltIn = of_language!("templates/de/");
/// The look of every page, in which no word stands.
const SHARED: BuiltIn = built_in!("templates/": "page.html");
const KIT: Kit = Kit { english: ENGLISH, others: &[("de", GERMAN)], shared: SHARED, is_strict: false };

/// Every file that is built in, by its path in a folder that would have all of them.
pub fn built_in_files() -> impl Iterator<Item = (String, &'static str)> {
    KIT.files()
}

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
    /// Where the email leads; empty where nothing leads there.
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
pub(super) struct Templates(Speakers);

impl Templates {
    /// Takes the templates of the operator, and those built in where there are none.
    ///
    /// # Errors
    /// When a template cannot be read; with its line.
    pub fn load(config: &MailConfig, sender: &str) -> Result<Self, InvalidSetting> {
        // What is the same in every email.
        let globals = || brand(config).into_iter().chain([("sender", sender.to_owned())]);
        let globals = |_: &Language, _: &Sources| Ok(globals().map(|(name, value)| (name, Value::from(value))));
        let (directory, default) = (config.templates.as_deref(), &config.default_language);
        let speakers = Speakers::load(&KIT, directory, default, globals)
            .map_err(|fault| InvalidSetting::new("mail_templates", fault))?;
        match lookup(default.as_str(), speakers.languages()) {
            Some(_) => Ok(Templates(speakers)),
            None => {
                let fault = format!("mail_default_language is {default}, and {}", there_are(speakers.languages()));
                Err(InvalidSetting::new("mail_templates", fault))
            }
        }
    }

    /// The languages that there are.
    pub fn languages(&self) -> &[Language] {
        self.0.languages()
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
        let language = language.and_then(|wanted| lookup(wanted.as_str(), self.languages()));
        let language = language.unwrap_or(self.0.default_language());
        let render = |form: &str| {
            let name = format!("{}.{form}", kind.as_str());
            render(self.0.speaker(language, &name)?, &name, variables)
        };
        Ok(Texts { subject: render("subject.txt")?.trim().to_owned(), text: render("txt")?, html: render("html")? })
    }

    /// Where a template of a language was found; of one that it lacks, the one that is used instead.
    pub fn place(&self, language: &Language, name: &str) -> String {
        self.0.place(language, name)
    }
}

fn render(speaker: &Speaker, name: &str, variables: &Variables<'_>) -> Result<String, String> {
    let Variables { full_name, email, at, code, link, lifetime } = variables;
    let Minute { year, month, day, time } = Minute::of(*at);
    let date = part(speaker, "date.txt", [("year", year.into()), ("month", month.into()), ("day", day.into())])?;
    let valid_for = match lifetime.map(Length::exact) {
        Some(Length { count, unit }) => {
            part(speaker, "duration.txt", [("count", count.into()), ("unit", unit.into())])?
        }
        None => String::new(),
    };
    let values = [
        ("full_name", *full_name),
        ("email", email),
        ("date", &date),
        ("time", &time),
        ("code", code),
        ("link", link),
        ("valid_for", &valid_for),
    ];
    speaker.render(name, Value::from_pairs(values))
}

/// A piece of a text in the words of the language.
fn part<const N: usize>(speaker: &Speaker, name: &str, values: [(&str, Value); N]) -> Result<String, String> {
    Ok(speaker.render(name, Value::from_pairs(values))?.trim().to_owned())
}

/// `there are templates in de, en`
fn there_are(languages: &[Language]) -> String {
    let tags: Vec<_> = languages.iter().map(Language::as_str).collect();
    format!("there are templates in {}", tags.join(", "))
}
