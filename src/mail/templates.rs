//! The templates of the emails: built in, and file by file replaced by those of the operator.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use minijinja::{Environment, UndefinedBehavior, Value};

use super::invalid_setting::InvalidSetting;
use super::kind::MailKind;

/// The files of a kind, and what all kinds have in common.
macro_rules! built_in {
    ($($name:literal),+ $(,)?) => { &[$(($name, include_str!(concat!("templates/", $name)))),+] };
}

const BUILT_IN: &[(&str, &str)] = built_in![
    "layout.html",
    "code.html",
    "welcome.subject.txt",
    "welcome.txt",
    "welcome.html",
    "verify_email.subject.txt",
    "verify_email.txt",
    "verify_email.html",
    "reset_password.subject.txt",
    "reset_password.txt",
    "reset_password.html",
    "address_taken.subject.txt",
    "address_taken.txt",
    "address_taken.html",
    "password_changed.subject.txt",
    "password_changed.txt",
    "password_changed.html",
    "change_email.subject.txt",
    "change_email.txt",
    "change_email.html",
    "email_changed.subject.txt",
    "email_changed.txt",
    "email_changed.html",
    "email_restored.subject.txt",
    "email_restored.txt",
    "email_restored.html",
];

/// What a template can use. Values are escaped in HTML.
pub(super) struct Variables<'a> {
    /// The user's name; empty where it does not look like one.
    pub full_name: &'a str,
    /// The user's address.
    pub email: &'a str,
    /// The day of what the email tells, in UTC: `2026-11-22`.
    pub date: String,
    /// Its minute, in UTC: `08:31`.
    pub time: String,
    /// The name in `mail_from`, or its domain where it has none.
    pub sender: &'a str,
    /// The code that the email carries; empty where it carries none.
    pub code: &'a str,
    /// Where the code is used; empty where nothing leads there.
    pub link: String,
    /// How long the code can be used: `30 minutes`.
    pub valid_for: String,
}

/// The texts of one email.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Texts {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// The code and the link that templates are tried with: with both, without a link, with neither.
const CODES: [(&str, &str); 3] = [("uT9kM2", "https://example.com/verify-email?code=uT9kM2"), ("uT9kM2", ""), ("", "")];

/// Templates that are known to work.
pub(super) struct Templates(Environment<'static>);

impl Templates {
    /// Takes the templates of this directory, and those built in where it has none.
    ///
    /// # Errors
    /// When a template cannot be read or rendered; with its line.
    pub fn load(directory: Option<&Path>) -> Result<Self, InvalidSetting> {
        let fault = |text: String| InvalidSetting::new("mail_templates", text);
        let mut environment = Environment::new();
        // A misspelt variable is found at start, and is not a hole in every email.
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, source) in sources(directory).map_err(fault)? {
            environment.add_template_owned(name, source).map_err(|error| fault(in_words(&error)))?;
        }
        let templates = Templates(environment);
        for kind in MailKind::ALL {
            for full_name in ["Ada Lovelace", ""] {
                for (code, link) in CODES {
                    templates.try_with(*kind, full_name, code, link).map_err(fault)?;
                }
            }
        }
        Ok(templates)
    }

    /// Finds what would go wrong for a user of that name, with this code and link.
    fn try_with(&self, kind: MailKind, full_name: &str, code: &str, link: &str) -> Result<(), String> {
        let (email, date, time) = ("ada@example.com", "2026-11-22".into(), "08:31".into());
        let (link, valid_for) = (link.to_owned(), "24 hours".to_owned());
        let texts =
            self.render(kind, &Variables { full_name, email, date, time, sender: "neodyme", code, link, valid_for });
        let texts = texts.map_err(|error| in_words(&error))?;
        for (form, text) in [("txt", &texts.text), ("html", &texts.html)] {
            // A welcome may be one and no more.
            if kind.purpose().is_some() && kind != MailKind::Welcome && !text.contains(code) {
                return Err(format!("{}.{form} shows neither code nor link", kind.as_str()));
            }
        }
        for (form, text) in [("subject.txt", &texts.subject), ("txt", &texts.text), ("html", &texts.html)] {
            if text.trim().is_empty() {
                return Err(format!("{}.{form} is empty", kind.as_str()));
            }
        }
        if texts.subject.contains(['\r', '\n']) {
            return Err(format!("{}.subject.txt gives more than one line", kind.as_str()));
        }
        Ok(())
    }

    /// The texts of an email of this kind with these values.
    pub fn render(&self, kind: MailKind, variables: &Variables<'_>) -> Result<Texts, minijinja::Error> {
        let Variables { full_name, email, date, time, sender, code, link, valid_for } = variables;
        let pairs = [
            ("full_name", *full_name),
            ("email", email),
            ("date", date),
            ("time", time),
            ("sender", sender),
            ("code", code),
            ("link", link),
            ("valid_for", valid_for),
        ];
        let variables = Value::from_pairs(pairs);
        let render = |form: &str| {
            let template = self.0.get_template(&format!("{}.{form}", kind.as_str()))?;
            template.render(variables.clone())
        };
        Ok(Texts { subject: render("subject.txt")?.trim().to_owned(), text: render("txt")?, html: render("html")? })
    }
}

