//! Links lead somewhere: those of alerts and dashboards to the runbooks that every instance serves, those of the runbooks to
//! each other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::app::{AppOptions, TestApp};
use common::browser;
use common::database::Backend;
use common::http::Answer;
use common::programs::program;
use common::rules::rules;
use serde_json::{Value, json};

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

async fn app() -> TestApp {
    TestApp::spawn(AppOptions::on(Backend::Sqlite).set("ops_token", "a-token-that-no-link-has")).await
}

/// What a browser is answered.
async fn browse(app: &TestApp, url: &str) -> Answer {
    let accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    Answer::to(app.client.get(url).header("accept", accept)).await.unwrap()
}

/// What the shipped templates make of alerts with these annotations, a line for each.
fn rendered(alerts: &[BTreeMap<String, String>], template: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data.json");
    let alert = |annotations| json!({"status": "firing", "labels": {}, "annotations": annotations});
    let alerts: Vec<Value> = alerts.iter().map(alert).collect();
    fs::write(&data, json!({"receiver": "slack", "status": "firing", "alerts": alerts}).to_string()).unwrap();
    let output = Command::new(program("amtool"))
        .args(["template", "render", "--template.text"])
        .arg(format!("{{{{ range .Alerts }}}}{{{{ template {template:?} . }}}}\n{{{{ end }}}}"))
        .arg(format!("--template.glob={}", project("alertmanager/*.tmpl").display()))
        .arg(format!("--template.data={}", data.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().lines().map(str::to_owned).collect()
}

/// The names under which Grafana knows the dashboards.
fn dashboards() -> BTreeSet<String> {
    common::dashboards().iter().map(|dashboard| dashboard["uid"].as_str().unwrap().to_owned()).collect()
}

/// Fails unless a link to Grafana names a dashboard that there is.
fn assert_is_dashboard(link: &str) {
    let uid = link.split("/d/").nth(1).unwrap_or_default().split('?').next().unwrap();
    assert!(dashboards().contains(uid), "{link}");
}

#[tokio::test]
async fn every_link_of_an_alert_leads_somewhere() {
    let app = app().await;
    let mut rules = rules();
    rules.retain(|rule| rule.alert.is_some());
    let mut alerts = Vec::new();
    for rule in &rules {
        let mut annotations = rule.annotations.clone();
        // What Prometheus makes of them is the matter of the rules' own tests.
        annotations.retain(|name, _| name != "samples_url");
        annotations.insert("operations_url".to_owned(), format!("{}/", app.ops_url()));
        alerts.push(annotations);
    }
    let (runbooks, dashboards) = (rendered(&alerts, "neodyme.runbook"), rendered(&alerts, "neodyme.dashboard"));
    assert_eq!((runbooks.len(), dashboards.len()), (rules.len(), rules.len()));
    for ((rule, runbook), dashboard) in rules.iter().zip(&runbooks).zip(&dashboards) {
        let answer = browse(&app, runbook).await;
        assert_eq!(answer.status, 200, "{runbook}");
        assert!(answer.text().contains(&format!("<h1>{}</h1>", rule.name())), "{runbook}");
        assert_is_dashboard(dashboard);
    }
}

#[test]
fn a_runbook_is_read_where_an_instance_answers() {
    let alert = |annotations: &[(&str, &str)]| -> BTreeMap<String, String> {
        let all = annotations.iter().chain(&[("runbook_url", "docs/runbooks/NeodymeDown.md")]);
        all.map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    };
    let (answers, failed) = (("operations_url", "http://a:9000/"), ("samples_url", "http://b:9000/errors?type=X"));
    let alerts = [
        alert(&[answers, failed]),
        alert(&[failed]),
        // None answers.
        alert(&[("operations_url", ""), ("samples_url", "")]),
        alert(&[]),
        BTreeMap::from([("runbook_url".to_owned(), "https://wiki.example.com/down".to_owned())]),
    ];
    let expected = ["http://a:9000/", "http://b:9000/", "http://localhost:9000/", "http://localhost:9000/"];
    let expected = expected.map(|base| format!("{base}docs/runbooks/NeodymeDown.md")).to_vec();
    assert_eq!(rendered(&alerts, "neodyme.runbook"), [expected, vec!["https://wiki.example.com/down".into()]].concat());
}

/// Every `url` in a document.
fn urls(json: &Value) -> Vec<String> {
    match json {
        Value::Array(items) => items.iter().flat_map(urls).collect(),
        Value::Object(members) => {
            let own = members.get("url").and_then(Value::as_str).map(str::to_owned);
            members.values().flat_map(urls).chain(own).collect()
        }
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn every_link_of_a_dashboard_leads_somewhere() {
    let app = app().await;
    let mut pages = 0;
    for dashboard in common::dashboards() {
        let variables = dashboard["templating"]["list"].as_array().unwrap().iter();
        let base = variables.filter(|variable| variable["name"] == "runbook_base").map(|variable| &variable["query"]);
        assert_eq!(base.collect::<Vec<_>>(), ["http://localhost:9000/"], "the setting of alertmanager/links.tmpl");
        for url in urls(&dashboard) {
            if let Some(page) = url.strip_prefix("${runbook_base:raw}") {
                let page = page.replace("${__value.text}", "NeodymeDown");
                assert_eq!(browse(&app, &format!("{}/{page}", app.ops_url())).await.status, 200, "{page}");
                pages += 1;
            } else if url.starts_with("/d/") {
                assert_is_dashboard(&url);
            } else {
                // The log, and samples: the matter of the dashboards' own tests.
                assert!(url.starts_with("/explore?") || url.contains("}/errors?type="), "{url}");
            }
        }
    }
    assert!(pages > 30, "{pages}");
}

/// The targets of a page's links.
fn links(page: &str) -> BTreeSet<String> {
    page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap().replace("&#x2f;", "/")).collect()
}

#[tokio::test]
async fn every_link_of_a_runbook_leads_somewhere() {
    let app = app().await;
    let (mut open, mut pages) = (vec!["/runbooks/".to_owned()], BTreeMap::new());
    while let Some(path) = open.pop() {
        if pages.contains_key(&path) {
            continue;
        }
        let answer = browse(&app, &format!("{}{path}", app.ops_url())).await;
        assert_eq!(answer.status, 200, "{path}");
        let page = answer.text().to_owned();
        let inside = |link: &String| link.starts_with("/runbooks") || link.starts_with("/docs");
        open.extend(links(&page).into_iter().filter(inside).map(|link| link.split('#').next().unwrap().to_owned()));
        pages.insert(path, page);
    }
    for (path, page) in &pages {
        for link in links(page).into_iter().filter(|link| link != "/" && !link.contains("://")) {
            let (target, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = if target.is_empty() { path } else { target };
            let is_there = |page: &String| heading.is_empty() || page.contains(&format!(" id=\"{heading}\""));
            assert!(pages.get(target).is_some_and(is_there), "{path} links to {link}");
        }
    }
    for file in ["docs", "docs/runbooks"].iter().flat_map(|folder| fs::read_dir(project(folder)).unwrap()) {
        let file = file.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "md") {
            let name = file.file_stem().unwrap().to_str().unwrap();
            let is_listed = |path: &&String| path.rsplit('/').next() == Some(name);
            assert!(pages.keys().any(|path| is_listed(&path)), "{name} is not listed");
        }
    }
}

#[tokio::test]
async fn a_runbook_is_a_page_for_a_browser_and_text_for_a_terminal() {
    let app = app().await;
    let url = format!("{}/runbooks/NeodymeDown", app.ops_url());
    let page = browse(&app, &url).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    for loads in ["<script", "<link", "<img", "@import", "url("] {
        assert!(!page.text().contains(loads), "{loads}");
    }
    let text = app.get_ops("/runbooks/NeodymeDown").await;
    assert_eq!(text.header("content-type"), "text/markdown; charset=utf-8");
    assert_eq!(text.text(), fs::read_to_string(project("docs/runbooks/NeodymeDown.md")).unwrap());
    for path in ["/runbooks/NeodymeDown.md", "/docs/runbooks/NeodymeDown", "/docs/runbooks/NeodymeDown.md/"] {
        assert_eq!(app.get_ops(path).await.body, text.body, "{path}");
    }
    for path in ["/runbooks/NeodymeUp", "/runbooks/DATABASE", "/docs/NeodymeDown", "/docs/..%2fREADME.md", "/docs/"] {
        app.get_ops(path).await.assert_problem(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn the_search_finds_what_has_all_words_and_shows_where() {
    let app = app().await;
    let search = async |question: &str| browse(&app, &format!("{}/runbooks/?q={question}", app.ops_url())).await;
    let found = search("read_only+STANDBY").await;
    let found = found.text();
    assert!(found.contains("<mark>read_only</mark>"), "{found}");
    assert!(
        found.contains("href=\"/runbooks/NeodymeCriticalError#do\"") || found.contains("NeodymeCriticalError#do\"")
    );
    assert!(!found.contains("NeodymeClockSkew"), "{found}");
    let nothing = search("%3Cscript%3E").await;
    assert!(nothing.text().contains("Nothing has all of these words"), "{}", nothing.text());
    assert!(nothing.text().contains("value=\"&lt;script&gt;\""), "{}", nothing.text());
    assert!(search("").await.text().contains("NeodymeClockSkew"), "without words all are listed");
    search("x&page=2").await.assert_problem(400, "INVALID_PARAMETER");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_shows_a_runbook() {
    let app = app().await;
    let url = format!("{}/docs/runbooks/NeodymeCriticalError.md#do", app.ops_url());
    let shown = tokio::task::spawn_blocking(move || browser::open(&url)).await.unwrap();
    assert!(shown.contains("<h2 id=\"do\">Do</h2>") && shown.contains("pg_blocking_pids"), "{shown}");
}
