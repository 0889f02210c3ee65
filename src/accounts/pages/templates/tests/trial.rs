//! What a page must have, and in how many ways it may have it.

use super::super::super::place::Place;
use super::super::super::view::FormView;
use super::super::super::{all_codes, forms, trial};
use super::{form, load, with};

const LAYOUT: &str = include_str!("../../../../page_templates/layout.html");
const FORM: &str = include_str!("../../../../page_templates/form.html");
const FIELD: &str = include_str!("../../../../page_templates/field.html");
const FAULT: &str = include_str!("../../../../page_templates/fault.html");
const ACCOUNT: &str = include_str!("../../../../page_templates/en/account.html");
const REFUSED: &str = include_str!("../../../../page_templates/en/refused.html");
const STYLE: &str = "<style>{{ style }}</style>";

/// A template with something else in it.
fn but(template: &str, of: &str, is: &str) -> String {
    assert!(template.contains(of), "{of} in {template}");
    template.replace(of, is)
}

#[test]
fn what_a_page_lacks_is_said_with_its_file_and_what_to_do() {
    let id = "<input type=\"hidden\" name=\"id\" value=\"{{ session.id }}\">";
    let failure = "{% with fault = page.failure %}{% include \"fault.html\" %}{% endwith %}";
    let own_layout = "{% extends 'layout.html' %}{% block title %}Oui{% endblock %}{% block body %}Oui{% endblock %}";
    for (name, text, expected) in [
        ("form.html", but(FORM, "method=\"post\"", ""), "form.html must have a form that is sent: <form method"),
        (
            "form.html",
            but(FORM, "{% include \"field.html\" %}", ""),
            "form.html must have the field email in its form: {% for",
        ),
        (
            "form.html",
            but(FORM, "name=\"code\"", "name=\"codes\""),
            "form.html must keep the code of the link in its form: <in",
        ),
        (
            "form.html",
            but(FORM, failure, "No!"),
            "form.html must show what went wrong: {% with fault = page.failure %}",
        ),
        (
            "field.html",
            but(FIELD, "{% include \"fault.html\" %}", ""),
            "field.html must show what is wrong with the field email: {%",
        ),
        ("fault.html", but(FAULT, "{{ fault.sentence }}", ""), "fault.html must show what went wrong: {% with"),
        ("layout.html", but(LAYOUT, STYLE, ""), "layout.html must have the style of page.css as it is"),
        (
            "layout.html",
            but(LAYOUT, STYLE, "<style>{{ style }} p { color: red; }</style>"),
            "layout.html must have the style of page.css as it is",
        ),
        ("fr/sign-up.html", own_layout.into(), "fr/sign-up.html must have a form that is sent: <form method=\"post\">"),
        (
            "account.html",
            but(ACCOUNT, id, ""),
            "account.html must have, for each session that is not the current one, a form",
        ),
        (
            "account.html",
            but(ACCOUNT, "value=\"{{ session.id }}\"", ""),
            "account.html must have, for each session that is not",
        ),
        (
            "account.html",
            but(ACCOUNT, "{{ page.email }}", ""),
            "account.html must show whose account it is: {{ page.email }}",
        ),
        (
            "account.html",
            but(ACCOUNT, "sign-out\"", "sign-off\""),
            "account.html must have a form with method=\"post\" and act",
        ),
        (
            "account.html",
            but(ACCOUNT, "href=\"{{ page.beside }}change-password\"", ""),
            "account.html must lead to where the password is changed: <a href=",
        ),
        (
            "refused.html",
            but(REFUSED, "{{ page.way }}\"", "/\""),
            "refused.html must lead on: <a href=\"{{ page.way }}\">",
        ),
    ] {
        let refused = with(&[(name, &text)], &[]).err().unwrap_or_else(|| panic!("{expected}")).to_string();
        assert!(refused.starts_with("pages_templates: ") && refused.contains(expected), "{expected}: {refused}");
    }
    let page = "{% extends \"form.html\" %}{% block title %}Oui{% endblock %}";
    let form = but(FORM, "method=\"post\"", "");
    let refused = with(&[("fr/sign-in.html", page), ("form.html", &form)], &[]).err().unwrap().to_string();
    assert!(refused.contains("form.html must have") && !refused.contains("words.html"), "{refused}");
}

#[test]
fn what_is_built_in_works() {
    trial::of_all(&load(&[]).unwrap(), &all_codes()).unwrap();
}

#[test]
fn what_works_is_taken_however_it_is_written() {
    let form = but(FORM, "<form method=\"post\"", "<FORM class=wide METHOD='POST'");
    let link = "<a href=\"{{ page.beside }}change-password\">";
    let by_hand = "<form method=\"post\" action=\"{{ page.beside }}change-password\"><input name=\"current_password\">\
        <input name=\"new_password\"></form><a href=\"elsewhere\">";
    let sign_out = "<form method=\"post\" action=\"{{ page.beside }}sign-out\">\n<button type=\"submit\"";
    let by_button = "<form><button formmethod=post formaction=\"{{ page.beside }}sign-out\"";
    for (name, text) in [
        ("form.html", form),
        ("field.html", but(FIELD, "name=\"{{ field.name }}\"", "name={{ field.name }}")),
        ("layout.html", but(LAYOUT, "<style>", "<!-- <p> --><style media='all'>")),
        ("account.html", but(ACCOUNT, link, by_hand)),
        ("account.html", but(ACCOUNT, sign_out, by_button)),
        ("fault.html", "{{ fault.sentence | upper }}".into()),
        ("fr/page.css", "body { direction: rtl; }".into()),
        ("de/faults.html", "{% macro fault(fault) %}Etwas ist falsch.{% endmacro %}".into()),
    ] {
        with(&[(name, &text)], &[]).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    }
    with(&[("layout.html", &but(LAYOUT, STYLE, "")), ("page.css", "\n")], &[]).unwrap();
}

#[test]
fn a_language_has_its_own_style_where_it_brings_one() {
    let page = "{% extends \"form.html\" %}{% block title %}Oui{% endblock %}{% block button %}Oui{% endblock %}";
    let words = include_str!("../../../../page_templates/en/words.html");
    let files = [("fr/sign-in.html", page), ("fr/words.html", words), ("fr/page.css", "p { color: red; }\r\n")];
    let templates = with(&files, &[]).unwrap();
    let policies = ["fr", "en"].map(|tag| {
        let view = FormView::of(&forms::SIGN_IN, &Place::default());
        let crate::http::Page(page) = templates.show(tag, forms::SIGN_IN.template, &view).unwrap();
        page.headers()["content-security-policy"].clone()
    });
    assert_ne!(policies[0], policies[1]);
    assert!(form(&templates, "fr", &forms::SIGN_IN).contains("<style>p { color: red; }\n</style>"));
    assert!(!form(&templates, "en", &forms::SIGN_IN).contains("<style>p { color"));
}
