//! `neodyme webhook`, and what other commands tell endpoints.

use std::fs;
use std::process::Output;

use serde_json::{Value, json};

use crate::common::analytics::Behaviour;
use crate::common::app::{AppOptions, TestApp};
use crate::common::database::Backend;
use crate::common::options::WEBHOOK_SECRET;
use crate::{endpoint, kinds, on_both_databases, verifiers};

on_both_databases!(what_an_operator_does_to_users_is_told);

fn text(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8([output.stdout.clone(), output.stderr.clone()].concat()).unwrap())
}

async fn what_an_operator_does_to_users_is_told(backend: Backend) {
    let (service, url) = endpoint().await;
    let app = TestApp::spawn(AppOptions::on(backend).webhook(1, &url)).await;
    let options = AppOptions::on_database(app.database.clone()).webhook(1, &url);
    let file = |name: &str, text: &str| {
        fs::write(app.folder().join(name), text).unwrap();
        app.folder().join(name).display().to_string()
    };
    let password = file("password", "correct horse battery");
    let users =
        file("users", &json!({ "email": "bob@example.com", "full_name": "Bob", "password_hash": HASH }).to_string());
    for arguments in [
        vec!["user", "create", "--email", "ada@example.com", "--name", "Ada", "--password-file", &password],
        vec!["user", "grant", "ada@example.com", "support"],
        vec!["user", "deactivate", "ada@example.com"],
        vec!["user", "activate", "ada@example.com"],
        vec!["import", &users],
        vec!["user", "delete", "ada@example.com", "--yes"],
    ] {
        let before = service.taken().len();
        let (code, said) = text(&options.run(&arguments, app.folder()));
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        if arguments[0] != "import" {
            service.wait_for_taken(before + 1).await;
        }
    }
    let told = service.taken();
    let expected = ["user.registered", "user.updated", "user.deactivated", "user.updated", "user.deleted"];
    assert_eq!(kinds(&told), expected, "an import tells nobody");
    assert_eq!(told[1].body["data"]["role"], "support");
}

const HASH: &str = "$2b$05$ZjYEW8bC0WjG29OXn/MCa.c4Ej6uYOYdTbYn0Dt5vJYnQMcYpWMZC";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_event_says_whether_events_arrive_and_what_to_do() {
    let (service, url) = endpoint().await;
    let (folder, options) = (tempfile::tempdir().unwrap(), AppOptions::bare().webhook(1, &url));
    let test = || text(&options.run(&["webhook", "test", "--endpoint", "1"], folder.path()));
    let (code, said) = tokio::task::block_in_place(test);
    assert!(code == Some(0) && said.contains("taken, with status 202"), "{said}");
    let request = service.received().remove(0);
    assert_eq!((&request.body["type"], &request.body["data"]), (&json!("webhook.test"), &json!({})));
    assert_eq!(verifiers::python(WEBHOOK_SECRET, &request).unwrap(), request.body);
    for (behaviour, because, to_do) in [
        (Behaviour::Status(401, None), "auth (401)", "compare the secret on both sides"),
        (Behaviour::Status(410, None), "gone (410)", "neodyme webhook on"),
        (Behaviour::RedirectTo(308, url.clone()), "redirects are not followed", "correct the URL"),
        (Behaviour::Status(500, None), "refused_5xx (500)", "read the receiver's log"),
    ] {
        service.behave(behaviour);
        let (code, said) = tokio::task::block_in_place(test);
        assert!(code == Some(1) && said.contains(because) && said.contains(to_do), "{said}");
        assert!(!said.contains("you_said") && !said.contains(&WEBHOOK_SECRET[6..]), "{said}");
    }
    let (code, said) = text(&options.run(&["webhook", "test", "--endpoint", "2"], folder.path()));
    assert!(code == Some(1) && said.contains("webhook_2_url is not set"), "{said}");
    assert_eq!(text(&options.run(&["webhook", "test", "--endpoint", "5"], folder.path())).0, Some(2));
}

#[test]
fn endpoints_are_listed() {
    let (folder, url) = (tempfile::tempdir().unwrap(), "https://crm.example.com/hooks");
    let options = AppOptions::bare().webhook(3, url).set("webhook_3_events", "user.deleted,user.verified");
    assert!(options.run(&["migrate"], folder.path()).status.success());
    let (code, said) = text(&options.run(&["webhook", "list", "--json"], folder.path()));
    let expected = json!([{
        "endpoint": 3, "topic": "webhook_3", "url": url, "secrets": 1, "events": ["user.deleted", "user.verified"],
        "switched_off_at": null,
    }]);
    assert_eq!((code, serde_json::from_str::<Value>(&said).unwrap()), (Some(0), expected));
}
