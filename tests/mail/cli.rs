//! `neodyme email`, as an operator sees it.

use std::process::Output;

use tempfile::TempDir;

use crate::common::app::AppOptions;
use crate::common::database::Backend;
use crate::common::smtp::{Behaviour, Identity, Security, SinkOptions, SmtpSink, Verb};

/// What the binary says on standard output, its errors, and its exit code.
fn neodyme(settings: &[(&str, String)], arguments: &[&str]) -> (String, String, i32, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let options =
        settings.iter().fold(AppOptions::on(Backend::Sqlite), |options, (key, value)| options.set(key, value));
    let Output { status, stdout, stderr } = options.run(arguments, folder.path());
    let [out, err] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (out, err, status.code().unwrap(), folder)
}

#[test]
fn the_preview_shows_what_would_be_sent() {
    let preview = |format: &[&str]| {
        let user = ["--name", "Zoë O'Brien", "--address", "zoe@example.com"];
        let (out, err, code, _) = neodyme(&[], &[&["email", "preview"], &user[..], format].concat());
        assert_eq!((code, err.as_str()), (0, ""));
        out
    };
    let text = preview(&[]);
    assert!(text.starts_with("Subject: Welcome to neodyme\n\nHello Zoë O'Brien,\n"), "{text}");
    assert_eq!(text, preview(&["--format", "text"]));
    let html = preview(&["--format", "html"]);
    assert!(html.starts_with("<!doctype html>") && html.contains("Hello <bdi>Zoë O&#x27;Brien</bdi>"), "{html}");
    let eml = preview(&["--format", "eml"]);
    assert!(eml.starts_with("From: neodyme <neodyme@localhost>\r\nTo: =?utf-8?b?"), "{eml}");
    let changed = preview(&["password_changed"]);
    assert!(changed.starts_with("Subject: Your password at neodyme was changed\n\nHello Zoë O'Brien,\n"), "{changed}");
    let german = preview(&["password_changed", "--language", "de-AT"]);
    assert!(
        german.starts_with("Subject: Ihr Passwort bei neodyme wurde geändert\n\nGuten Tag Zoë O'Brien,\n"),
        "{german}"
    );
    let (_, err, code, _) = neodyme(&[], &["email", "preview", "--language", "fr"]);
    assert_eq!((code, err.as_str()), (1, "neodyme: there are no templates in fr, but in de, en\n"));
    let (_, err, code, _) = neodyme(&[], &["email", "preview", "--language", "German"]);
    assert!(code == 2 && err.contains("it is not the tag of a language"), "{err}");
    let (_, err, code, _) = neodyme(&[], &["email", "preview", "farewell"]);
    assert!(code == 2 && err.contains("welcome, verify_email"), "{err}");
}

#[test]
fn a_template_that_does_not_work_is_found_by_preview_and_check() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("welcome.html"), "<p>\n{{ name }}").unwrap();
    let settings = [("mail_templates", folder.path().display().to_string())];
    for arguments in [&["email", "preview"][..], &["email", "test", "ada@example.com"], &["check"]] {
        let (_, err, code, _) = neodyme(&settings, arguments);
        assert_eq!(code, 2, "{err}");
        assert!(err.contains("mail_templates: welcome.html:2: undefined value"), "{err}");
    }
}

