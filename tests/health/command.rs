//! `neodyme health`: what container engines and scripts ask with.

use std::io::{Read, Write};
use std::process::Output;
use std::time::Duration;

use super::common::app::{AppOptions, TestApp};
use super::common::database::Backend;
use super::common::eventually;
use super::common::programs::lasting_port;

fn ask(app: &TestApp, options: &AppOptions, arguments: &[&str]) -> Output {
    options.run(&[&["health"], arguments].concat(), app.folder())
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn the_command_says_ready_wherever_the_service_listens() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let everywhere = app.api_address().replace("127.0.0.1", "0.0.0.0");
    let listening = |address: &str| AppOptions::bare().set("api_listen", address);
    for options in [listening(app.api_address()), listening(&everywhere)] {
        let answer = ask(&app, &options, &[]);
        assert_eq!((answer.status.code(), text(&answer.stdout)), (Some(0), "ready\n"), "{}", text(&answer.stderr));
    }
    for url in [app.api_url(), app.ops_url()] {
        assert_eq!(ask(&app, &AppOptions::bare(), &["--url", &url]).status.code(), Some(0));
    }
}

#[tokio::test]
async fn the_command_tells_why_a_service_is_not_ready() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("shutdown_delay", "10s")).await;
    app.terminate();
    let answer = eventually("the command fails", async || {
        let answer = ask(&app, &AppOptions::bare(), &["--url", &app.api_url()]);
        (!answer.status.success()).then_some(answer)
    })
    .await;
    assert_eq!(answer.status.code(), Some(1));
    assert_eq!((text(&answer.stdout), text(&answer.stderr)), ("", "neodyme: not ready: shutting_down\n"));
}

#[tokio::test]
async fn the_command_fails_where_no_neodyme_answers() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = format!("http://127.0.0.1:{}", lasting_port());
    let answer = AppOptions::bare().run(&["health", "--url", &nobody], folder.path());
    assert_eq!(answer.status.code(), Some(1));
    let expected = format!("neodyme: {nobody}/ does not answer: Connection refused");
    assert!(text(&answer.stderr).starts_with(&expected), "{}", text(&answer.stderr));

    // Takes the connection and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let start = std::time::Instant::now();
    let answer = AppOptions::bare().run(&["health", "--url", &url], folder.path());
    assert_eq!(answer.status.code(), Some(1));
    assert!(text(&answer.stderr).ends_with("does not answer: no answer in time\n"), "{}", text(&answer.stderr));
    assert!(start.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn the_command_says_that_it_asked_under_a_name_that_is_not_known() {
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", elsewhere.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let mut stream = elsewhere.accept().unwrap().0;
        // Unread bytes would reset the connection.
        let _ = stream.read(&mut [0; 4096]).unwrap();
        stream.write_all(b"HTTP/1.1 421 Misdirected Request\r\ncontent-length: 0\r\n\r\n").unwrap();
    });
    let folder = tempfile::tempdir().unwrap();
    let answer = AppOptions::bare().run(&["health", "--url", &url], folder.path());
    answering.join().unwrap();
    assert_eq!(answer.status.code(), Some(1));
    assert!(text(&answer.stderr).contains("ops_allowed_hosts"), "{}", text(&answer.stderr));
}
