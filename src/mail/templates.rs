//! The templates of the welcome email: built in, and file by file replaced by those of the operator.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use minijinja::{Environment, UndefinedBehavior, Value};

use super::invalid_setting::InvalidSetting;

const SUBJECT: &str = "welcome.subject.txt";
const TEXT: &str = "welcome.txt";
const HTML: &str = "welcome.html";

const BUILT_IN: [(&str, &str); 3] = [
    (SUBJECT, include_str!("templates/welcome.subject.txt")),
    (TEXT, include_str!("templates/welcome.txt")),
    (HTML, include_str!("templates/welcome.html")),
];

/// What a template can use. Values are escaped in `welcome.html`.
pub(super) struct Variables<'a> {
    /// The user's name; empty where it does not look like one.
    pub full_name: &'a str,
    /// The address that was registered.
    pub email: &'a str,
    /// The day of the registration in UTC: `2026-11-22`.
    pub date: String,
    /// The name in `mail_from`, or its domain where it has none.
    pub sender: &'a str,
}

/// The texts of one email.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Texts {
    pub subject: String,
    pub text: String,
    pub html: String,
}

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
        for full_name in ["Ada Lovelace", ""] {
            templates.try_with(full_name).map_err(fault)?;
        }
        Ok(templates)
    }

    /// Finds what would go wrong for a user of that name.
    fn try_with(&self, full_name: &str) -> Result<(), String> {
        let (email, date) = ("ada@example.com", "2026-11-22".into());
        let texts = self.render(&Variables { full_name, email, date, sender: "neodyme" });
        let texts = texts.map_err(|error| in_words(&error))?;
        for (name, text) in [(SUBJECT, &texts.subject), (TEXT, &texts.text), (HTML, &texts.html)] {
            if text.trim().is_empty() {
                return Err(format!("{name} is empty"));
            }
        }
        if texts.subject.contains(['\r', '\n']) {
            return Err(format!("{SUBJECT} gives more than one line"));
        }
        Ok(())
    }

    /// The texts with these values.
    pub fn render(&self, variables: &Variables<'_>) -> Result<Texts, minijinja::Error> {
        let Variables { full_name, email, date, sender } = variables;
        let pairs = [("full_name", *full_name), ("email", email), ("date", date), ("sender", sender)];
        let variables = Value::from_pairs(pairs);
        let render = |name| self.0.get_template(name)?.render(variables.clone());
        Ok(Texts { subject: render(SUBJECT)?.trim().to_owned(), text: render(TEXT)?, html: render(HTML)? })
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
        return Ok(BUILT_IN.map(|(name, source)| (name, source.to_owned())).into());
    };
    let mut found = false;
    let mut source = |(name, built_in): (&'static str, &str)| match fs::read_to_string(directory.join(name)) {
        Ok(source) => {
            found = true;
            Ok((name, source))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok((name, built_in.to_owned())),
        Err(error) => Err(format!("{} cannot be read: {error}", directory.join(name).display())),
    };
    let sources = BUILT_IN.into_iter().map(&mut source).collect::<Result<_, _>>()?;
    if found { Ok(sources) } else { Err(format!("{} has none of {SUBJECT}, {TEXT}, {HTML}", directory.display())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(full_name: &str) -> Variables<'_> {
        Variables { full_name, email: "ada@example.com", date: "2026-11-22".into(), sender: "Example" }
    }

    fn with(files: &[(&str, &str)]) -> Result<Templates, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Templates::load(Some(folder.path())).map_err(|error| error.to_string())
    }

    #[test]
    fn the_built_in_templates_use_every_variable() {
        let texts = Templates::load(None).unwrap().render(&variables("Zoë O'Brien")).unwrap();
        assert_eq!(texts.subject, "Welcome to Example");
        for text in [&texts.text, &texts.html] {
            for value in ["ada@example.com", "2026-11-22", "Example"] {
                assert!(text.contains(value), "{value} is missing in {text}");
            }
        }
        assert!(texts.text.starts_with("Hello Zoë O'Brien,\n"));
        let nameless = Templates::load(None).unwrap().render(&variables("")).unwrap();
        assert!(nameless.text.starts_with("Hello,\n") && nameless.html.contains(">Hello,</h1>"), "{}", nameless.html);
    }

    #[test]
    fn html_is_escaped_and_text_is_not() {
        let texts = Templates::load(None).unwrap().render(&variables("<b>\"&'")).unwrap();
        assert!(texts.html.contains("<bdi>&lt;b&gt;&quot;&amp;&#x27;</bdi>"), "{}", texts.html);
        assert!(texts.text.starts_with("Hello <b>\"&',\n"));
    }

    #[test]
    fn a_file_replaces_one_template_and_leaves_the_others() {
        let templates = with(&[("welcome.subject.txt", "  Hi {{ full_name | upper }}\n\n")]).unwrap();
        let texts = templates.render(&variables("Ada")).unwrap();
        assert_eq!(texts.subject, "Hi ADA");
        assert!(texts.text.starts_with("Hello Ada,"));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (name, source, expected) in [
            ("welcome.txt", "a\nb {{ full_nam }}", "mail_templates: welcome.txt:2: undefined value"),
            ("welcome.html", "a\n\n{% if %}", "mail_templates: welcome.html:3: syntax error"),
            ("welcome.subject.txt", "a\nb", "mail_templates: welcome.subject.txt gives more than one line"),
            ("welcome.txt", " \n", "mail_templates: welcome.txt is empty"),
            ("other.txt", "a", "has none of welcome.subject.txt, welcome.txt, welcome.html"),
        ] {
            let text = with(&[(name, source)]).err().unwrap();
            assert!(text.contains(expected), "{text}");
        }
    }
}