#[test]
fn without_a_mail_server_the_test_writes_a_file() {
    let (out, err, code, folder) = neodyme(&[], &["email", "test", "ada@example.com"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("to       files in data/mail\n") && out.contains("outcome  written\n"), "{out}");
    let files: Vec<_> = std::fs::read_dir(folder.path().join("data/mail")).unwrap().collect();
    assert_eq!(files.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_test_sends_an_email_and_tells_how_it_went() {
    let credentials = Some(("neodyme".to_owned(), "secret".to_owned()));
    let options = SinkOptions { security: Security::StartTls(Identity::good()), credentials, ..SinkOptions::default() };
    let sink = SmtpSink::start_with(Behaviour::Normal, options).await;
    let arguments = ["email", "test", "ada@example.com", "--mail-from", "Example <hello@example.org>"];
    let (out, err, code, _) = neodyme(&sink.settings(), &arguments);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let mail = sink.received().remove(0);
    for line in [
        format!("to       smtp 127.0.0.1:{} starttls\n", sink.port()),
        format!("tls      required, and verified with {}\n", sink.ca_file().display()),
        format!("job      {}\n", mail.job_id()),
        "outcome  taken, with reply 250\n".into(),
    ] {
        assert!(out.contains(&line), "{line} is missing in {out}");
    }
    assert!(mail.encrypted);
    assert_eq!(sink.commands().last().unwrap(), "QUIT");

    sink.behave(Behaviour::refuse(Verb::Rcpt, 550, "5.1.1 <ada@example.com> unknown"));
    let (out, err, code, _) = neodyme(&sink.settings(), &arguments);
    assert_eq!((code, err.as_str()), (1, "neodyme: the email was not sent: refused_5xx\n"));
    for line in
        ["outcome  refused_5xx (550)\n", "because  RCPT TO: 550 5.1.1 … unknown\n", "a job    would be dead at once\n"]
    {
        assert!(out.contains(line), "{line} is missing in {out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_test_does_not_say_that_a_mail_was_not_sent_where_nobody_knows() {
    let sink = SmtpSink::start(Behaviour::CloseAfter(Verb::Message)).await;
    let (out, err, code, _) = neodyme(&sink.settings(), &["email", "test", "ada@example.com"]);
    assert_eq!(
        (code, err.as_str()),
        (1, "neodyme: the email may have been sent: protocol, after the server had all of it\n")
    );
    assert!(out.contains("; it may have been sent\n"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_to_do_fits_the_command_that_was_refused() {
    let sink = SmtpSink::start(Behaviour::Normal).await;
    for (verb, code, text, to_do) in [
        (Verb::Greeting, 554, "5.3.2 not today", "ask the server's operator why it refuses this host"),
        (Verb::Ehlo, 550, "5.5.2 a full name, please", "set smtp_helo_name"),
        (Verb::Mail, 550, "5.1.8 bad sender", "correct mail_from"),
        (Verb::Mail, 554, "5.7.1 not yours", "correct mail_from"),
        (Verb::Rcpt, 554, "5.7.1 relay access denied", "ask the server's operator: it may be closed to this host"),
        (Verb::Rcpt, 550, "5.7.1 not verified", "ask the server's operator: it may be closed to this host"),
        (Verb::Rcpt, 550, "5.1.1 unknown", "check the address"),
        (Verb::Rcpt, 450, "4.2.1 busy", "wait"),
        (Verb::Message, 552, "5.3.4 too big", "read what the server said"),
    ] {
        sink.behave(Behaviour::refuse(verb, code, text));
        let (out, ..) = neodyme(&sink.settings(), &["email", "test", "ada@example.com"]);
        assert!(out.contains(&format!("to do    {to_do}")), "{verb:?} {code}: {out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_smtputf8_is_told_from_one_that_refuses() {
    let sink =
        SmtpSink::start_with(Behaviour::Normal, SinkOptions { extensions: vec![], ..SinkOptions::default() }).await;
    let (out, err, ..) = neodyme(&sink.settings(), &["email", "test", "josé@example.com"]);
    assert_eq!(err, "neodyme: the email was not sent: no_smtputf8\n");
    assert!(out.contains("to do    use a mail server that offers SMTPUTF8"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_ehlo_was_refused_nobody_looks_for_a_mechanism() {
    let credentials = Some(("neodyme".to_owned(), "secret".to_owned()));
    let options = SinkOptions { credentials, ..SinkOptions::default() };
    let sink = SmtpSink::start_with(Behaviour::refuse(Verb::Ehlo, 502, "5.5.1 what?"), options).await;
    let (out, ..) = neodyme(&sink.settings(), &["email", "test", "ada@example.com"]);
    assert!(out.contains("because  AUTH: the server refused EHLO, and after HELO nobody can authenticate"), "{out}");
    assert!(out.contains("to do    set smtp_helo_name"), "{out}");
}

#[test]
fn what_is_missing_is_named() {
    let (_, err, code, _) = neodyme(&[], &["email"]);
    assert_eq!(code, 2);
    assert!(err.contains("preview") && err.contains("test"), "{err}");
    let (_, err, code, _) = neodyme(&[], &["email", "test"]);
    assert_eq!(code, 2);
    assert!(err.contains("<ADDRESS>"), "{err}");
    let (_, err, code, _) = neodyme(&[], &["email", "preview", "--address", "nowhere"]);
    assert_eq!(code, 2);
    assert!(err.contains("it must be an email address such as name@example.com"), "{err}");
}
