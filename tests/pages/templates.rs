//! What the pages say and how they look is in templates, which an operator replaces.

use std::fs;
use std::path::Path;

use crate::common::app::{AppOptions, TestApp};
use crate::common::database::Backend;
use crate::visit::{assert_page, with_pages};

#[tokio::test]
async fn a_template_of_the_operator_replaces_the_one_built_in() {
    let folder = tempfile::tempdir().unwrap();
    let text = "{% extends \"form.html\" %}{% block title %}Come in{% endblock %}{% block button %}Go{% endblock %}";
    fs::write(folder.path().join("sign-in.html"), text).unwrap();
    fs::write(folder.path().join("page.css"), "main { max-width: 7rem; }").unwrap();
    let options = with_pages(Backend::Sqlite).set("pages_templates", folder.path().display());
    let app = TestApp::spawn(options.set("mail_from", "Otters & Co <mail@example.com>")).await;
    let [page, other] = [app.get("/account/sign-in").await, app.get("/account/sign-up").await];
    assert_page(&page, 200);
    let text = page.text();
    assert!(text.contains("<title>Come in · Otters &amp; Co</title>") && text.contains(">Go</button>"), "{text}");
    assert!(text.contains("<style>main { max-width: 7rem; }</style>"), "{text}");
    assert!(other.text().contains(">Sign up</button>"), "{}", other.text());
    let plain = TestApp::spawn(with_pages(Backend::Sqlite)).await.get("/account/sign-in").await;
    let policy = "content-security-policy";
    assert_ne!(page.header(policy), plain.header(policy), "the policy knows the style by its hash");
}

#[tokio::test]
async fn pages_show_the_product_its_logo_and_whom_to_ask() {
    let options = with_pages(Backend::Sqlite).set("product_name", "Otters & Co");
    let options =
        options.set("logo_url", "https://cdn.example.com/logo.png").set("support_address", "help@example.com");
    let options = options.set("product_url", "https://otters.example.com/shop?from=account&x=1");
    let page = TestApp::spawn(options).await.get("/account/sign-in").await;
    assert_page(&page, 200);
    let text = page.text().replace("&#x2f;", "/");
    assert!(
        text.contains("<header><a href=\"https://otters.example.com/shop?from=account&amp;x=1\"><img src="),
        "{text}"
    );
    assert!(text.contains("· Otters &amp; Co</title>"), "{text}");
    assert!(text.contains("<img src=\"https://cdn.example.com/logo.png\" alt=\"Otters &amp; Co\""), "{text}");
    assert!(text.contains("<a href=\"mailto:help@example.com\">help@example.com</a>"), "{text}");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("; img-src https://cdn.example.com;"), "{policy}");
}

#[test]
fn what_is_wrong_with_a_template_is_told_at_start_with_its_line() {
    for (name, text, expected) in [
        ("de/sign-in.html", "a\nb {{ page.titel }}", "pages_templates: de/sign-in.html:2: undefined value"),
        ("fr/sign-up.html", "Bonjour", "pages_templates: fr/sign-up.html must have a form that is sent"),
        ("fr/faults.html", "{% if %}", "pages_templates: fr/faults.html:1: syntax error"),
        ("french/sign-up.html", "a", "french is not the tag of a language"),
        ("sign-in.html", "a\nb {{ page.titel }}", "pages_templates: sign-in.html:2: undefined value"),
        ("layout.html", "a\n\n{% if %}", "pages_templates: layout.html:3: syntax error"),
        ("sign-up.html", "Hello", "pages_templates: sign-up.html must have a form that is sent"),
        (
            "account.html",
            "{{ page.email }}",
            "pages_templates: account.html must have a form with method=\"post\" and action=\"",
        ),
        ("refused.html", "No", "pages_templates: refused.html must show what went wrong: {%"),
        ("page.css", "</style>", "pages_templates: page.css must not have `</`"),
        ("fr/page.css", "</style>", "pages_templates: fr/page.css must not have `</`"),
        ("other.html", "a", "pages_templates: other.html is none of words.html, faults.html"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        for command in [&["check"][..], &["serve"]] {
            let output = run(folder.path(), command);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.contains(expected), "{name}: {said}");
            assert_eq!(output.status.code(), Some(2), "{name}: {said}");
        }
    }
}

fn run(templates: &Path, command: &[&str]) -> std::process::Output {
    let folder = tempfile::tempdir().unwrap();
    AppOptions::bare().set("pages_templates", templates.display()).run(command, folder.path())
}
