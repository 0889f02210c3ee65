//! `neodyme page` and `neodyme email templates`: an operator starts from what is built in, and sees what comes of it.

use std::fs;
use std::path::Path;

use crate::Neodyme;

/// Every file below a folder, by its path in it.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        match path.is_dir() {
            true => found.extend(files(&path).iter().map(|file| format!("{name}/{file}"))),
            false => found.push(name),
        }
    }
    found.sort();
    found
}

#[test]
fn the_built_in_templates_are_written_and_taken_as_they_are() {
    for (command, setting, shared, of_language) in [
        ("page", "pages_templates", "layout.html", "sign-in.html"),
        ("email", "mail_templates", "page.html", "welcome.txt"),
    ] {
        let neodyme = Neodyme::new();
        let answer = neodyme.run(&[command, "templates", "shop/templates"]);
        assert_eq!((answer.code, answer.err.as_str()), (0, ""));
        let folder = neodyme.path().join("shop/templates");
        let found = files(&folder);
        for file in [shared.to_owned(), format!("en/{of_language}"), format!("de/{of_language}")] {
            assert!(found.contains(&file), "{file} in {found:?}");
        }
        for file in &found {
            assert!(answer.out.contains(&format!("written  shop/templates/{file}\n")), "{}", answer.out);
        }
        let set = format!("\n  {setting} = \"{}\"\n", folder.canonicalize().unwrap().display());
        assert!(answer.out.contains(&set), "{set} in {}", answer.out);
        let path = folder.display().to_string();
        for default in ["en", "de"] {
            let check =
                ["check", &format!("--{}", setting.replace('_', "-")), &path, "--mail-default-language", default];
            let answer = neodyme.run(&check);
            assert_eq!((answer.code, answer.err.as_str()), (0, ""));
        }
    }
}

#[test]
fn what_is_there_already_stays_as_it_is() {
    let neodyme = Neodyme::new();
    let folder = neodyme.path().join("pages");
    fs::create_dir_all(folder.join("en")).unwrap();
    fs::write(folder.join("en/sign-in.html"), "mine").unwrap();
    std::os::unix::fs::symlink("/nowhere/at-all", folder.join("page.css")).unwrap();
    let answer = neodyme.run(&["page", "templates", "pages"]);
    assert_eq!((answer.code, answer.err.as_str()), (0, ""));
    for kept in ["en/sign-in.html", "page.css"] {
        assert!(answer.out.contains(&format!("kept     pages/{kept}\n")), "{}", answer.out);
    }
    assert_eq!(fs::read_to_string(folder.join("en/sign-in.html")).unwrap(), "mine");
    assert!(answer.out.contains("written  pages/de/sign-in.html\n"), "{}", answer.out);
    let again = neodyme.run(&["page", "templates", "pages"]);
    assert!(again.code == 0 && !again.out.contains("written"), "{}", again.out);
}

#[test]
fn a_folder_that_cannot_be_is_said() {
    let answer = Neodyme::new().file("pages", "a file").run(&["page", "templates", "pages"]);
    assert_eq!(answer.code, 1);
    assert!(answer.err.starts_with("neodyme: the template pages/layout.html cannot be written: "), "{}", answer.err);
}

#[test]
fn a_page_is_shown_as_a_user_would_get_it() {
    let neodyme = Neodyme::new().variable("NEODYME_PRODUCT_NAME", "Otters");
    let preview = |arguments: &[&str]| {
        let answer = neodyme.run(&[&["page", "preview"], arguments].concat());
        assert_eq!((answer.code, answer.err.as_str()), (0, ""));
        assert!(
            answer.out.starts_with("<!doctype html>") && answer.out.contains(" · Otters</title>"),
            "{}",
            answer.out
        );
        answer.out
    };
    assert!(preview(&[]).contains("<title>Sign in ·"));
    assert!(preview(&["sign-up", "--language", "de-AT"]).contains("<html lang=\"de\">"));
    assert!(preview(&["sign-up", "--mail-default-language", "de"]).contains("<html lang=\"de\">"));
    assert!(preview(&["sign-up", "--mail-default-language", "fr"]).contains("<html lang=\"en\">"));
    assert!(!preview(&["sign-up"]).contains("It is required."));
    assert_eq!(preview(&["sign-up", "--state", "wrong"]).matches("It is required.").count(), 3);
    assert!(preview(&["verify-email", "--state", "wrong"]).contains("This link was used before"));
    assert!(preview(&["verify-email", "--state", "done"]).contains("Your address is verified."));
    assert!(preview(&["account"]).contains("ada@example.com"));
    assert!(preview(&["refused"]).contains("There is nothing here."));
}

#[test]
fn a_preview_shows_the_templates_of_the_operator_or_what_is_wrong_with_them() {
    let neodyme = Neodyme::new();
    let folder = neodyme.path().join("pages");
    fs::create_dir(&folder).unwrap();
    let page = "{% extends \"form.html\" %}{% block title %}Come in{% endblock %}{% block button %}Go{% endblock %}";
    fs::write(folder.join("sign-in.html"), page).unwrap();
    let preview = ["page", "preview", "sign-in", "--pages-templates", "pages"];
    assert!(neodyme.run(&preview).out.contains(">Go</button>"));
    fs::write(folder.join("sign-in.html"), "\n{{ titel }}").unwrap();
    let answer = neodyme.run(&preview);
    assert_eq!(answer.code, 2);
    assert!(answer.err.starts_with("neodyme: pages_templates: sign-in.html:2: undefined value"), "{}", answer.err);
}
