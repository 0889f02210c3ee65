//! The words of the emails, and what is said of templates that do not work.

use std::fs;
use std::time::Duration;

use time::macros::datetime;

use super::kind::MailKind;
use super::templates::{Templates, Texts, Variables};
use super::trial::{CODES, check};
use crate::config::{Config, Sources};
use crate::language::Language;
use MailKind::{PasswordChanged, PasswordReplaced, ResetPassword, Welcome};

fn templates(settings: &[(&str, &str)]) -> Result<Templates, String> {
    let variable = |(key, value): &(&str, &str)| (format!("NEODYME_{}", key.to_uppercase()).into(), value.into());
    let environment = settings.iter().map(variable).collect();
    let mut config = Config::load(&Sources { environment, ..Sources::default() }).unwrap().mail;
    config.product_name.get_or_insert("Example".into());
    let templates = Templates::load(&config, "Sender").map_err(|error| error.to_string())?;
    check(&templates).map_err(|error| error.to_string())?;
    Ok(templates)
}

/// The templates of a folder with these files, and these settings.
fn with(files: &[(&str, &str)], settings: &[(&str, &str)]) -> Result<Templates, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    templates(&[&[("mail_templates", folder.path().to_str().unwrap())][..], settings].concat())
}

fn variables(full_name: &str) -> Variables<'_> {
    let (at, lifetime) = (datetime!(2026-11-22 09:31:59 +01:00), Some(Duration::from_secs(86_400)));
    Variables { full_name, email: "ada@example.com", at, code: CODES[0].0, link: CODES[0].1.to_owned(), lifetime }
}

fn in_language(templates: &Templates, language: &str, kind: MailKind, variables: &Variables<'_>) -> Texts {
    templates.render(Some(&Language::parse(language).unwrap()), kind, variables).unwrap()
}

fn english(kind: MailKind, full_name: &str) -> Texts {
    in_language(&templates(&[]).unwrap(), "en", kind, &variables(full_name))
}

/// What every email says in a language: hello, the date, the time for a code, what to do who did nothing.
struct Phrases {
    language: &'static str,
    hello: &'static str,
    date: &'static str,
    lifetime: &'static str,
    not_you: &'static str,
    nothing_to_do: &'static str,
}

const PHRASES: [Phrases; 2] = [
    Phrases {
        language: "en",
        hello: "Hello",
        date: "2026-11-22",
        lifetime: "24 hours",
        not_you: "If it was not you",
        nothing_to_do: "There is nothing more you need to do",
    },
    Phrases {
        language: "de",
        hello: "Guten Tag",
        date: "22.11.2026",
        lifetime: "24 Stunden",
        not_you: "Falls Sie das nicht waren",
        nothing_to_do: "Sie müssen nichts weiter tun",
    },
];

#[test]
fn every_email_says_whom_what_and_when_in_its_language() {
    let templates = templates(&[]).unwrap();
    for Phrases { language, hello, date, not_you, .. } in &PHRASES {
        for kind in MailKind::ALL {
            let texts = in_language(&templates, language, *kind, &variables("Zoë O'Brien"));
            assert!(texts.subject.contains("Example") || *kind == Welcome, "{}", texts.subject);
            for text in [&texts.text, &texts.html] {
                for value in ["ada@example.com", date, "Example"] {
                    assert!(text.contains(value), "{value} is missing in {text}");
                }
            }
            assert!(texts.text.starts_with(&format!("{hello} Zoë O'Brien,\n")), "{}", texts.text);
            assert!(texts.html.contains(&format!("<html lang=\"{language}\">")), "{}", texts.html);
            let nameless = in_language(&templates, language, *kind, &variables(""));
            assert!(nameless.text.starts_with(&format!("{hello},\n")), "{}", nameless.text);
            assert!(nameless.html.contains(&format!(">{hello},</h1>")), "{}", nameless.html);
        }
        let changed = in_language(&templates, language, PasswordChanged, &variables("Ada"));
        let reset = in_language(&templates, language, ResetPassword, &variables("Ada"));
        for text in [changed.text, changed.html, reset.text] {
            assert!(text.contains("08:31") && text.contains("UTC") && text.contains(not_you), "{text}");
        }
    }
}

