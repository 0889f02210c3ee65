//! The words of the pages in their languages, and what an operator brings.

mod trial;

use std::collections::BTreeSet;
use std::fs;

use super::super::all_codes;
use super::super::fault::{FaultView, PASSWORDS, TAKEN};
use super::super::forms::{self, Form};
use super::super::place::Place;
use super::super::refused::{self, Refused};
use super::super::view::FormView;
use super::*;
use crate::config::Sources;
use crate::error::ErrorCode;
use crate::language::Language;
use crate::templates::Length;

/// What is wrong, where no template has words for it.
const SENTENCE: &str = "The trial fails.";

/// What stands before the English sentence where a language has no words.
const FALLBACK: &str = "<span lang=\"en\">";

fn load(settings: &[(&str, &str)]) -> std::result::Result<PageTemplates, InvalidTemplates> {
    let variable = |(key, value): &(&str, &str)| (format!("NEODYME_{}", key.to_uppercase()).into(), value.into());
    let environment = settings.iter().map(variable).collect();
    super::super::templates(&Config::load(&Sources { environment, ..Sources::default() }).unwrap())
}

fn with(files: &[(&str, &str)], settings: &[(&str, &str)]) -> std::result::Result<PageTemplates, InvalidTemplates> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    load(&[&[("pages_templates", folder.path().to_str().unwrap())][..], settings].concat())
}

fn language(tag: &str) -> Language {
    Language::parse(tag).unwrap()
}

fn refused(templates: &PageTemplates, tag: &str, fault: FaultView) -> String {
    templates.render(&language(tag), refused::TEMPLATE, &Refused::new(fault, "")).unwrap()
}

fn form(templates: &PageTemplates, tag: &str, form: &'static Form) -> String {
    templates.render(&language(tag), form.template, &FormView::of(form, &Place::default())).unwrap()
}

#[test]
fn every_fault_has_words_in_every_language_that_is_built_in() {
    let templates = load(&[]).unwrap();
    let tags: Vec<_> = templates.languages().iter().map(Language::as_str).collect();
    assert_eq!(tags, ["de", "en"]);
    for tag in tags {
        let mut said = BTreeSet::new();
        for code in all_codes() {
            let fault = |bound, wait| FaultView { bound, wait, ..FaultView::new(code, SENTENCE) };
            for fault in [fault(None, None), fault(Some(7), Some(Length { count: 10, unit: "minute" }))] {
                let text = refused(&templates, tag, fault);
                assert!(!text.contains(FALLBACK) && !text.contains(SENTENCE), "{tag} has no words for {code}");
                said.insert(text);
            }
        }
        assert!(said.len() > 20, "they differ");
    }
}

#[test]
fn no_page_of_a_language_is_left_in_another() {
    let templates = load(&[]).unwrap();
    for (tag, other, own, foreign) in [
        ("de", "en", ["Passwort", "Anmelden"], ["Password", "Sign in"]),
        ("en", "de", ["Password", "Sign in"], ["Passwort", "Anmelden"]),
    ] {
        for each in forms::ALL {
            let text = form(&templates, tag, each);
            assert!(text.contains(&format!("<html lang=\"{tag}\">")), "{text}");
            assert!(foreign.iter().all(|foreign| !text.contains(foreign)), "{} in {other}: {text}", each.template);
            assert_ne!(text, form(&templates, other, each));
        }
        let text = form(&templates, tag, &forms::SIGN_IN);
        assert!(own.iter().all(|own| text.contains(own)), "{text}");
    }
}

#[test]
fn how_long_to_wait_and_for_what_is_said_in_words() {
    let templates = load(&[]).unwrap();
    let fault = |what, count, unit| FaultView {
        what,
        wait: Some(Length { count, unit }),
        ..FaultView::new(ErrorCode::RateLimited.as_str(), SENTENCE)
    };
    for (count, unit, english, german) in [
        (1, "second", "in 1 second.", "in 1 Sekunde"),
        (10, "minute", "in 10 minutes.", "in 10 Minuten"),
        (1, "hour", "in 1 hour.", "in 1 Stunde"),
        (2, "day", "in 2 days.", "in 2 Tagen"),
    ] {
        for (tag, words) in [("en", english), ("de", german)] {
            let text = refused(&templates, tag, fault("sign-ins", count, unit));
            assert!(text.contains(words), "{words} in {text}");
        }
    }
    for what in ["requests", "requests at once", "registrations", "sign-ins", "emails with a code", PASSWORDS] {
        let text = refused(&templates, "de", fault(what, 1, "hour"));
        assert!(!text.contains(what), "{what} in {text}");
    }
}

