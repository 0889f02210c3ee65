//! Emails lead to the pages, or an operator is told that they do not.

use crate::LINKS;
use crate::common::app::TestApp;
use crate::common::database::Backend;
use crate::visit::with_pages;

const WARNING: &str = "Emails bring a bare code, and no page of hosted_pages leads to where it is typed in";

#[tokio::test]
async fn pages_that_no_email_links_to_are_warned_of_at_start() {
    let app = TestApp::spawn(with_pages(Backend::Sqlite)).await;
    let line = app.wait_for_log("a warning", |line| line["message"] == WARNING).await;
    assert_eq!(line["level"], "warning", "{line}");
    assert!(line["context"]["remedy"].as_str().is_some_and(|text| text.contains("set mail_links_url to")), "{line}");
    let linked = TestApp::spawn(with_pages(Backend::Sqlite).set("mail_links_url", LINKS)).await;
    assert!(!linked.output().contains(WARNING), "{}", linked.output());
}

#[test]
fn the_check_warns_as_well() {
    let check = |links: &str| {
        let folder = tempfile::tempdir().unwrap();
        let output = with_pages(Backend::Sqlite).set("mail_links_url", links).run(&["check"], folder.path());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let said = check("");
    let (_, warning) = said.split_once("\nwarning: ").unwrap_or_else(|| panic!("no warning in {said}"));
    let (warning, _) = warning.split_once("\n\n").unwrap();
    assert!(warning.lines().all(|line| line.len() <= 80), "{warning}");
    let words = warning.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.starts_with(WARNING) && words.contains("set mail_links_url to where"), "{words}");
    assert!(!check(LINKS).contains("warning: "));
}