#[test]
fn no_language_says_what_is_said_in_another() {
    let templates = templates(&[]).unwrap();
    for (Phrases { language, .. }, other) in PHRASES.iter().zip(PHRASES.iter().rev()) {
        for kind in MailKind::ALL {
            let Texts { text, html, .. } = in_language(&templates, language, *kind, &variables("Ada"));
            for foreign in [other.hello, other.date, other.lifetime, other.not_you, other.nothing_to_do] {
                assert!(!text.contains(foreign) && !html.contains(foreign), "{foreign} in {text}");
            }
        }
    }
    assert_eq!(english(Welcome, "Ada").subject, "Welcome to Example");
    assert_eq!(english(PasswordChanged, "Ada").subject, "Your password at Example was changed");
    assert_eq!(in_language(&templates, "de-AT", Welcome, &variables("Ada")).subject, "Willkommen bei Example");
}

#[test]
fn a_code_is_shown_or_linked_and_said_for_how_long() {
    let templates = templates(&[]).unwrap();
    let (code, link) = CODES[0];
    for Phrases { language, lifetime, nothing_to_do, .. } in &PHRASES {
        for kind in MailKind::ALL.iter().filter(|kind| kind.purpose().is_some()) {
            let linked = in_language(&templates, language, *kind, &variables("Ada"));
            assert!(linked.html.contains(&format!("href=\"{}\"", link.replace('/', "&#x2f;"))), "{}", linked.html);
            assert!(linked.text.contains(&format!("\n    {link}\n")), "{}", linked.text);
            let variables = Variables { link: String::new(), ..variables("Ada") };
            let shown = in_language(&templates, language, *kind, &variables);
            assert!(shown.html.contains(&format!(">{code}<")) && !shown.html.contains("href"), "{}", shown.html);
            assert!(shown.text.contains(&format!("\n    {code}\n")), "{}", shown.text);
            for text in [linked.html, linked.text, shown.html, shown.text] {
                assert!(text.contains(lifetime), "{text}");
            }
        }
        let without = Variables { code: "", link: String::new(), lifetime: None, ..variables("Ada") };
        let without = in_language(&templates, language, Welcome, &without);
        for text in [without.text, without.html] {
            assert!(text.contains(nothing_to_do) && !text.contains(lifetime), "{text}");
        }
    }
}

#[test]
fn who_is_told_of_another_password_reads_where_the_sessions_went_and_what_to_do() {
    let templates = templates(&[("support_address", "help@example.com")]).unwrap();
    let linked = || Variables { code: "", link: "https://example.com/forgot-password".into(), ..variables("Ada") };
    let unlinked = || Variables { code: "", link: String::new(), lifetime: None, ..variables("Ada") };
    for (language, kind, sessions, what_to_do) in [
        (
            "en",
            PasswordChanged,
            "signed out everywhere else.",
            "somebody else knew your password. Choose another one at once",
        ),
        ("en", PasswordReplaced, "signed out everywhere, and", "First change the password of your mailbox"),
        (
            "de",
            PasswordChanged,
            "Überall sonst wurden Sie abgemeldet.",
            "kannte jemand anderes Ihr Passwort. Wählen Sie sofort",
        ),
        ("de", PasswordReplaced, "Sie wurden überall abgemeldet", "Ändern Sie zuerst das Passwort Ihres Postfachs"),
    ] {
        for (variables, has_link) in [(linked(), true), (unlinked(), false)] {
            let Texts { text, html, .. } = in_language(&templates, language, kind, &variables);
            for part in [text, html.replace("&#x2f;", "/")] {
                let words = part.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(words.contains(sessions) && words.contains(what_to_do), "{words}");
                assert!(words.contains("help@example.com"), "{words}");
                assert_eq!(words.contains("https://example.com/forgot-password"), has_link, "{words}");
                let is_forgotten = ["as if you had forgotten it", "als hätten Sie es vergessen"];
                assert_eq!(is_forgotten.iter().any(|hint| words.contains(hint)), !has_link, "{words}");
            }
        }
    }
}