#[test]
fn an_operator_brings_a_language_and_what_it_lacks_is_english() {
    let words = "{% macro fault(fault) %}{% if fault.code == \"too_short\" %}Trop court : {{ fault.bound }}{% endif %}{% endmacro %}";
    let page = "{% extends \"form.html\" %}{% block title %}Bonjour{% endblock %}{% block button %}Oui{% endblock %}";
    let templates = with(&[("fr/faults.html", words), ("fr/sign-up.html", page)], &[]).unwrap();
    let text = form(&templates, "fr", &forms::SIGN_UP);
    assert!(text.contains("<html lang=\"fr\">") && text.contains("Bonjour"), "{text}");
    assert!(form(&templates, "fr", &forms::SIGN_IN).contains("<html lang=\"en\">"), "as a whole");
    let mut view = FormView::of(&forms::SIGN_UP, &Place::default());
    view.place("password", FaultView { bound: Some(15), ..FaultView::new("too_short", "It is short.") });
    view.place("email", FaultView::new(TAKEN, "It is registered <already>."));
    let text = templates.render(&language("fr"), forms::SIGN_UP.template, &view).unwrap();
    assert!(text.contains("Trop court : 15") && !text.contains("It is short."), "{text}");
    assert!(text.contains(&format!("{FALLBACK}It is registered &lt;already&gt;.</span>")), "{text}");
}

#[test]
fn a_page_is_in_the_first_language_asked_for_that_has_it() {
    const PAGE: &str =
        "{% extends \"form.html\" %}{% block title %}Page{% endblock %}{% block button %}Go{% endblock %}";
    let words = include_str!("../../../page_templates/en/words.html");
    let files = [("fr/sign-up.html", PAGE), ("pt/sign-up.html", PAGE), ("pt-BR/words.html", words)];
    let german = with(&files, &[("mail_default_language", "de")]).unwrap();
    let french = with(&files, &[("mail_default_language", "fr")]).unwrap();
    for (templates, accepted, form, tag) in [
        (&german, "fr, en;q=0.5", &forms::SIGN_UP, "fr"),
        (&german, "fr, en;q=0.5", &forms::SIGN_IN, "en"),
        (&german, "fr-CA, pt-BR;q=0.5", &forms::SIGN_IN, "de"),
        (&german, "pt-BR, en;q=0.5", &forms::SIGN_UP, "pt-BR"),
        (&german, "pt-BR, en;q=0.5", &forms::SIGN_IN, "en"),
        (&french, "es", &forms::SIGN_UP, "fr"),
        (&french, "es", &forms::SIGN_IN, "en"),
    ] {
        let view = FormView::of(form, &Place::default());
        let crate::http::Page(page) = templates.show(accepted, form.template, &view).unwrap();
        assert_eq!(page.headers()["content-language"], tag, "{accepted}: {}", form.template);
    }
}

#[test]
fn a_mistake_in_the_words_of_a_fault_is_found_at_start() {
    for (tag, branch) in [("en", "code == \"wrong\""), ("de", "fault.what == \"wrong passwords\"")] {
        let built_in = match tag {
            "de" => include_str!("../../../page_templates/de/faults.html"),
            _ => include_str!("../../../page_templates/en/faults.html"),
        };
        assert!(built_in.contains(branch));
        let text = built_in.replacen(&format!("{branch} %}}"), &format!("{branch} %}}{{{{ typo }}}}"), 1);
        let text = text.replacen(&format!("{branch} -%}}"), &format!("{branch} -%}}{{{{ typo }}}}"), 1);
        let refused = with(&[(&format!("{tag}/faults.html"), &text)], &[]).err().unwrap().to_string();
        assert!(refused.contains("faults.html"), "{refused}");
    }
}

#[test]
fn a_style_is_hashed_as_browsers_read_it() {
    let policy = |style: &str| {
        let templates = with(&[("page.css", style)], &[]).unwrap();
        let view = FormView::of(&forms::SIGN_IN, &Place::default());
        let crate::http::Page(page) = templates.show("en", forms::SIGN_IN.template, &view).unwrap();
        page.headers()["content-security-policy"].clone()
    };
    assert_eq!(policy("main { margin: 0; }\r\np { margin: 0; }\r"), policy("main { margin: 0; }\np { margin: 0; }\n"));
    assert!(with(&[("page.css", "main { margin: 0; }\0")], &[]).is_err());
}

#[test]
fn the_default_language_is_that_of_emails_where_there_are_such_pages() {
    let german = load(&[("mail_default_language", "de-AT")]).unwrap();
    let english = load(&[("mail_default_language", "fr")]).unwrap();
    for (templates, accepted, tag) in
        [(&german, "fr", "de"), (&german, "en", "en"), (&english, "", "en"), (&english, "fr;q=1, de-CH;q=0.1", "de")]
    {
        let view = FormView::of(&forms::SIGN_IN, &Place::default());
        let crate::http::Page(page) = templates.show(accepted, forms::SIGN_IN.template, &view).unwrap();
        assert_eq!(
            (&page.headers()["content-language"], &page.headers()["vary"]),
            (&tag.parse().unwrap(), &"Accept-Language".parse().unwrap())
        );
    }
    let flat = with(
        &[("sign-in.html", "{% extends \"form.html\" %}{% block title %}Bonjour{% endblock %}")],
        &[("mail_default_language", "fr")],
    );
    assert!(form(&flat.unwrap(), "fr", &forms::SIGN_IN).contains("Bonjour"));
}
