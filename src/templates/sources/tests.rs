//! What is found in a folder of templates, and what is wrong with one.

use std::os::unix::fs::symlink;

use super::*;

const KIT: Kit = Kit {
    english: &[("welcome.html", "Hello"), ("code.html", "Code"), ("layout.html", "en")],
    others: &[("de", &[("welcome.html", "Hallo"), ("code.html", "Kode"), ("layout.html", "de")])],
    shared: &[("page.html", "")],
    is_strict: false,
};

fn language(tag: &str) -> Language {
    Language::parse(tag).unwrap()
}

/// The sources of a folder with these files, each of which holds its own path.
fn with(kit: &Kit, files: &[&str], default: &str) -> Result<BTreeMap<Language, Sources>, String> {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
    kit.sources(Some(folder.path()), &language(default))
}

fn place(found: &BTreeMap<Language, Sources>, tag: &str, name: &str) -> (String, bool) {
    let source = &found[&language(tag)][name];
    (source.place.clone(), source.is_foreign)
}

#[test]
fn a_file_is_taken_from_the_nearest_folder() {
    let files =
        ["welcome.html", "fr/welcome.html", "pt/welcome.html", "pt-br/layout.html", "de/layout.html", "page.html"];
    let found = with(&KIT, &files, "en").unwrap();
    for (tag, name, expected, is_foreign) in [
        ("en", "welcome.html", "welcome.html", false),
        ("en", "layout.html", "layout.html", false),
        ("de", "welcome.html", "de/welcome.html", false),
        ("de", "layout.html", "de/layout.html", false),
        ("fr", "welcome.html", "fr/welcome.html", false),
        ("fr", "layout.html", "layout.html", true),
        ("pt-BR", "layout.html", "pt-br/layout.html", false),
        ("pt-BR", "welcome.html", "pt/welcome.html", false),
        ("pt-BR", "code.html", "code.html", true),
        ("fr", "page.html", "page.html", false),
    ] {
        assert_eq!(place(&found, tag, name), (expected.to_owned(), is_foreign), "{tag} {name}");
    }
    assert_eq!(found[&language("de")]["layout.html"].text, "de/layout.html");
    assert_eq!(found[&language("de")]["welcome.html"].text, "Hallo");
    assert_eq!(found[&language("fr")]["page.html"].text, "page.html");
}

#[test]
fn what_is_in_no_folder_is_of_the_default_language() {
    let found = with(&KIT, &["welcome.html"], "fr").unwrap();
    assert_eq!(place(&found, "fr", "welcome.html"), ("welcome.html".into(), false));
    assert_eq!(found[&Language::english()]["welcome.html"].text, "Hello");
    let found = with(&KIT, &["welcome.html", "page.html", "de/code.html", "de/page.html"], "de").unwrap();
    for (name, expected) in
        [("welcome.html", "welcome.html"), ("code.html", "de/code.html"), ("page.html", "de/page.html")]
    {
        assert_eq!(place(&found, "de", name), (expected.into(), false));
    }
    assert_eq!(place(&found, "en", "page.html"), ("page.html".into(), false));
    let refused = with(&KIT, &["welcome.html", "de/welcome.html"], "de").unwrap_err();
    let words = "welcome.html and de/welcome.html are both of de, the mail_default_language: keep one of them";
    assert_eq!(refused, words);
    assert!(with(&KIT, &["welcome.html", "de/welcome.html"], "de-AT").is_ok());
}

#[test]
fn a_language_may_have_its_own_of_what_is_one_for_all() {
    let found = with(&KIT, &["page.html", "fr/page.html"], "en").unwrap();
    for (tag, expected) in [("fr", "fr/page.html"), ("en", "page.html"), ("de", "page.html")] {
        assert_eq!(place(&found, tag, "page.html"), (expected.into(), false));
    }
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    for link in ["welcome.html", "de", "de/welcome.html"] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("code.html"), "").unwrap();
        let path = folder.path().join(link);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink("/nowhere/at-all", &path).unwrap();
        let refused = KIT.sources(Some(folder.path()), &language("en")).unwrap_err();
        assert_eq!(refused, format!("{} is a link to /nowhere/at-all, where nothing is", path.display()));
    }
}

/// As Kubernetes mounts them.
#[test]
fn a_link_to_a_file_is_that_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("..data")).unwrap();
    fs::write(folder.path().join("..data/code.html"), "mine").unwrap();
    symlink("..data/code.html", folder.path().join("code.html")).unwrap();
    symlink("/nowhere/at-all", folder.path().join(".#code.html")).unwrap();
    let found = KIT.sources(Some(folder.path()), &language("en")).unwrap();
    assert_eq!(found[&Language::english()]["code.html"].text, "mine");
}

#[test]
fn what_is_built_in_is_in_folders_of_languages_but_for_what_is_one_for_all() {
    let files: Vec<_> = KIT.files().map(|(path, _)| path).collect();
    let expected =
        ["page.html", "en/welcome.html", "en/code.html", "en/layout.html", "de/welcome.html", "de/code.html"];
    assert_eq!(files[..6], expected);
}

#[test]
fn a_folder_that_is_of_no_use_is_found() {
    for (files, expected) in [
        (&["german/welcome.html"][..], "german is not the tag of a language"),
        (&["de/other.html", "welcome.html"], "de has none of welcome.html, code.html, layout.html, page.html"),
        (&["other.html"], "has none of welcome.html, code.html"),
        (&["de/welcome.html/x"], "welcome.html cannot be read"),
        (&["pt-br/welcome.html", "pt-BR/welcome.html"], "has two folders of pt-BR"),
    ] {
        let refused = with(&KIT, files, "en").unwrap_err();
        assert!(refused.contains(expected), "{refused}");
    }
    let beside = ["welcome.html", "..data/x", ".git/x", "notes.md"];
    assert!(with(&KIT, &beside, "en").is_ok());
    let strict = Kit { is_strict: true, ..KIT };
    for (files, known) in [(&beside[..], "notes.md"), (&["de/welcome.html", "de/wellcome.html"], "de/wellcome.html")] {
        let refused = with(&strict, files, "en").unwrap_err();
        assert!(refused.contains(&format!("{known} is none of welcome.html, code.html")), "{refused}");
    }
    assert!(with(&strict, &beside[..3], "en").is_ok());
}