#[test]
fn a_duration_is_said_as_people_say_it() {
    let templates = with(&[("welcome.txt", "{{ valid_for }}"), ("de/welcome.txt", "{{ valid_for }}")], &[]).unwrap();
    for (seconds, english, german) in [
        (1, "1 second", "1 Sekunde"),
        (90, "90 seconds", "90 Sekunden"),
        (60, "1 minute", "1 Minute"),
        (1800, "30 minutes", "30 Minuten"),
        (3600, "1 hour", "1 Stunde"),
        (86_400, "24 hours", "24 Stunden"),
        (259_200, "3 days", "3 Tage"),
    ] {
        let variables = Variables { lifetime: Some(Duration::from_secs(seconds)), ..variables("Ada") };
        assert_eq!(in_language(&templates, "en", Welcome, &variables).text, english);
        assert_eq!(in_language(&templates, "de", Welcome, &variables).text, german);
    }
}

#[test]
fn html_is_escaped_and_text_is_not() {
    for kind in MailKind::ALL {
        let texts = english(*kind, "<b>\"&'");
        assert!(texts.html.contains("<bdi>&lt;b&gt;&quot;&amp;&#x27;</bdi>"), "{}", texts.html);
        assert!(texts.text.starts_with("Hello <b>\"&',\n"));
    }
}

#[test]
fn whom_to_ask_and_a_logo_are_shown_where_they_are_set() {
    let settings = [
        ("product_name", "Blue & Heron"),
        ("support_address", "help@example.com"),
        ("logo_url", "https://example.com/logo.png"),
    ];
    let (set, unset) = (templates(&settings).unwrap(), templates(&[]).unwrap());
    let shop = templates(&[&settings[..], &[("product_url", "https://heron.example.com/?a=1&b=2")]].concat()).unwrap();
    for (language, ask) in [("en", "Questions? Ask"), ("de", "Haben Sie Fragen? Wenden Sie sich an")] {
        for kind in MailKind::ALL {
            let Texts { text, html, .. } = in_language(&set, language, *kind, &variables("Ada"));
            let foot = text.split_once("\nBlue & Heron\n\n").unwrap().1.replace('\n', " ");
            assert_eq!(foot, format!("{ask} help@example.com"), "{text}");
            assert!(html.contains(ask) && html.contains("href=\"mailto:help@example.com\""), "{html}");
            let (src, alt) = ("src=\"https:&#x2f;&#x2f;example.com&#x2f;logo.png\"", "alt=\"Blue &amp; Heron\"");
            assert!(html.contains(src) && html.contains(alt), "{html}");
            assert!(!html.contains(">Blue &amp; Heron</a>"), "{html}");
            let Texts { text, html, .. } = in_language(&shop, language, *kind, &variables("Ada"));
            assert!(text.contains("\n\nBlue & Heron\nhttps://heron.example.com/?a=1&b=2\n\n"), "{text}");
            let link = "<a href=\"https:&#x2f;&#x2f;heron.example.com&#x2f;?a=1&amp;b=2\"";
            assert_eq!(html.matches(link).count(), 2, "around the logo, and at the end: {html}");
            let Texts { text, html, .. } = in_language(&unset, language, *kind, &variables("Ada"));
            assert!(text.trim_end().ends_with("\n\nExample") && !text.contains(ask) && !html.contains(ask), "{text}");
            assert!(!html.contains("<img"), "{html}");
        }
    }
}