/// What is wrong with a template and where, without the values that it was given.
pub(super) fn in_words(error: &minijinja::Error) -> String {
    let place = format!("{}:{}", error.name().unwrap_or("a template"), error.line().unwrap_or_default());
    match error.detail() {
        Some(detail) => format!("{place}: {}: {detail}", error.kind()),
        None => format!("{place}: {}", error.kind()),
    }
}

fn sources(directory: Option<&Path>) -> Result<Vec<(&'static str, String)>, String> {
    let Some(directory) = directory else {
        return Ok(BUILT_IN.iter().map(|(name, source)| (*name, (*source).to_owned())).collect());
    };
    let mut found = false;
    let mut source = |(name, built_in): &(&'static str, &str)| match fs::read_to_string(directory.join(name)) {
        Ok(source) => {
            found = true;
            Ok((*name, source))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok((*name, (*built_in).to_owned())),
        Err(error) => Err(format!("{} cannot be read: {error}", directory.join(name).display())),
    };
    let sources = BUILT_IN.iter().map(&mut source).collect::<Result<_, _>>()?;
    let names: Vec<_> = BUILT_IN.iter().map(|(name, _)| *name).collect();
    if found { Ok(sources) } else { Err(format!("{} has none of {}", directory.display(), names.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MailKind::{PasswordChanged, ResetPassword, Welcome};

    fn variables(full_name: &str) -> Variables<'_> {
        let (date, time) = ("2026-11-22".into(), "08:31".into());
        let (code, link, valid_for) = (CODES[0].0, CODES[0].1.to_owned(), "24 hours".to_owned());
        Variables { full_name, email: "ada@example.com", date, time, sender: "Example", code, link, valid_for }
    }

    fn built_in(kind: MailKind, full_name: &str) -> Texts {
        Templates::load(None).unwrap().render(kind, &variables(full_name)).unwrap()
    }

    fn with(files: &[(&str, &str)]) -> Result<Templates, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Templates::load(Some(folder.path())).map_err(|error| error.to_string())
    }

    #[test]
    fn the_built_in_templates_say_whom_what_and_when() {
        assert_eq!(built_in(Welcome, "Ada").subject, "Welcome to Example");
        assert_eq!(built_in(PasswordChanged, "Ada").subject, "Your password at Example was changed");
        for kind in MailKind::ALL {
            let texts = built_in(*kind, "Zoë O'Brien");
            for text in [&texts.text, &texts.html] {
                for value in ["ada@example.com", "2026-11-22", "Example"] {
                    assert!(text.contains(value), "{value} is missing in {text}");
                }
            }
            assert!(texts.text.starts_with("Hello Zoë O'Brien,\n"));
            let nameless = built_in(*kind, "");
            assert!(nameless.text.starts_with("Hello,\n") && nameless.html.contains(">Hello,</h1>"), "{nameless:?}");
        }
        let changed = built_in(PasswordChanged, "Ada");
        for text in [changed.text, changed.html] {
            assert!(text.contains("08:31 UTC") && text.contains("If it was not you"), "{text}");
        }
    }

    #[test]
    fn a_code_is_shown_or_linked_and_said_for_how_long() {
        let templates = Templates::load(None).unwrap();
        let (code, link) = CODES[0];
        for kind in MailKind::ALL.iter().filter(|kind| kind.purpose().is_some()) {
            let linked = templates.render(*kind, &variables("Ada")).unwrap();
            assert!(linked.html.contains(&format!("href=\"{}\"", link.replace('/', "&#x2f;"))), "{}", linked.html);
            assert!(linked.text.contains(&format!("\n    {link}\n")), "{}", linked.text);
            let shown = templates.render(*kind, &Variables { link: String::new(), ..variables("Ada") }).unwrap();
            assert!(shown.html.contains(&format!(">{code}<")) && !shown.html.contains("href"), "{}", shown.html);
            assert!(shown.text.contains(&format!("\n    {code}\n")), "{}", shown.text);
            for text in [linked.html, linked.text, shown.html, shown.text] {
                assert!(text.contains("24 hours"), "{text}");
            }
        }
        let reset = templates.render(ResetPassword, &variables("Ada")).unwrap();
        assert!(reset.text.contains("If it was not you"), "{}", reset.text);
        let without =
            templates.render(Welcome, &Variables { code: "", link: String::new(), ..variables("Ada") }).unwrap();
        for text in [without.text, without.html] {
            assert!(text.contains("There is nothing more you need to do") && !text.contains("24 hours"), "{text}");
        }
    }

    #[test]
    fn html_is_escaped_and_text_is_not() {
        for kind in MailKind::ALL {
            let texts = built_in(*kind, "<b>\"&'");
            assert!(texts.html.contains("<bdi>&lt;b&gt;&quot;&amp;&#x27;</bdi>"), "{}", texts.html);
            assert!(texts.text.starts_with("Hello <b>\"&',\n"));
        }
    }

    #[test]
    fn a_file_replaces_one_template_and_leaves_the_others() {
        let templates = with(&[
            ("welcome.subject.txt", "  Hi {{ full_name | upper }}\n\n"),
            ("layout.html", "<h1>{% block title %}{% endblock %}</h1>{{ full_name }}{% block body %}{% endblock %}"),
        ]);
        let templates = templates.unwrap();
        let texts = templates.render(Welcome, &variables("Ada&Bob")).unwrap();
        assert_eq!(texts.subject, "Hi ADA&BOB");
        assert!(texts.text.starts_with("Hello Ada&Bob,"));
        assert!(texts.html.starts_with("<h1>Welcome to Example</h1>Ada&amp;Bob\n"), "{}", texts.html);
        let texts = templates.render(PasswordChanged, &variables("Ada")).unwrap();
        assert!(texts.html.starts_with("<h1>Your password at Example was changed</h1>Ada\n"), "{}", texts.html);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (name, source, expected) in [
            ("welcome.txt", "a\nb {{ full_nam }}", "mail_templates: welcome.txt:2: undefined value"),
            ("layout.html", "a\nb {{ full_nam }}", "mail_templates: layout.html:2: undefined value"),
            ("password_changed.txt", "{{ lnk }}", "mail_templates: password_changed.txt:1: undefined value"),
            ("welcome.html", "a\n\n{% if %}", "mail_templates: welcome.html:3: syntax error"),
            ("welcome.subject.txt", "a\nb", "mail_templates: welcome.subject.txt gives more than one line"),
            ("password_changed.txt", " \n", "mail_templates: password_changed.txt is empty"),
            ("verify_email.txt", "Hi!", "mail_templates: verify_email.txt shows neither code nor link"),
            (
                "other.txt",
                "a",
                "has none of layout.html, code.html, welcome.subject.txt, welcome.txt, welcome.html, ve",
            ),
        ] {
            let text = with(&[(name, source)]).err().unwrap();
            assert!(text.contains(expected), "{text}");
        }
    }
}