#[test]
fn a_file_replaces_one_template_and_leaves_the_others() {
    let files = [
        ("welcome.subject.txt", "  Hi {{ full_name | upper }} from {{ sender }}\n\n"),
        ("layout.html", "<h1>{% block title %}{% endblock %}</h1>{{ full_name }}{% block body %}{% endblock %}"),
    ];
    let templates = with(&files, &[]).unwrap();
    let texts = in_language(&templates, "en", Welcome, &variables("Ada&Bob"));
    assert_eq!(texts.subject, "Hi ADA&BOB from Sender");
    assert!(texts.text.starts_with("Hello Ada&Bob,"));
    assert!(texts.html.starts_with("<h1>Welcome to Example</h1>Ada&amp;Bob\n"), "{}", texts.html);
    let texts = in_language(&templates, "en", PasswordChanged, &variables("Ada"));
    assert!(texts.html.starts_with("<h1>Your password at Example was changed</h1>Ada\n"), "{}", texts.html);
    let texts = in_language(&templates, "de", Welcome, &variables("Ada"));
    assert!(texts.html.contains("Guten Tag <bdi>Ada</bdi>,</h1>"), "{}", texts.html);
}

#[test]
fn what_a_language_lacks_is_english_as_a_whole() {
    let files = [
        ("fr/welcome.txt", "Bonjour, avant {{ valid_for }}, le {{ date }}: {{ link }}"),
        ("fr/duration.txt", "{{ count }} heures"),
        ("fr/date.txt", "{{ day }}/{{ month }}"),
        (
            "fr/reset_password.html",
            "{% extends \"layout.html\" %}{% block body %}{{ link or code }}, {{ valid_for }}{% endblock %}",
        ),
    ];
    let templates = with(&files, &[]).unwrap();
    let welcome = in_language(&templates, "fr-CA", Welcome, &variables("Ada"));
    assert_eq!(welcome.text, format!("Bonjour, avant 24 heures, le 22/11: {}", CODES[0].1));
    assert_eq!(welcome.subject, "Welcome to Example");
    assert!(welcome.html.contains("<html lang=\"en\">") && welcome.html.contains("24 hours"), "{}", welcome.html);
    let reset = in_language(&templates, "fr", ResetPassword, &variables("Ada"));
    assert!(reset.html.contains("<html lang=\"fr\">") && reset.html.contains(", 24 heures"), "{}", reset.html);
}

#[test]
fn who_speaks_nothing_of_it_is_written_to_in_the_default_language() {
    let subject = |templates: &Templates, language: Option<&str>| {
        let language = language.map(|tag| Language::parse(tag).unwrap());
        templates.render(language.as_ref(), Welcome, &variables("Ada")).unwrap().subject
    };
    let german = templates(&[("mail_default_language", "de-CH")]).unwrap();
    assert_eq!(subject(&german, None), "Willkommen bei Example");
    assert_eq!(subject(&german, Some("fr")), "Willkommen bei Example");
    assert_eq!(subject(&german, Some("en-GB")), "Welcome to Example");
    let french = with(&[("welcome.subject.txt", "Bienvenue")], &[("mail_default_language", "fr")]).unwrap();
    assert_eq!(subject(&french, None), "Bienvenue");
    assert_eq!(subject(&french, Some("en")), "Welcome to Example");
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
        ("fr/welcome.html", "\n{{ nom }}", "mail_templates: fr/welcome.html:2: undefined value"),
        ("pt-br/welcome.html", "\n{% if %}", "mail_templates: pt-br/welcome.html:2: syntax error"),
        ("de/code.html", "\n{{ nom }}", "mail_templates: de/code.html:2: undefined value"),
        ("fr/verify_email.txt", "Bonjour", "mail_templates: fr/verify_email.txt shows neither code nor link"),
        ("de/duration.txt", "\n\n{{ tage }}", "mail_templates: de/duration.txt:3: undefined value"),
        ("page.html", "{{ nom }}", "page.html:1: undefined value"),
        ("other.txt", "a", "has none of layout.html, code.html, welcome.subject.txt, welcome.txt, welcome.html, ve"),
        ("german/welcome.txt", "a", "german is not the tag of a language, such as de, en-GB or zh-Hant-TW"),
    ] {
        let text = with(&[(name, source)], &[]).err().unwrap_or_else(|| panic!("{name} is taken"));
        assert!(text.contains(expected), "{text}");
    }
}
