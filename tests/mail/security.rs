//! TLS and credentials: what must not be said in plain text is not said.

use crate::fixture::SendWelcome;
use neodyme::mail::Mailer;
use neodyme::outbox::Effect;
use neodyme::outbox::Reason;

use crate::common::smtp::{Behaviour, Identity, Security, SinkOptions, SmtpSink, Verb};
use crate::fixture::{failure, job, mailer, mailer_to, meaning};

async fn sink(security: Security, credentials: Option<&str>) -> SmtpSink {
    let credentials = credentials.map(|password| ("neodyme".to_owned(), password.to_owned()));
    SmtpSink::start_with(Behaviour::Normal, SinkOptions { security, credentials, ..SinkOptions::default() }).await
}

/// The names of the commands that the server has heard.
fn heard(sink: &SmtpSink) -> Vec<String> {
    sink.commands().iter().map(|line| line.split([' ', ':']).next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn with_a_certificate_that_verifies_mail_is_sent_encrypted() {
    for identity in [Identity::good(), Identity::self_signed()] {
        for security in [Security::StartTls(identity.clone()), Security::Tls(identity)] {
            let sink = sink(security, Some("secret-password")).await;
            mailer_to(&sink, &[]).send_welcome(&job()).await.unwrap();
            assert!(sink.received()[0].encrypted);
        }
    }
}

#[tokio::test]
async fn a_certificate_that_does_not_verify_ends_the_conversation() {
    type Kind = fn() -> Identity;
    let kinds: [(Kind, Reason, &str); 3] = [
        (Identity::of_a_stranger, Reason::Tls, "invalid peer certificate"),
        (Identity::of_another_host, Reason::Tls, "not valid for name"),
        (Identity::expired, Reason::TlsExpired, "expired"),
    ];
    for (identity, reason, says) in kinds {
        for (wrap, commands) in
            [(Security::StartTls as fn(Identity) -> Security, &["EHLO", "STARTTLS"][..]), (Security::Tls, &[])]
        {
            let sink = sink(wrap(identity()), Some("secret-password")).await;
            let failure = failure(&mailer_to(&sink, &[])).await;
            assert_eq!(meaning(&failure), (reason, None, false, true));
            assert!(failure.cause.to_string().contains(says), "{}", failure.cause);
            assert_eq!(heard(&sink), commands);
        }
    }
}

#[tokio::test]
async fn without_starttls_on_offer_nothing_is_said() {
    let sink = sink(Security::None, None).await;
    let settings = [("smtp_tls", "starttls"), ("smtp_username", "neodyme"), ("smtp_password", "secret-password")];
    let failure = failure(&mailer_to(&sink, &settings)).await;
    assert_eq!(meaning(&failure), (Reason::Tls, None, false, true));
    assert!(failure.cause.to_string().starts_with("STARTTLS: the server does not offer it: "), "{}", failure.cause);
    assert_eq!(heard(&sink), ["EHLO"]);
}

#[tokio::test]
async fn a_server_that_refuses_or_fails_starttls_gets_no_mail() {
    for behaviour in
        [Behaviour::refuse(Verb::StartTls, 454, "4.7.0 TLS not available"), Behaviour::CloseAfter(Verb::StartTls)]
    {
        let sink = sink(Security::StartTls(Identity::good()), None).await;
        let code = matches!(behaviour, Behaviour::Refuse { .. }).then_some(454);
        sink.behave(behaviour);
        let failure = failure(&mailer_to(&sink, &[])).await;
        assert_eq!(
            (failure.code, (failure.effect == Effect::GiveUp), (failure.effect == Effect::ServiceDown)),
            (code, false, true)
        );
        assert!(matches!(failure.reason, Reason::Tls | Reason::Protocol), "{failure:?}");
        assert!(!heard(&sink).contains(&"MAIL".to_owned()));
    }
}

#[tokio::test]
async fn an_answer_that_was_slipped_in_before_tls_is_not_read_after_it() {
    let sink = sink(Security::StartTls(Identity::good()), None).await;
    sink.behave(Behaviour::InjectBehindStartTls);
    let failure = failure(&mailer_to(&sink, &[])).await;
    assert_eq!(meaning(&failure), (Reason::Tls, None, false, true), "{}", failure.cause);
    assert_eq!(heard(&sink), ["EHLO", "STARTTLS"]);
}

#[tokio::test]
async fn tls_from_the_first_byte_needs_a_server_that_speaks_it() {
    let plain = sink(Security::None, None).await;
    let failure = failure(&mailer_to(&plain, &[("smtp_tls", "tls")])).await;
    assert_eq!(meaning(&failure), (Reason::Tls, None, false, true), "{}", failure.cause);
    assert!(failure.cause.to_string().starts_with("TLS: the server answers in plain text: set smtp_tls to starttls"));

    let closing = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = closing.local_addr().unwrap().port().to_string();
    let server = tokio::spawn(async move {
        let (mut stream, _) = closing.accept().await.unwrap();
        tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 4096]).await.unwrap();
    });
    let failure = crate::fixture::failure(&mailer_to(&plain, &[("smtp_tls", "tls"), ("smtp_port", &port)])).await;
    assert_eq!(meaning(&failure), (Reason::Tls, None, false, true), "{}", failure.cause);
    server.await.unwrap();
}

#[tokio::test]
async fn credentials_let_in_or_every_mail_waits() {
    let sink = sink(Security::StartTls(Identity::good()), Some("secret-password")).await;
    mailer_to(&sink, &[]).send_welcome(&job()).await.unwrap();
    let wrong = failure(&mailer_to(&sink, &[("smtp_password", "secret-guess")])).await;
    assert_eq!(meaning(&wrong), (Reason::Auth, Some(535), false, true));
    sink.behave(Behaviour::refuse(Verb::Auth, 454, "4.7.0 neodyme: temporary failure"));
    let later = failure(&mailer_to(&sink, &[])).await;
    assert_eq!(meaning(&later), (Reason::Auth, Some(454), false, true));
    assert_eq!(sink.count(), 1);
}

#[tokio::test]
async fn where_plain_is_not_offered_login_lets_in() {
    let credentials = Some(("neodyme".to_owned(), "secret-password".to_owned()));
    let options = SinkOptions { credentials, mechanisms: "XOAUTH2 login", ..SinkOptions::default() };
    let sink = SmtpSink::start_with(Behaviour::Normal, options).await;
    mailer_to(&sink, &[]).send_welcome(&job()).await.unwrap();
    assert_eq!(failure(&mailer_to(&sink, &[("smtp_password", "secret-guess")])).await.code, Some(535));
}

#[tokio::test]
async fn of_an_answer_to_auth_only_its_codes_are_passed_on() {
    for mechanisms in ["PLAIN", "LOGIN"] {
        let credentials = Some(("neodyme".to_owned(), "secret-password".to_owned()));
        let options = SinkOptions { credentials, mechanisms, ..SinkOptions::default() };
        let sink = SmtpSink::start_with(Behaviour::Repeat { verb: Verb::Auth, code: 535 }, options).await;
        let refused = failure(&mailer_to(&sink, &[])).await;
        assert_eq!(meaning(&refused), (Reason::Auth, Some(535), false, true));
        assert_eq!(refused.cause.to_string(), "AUTH: refused with 535 5.7.8");
    }
}

#[tokio::test]
async fn credentials_that_only_one_side_knows_of_are_a_matter_of_authentication() {
    let open = sink(Security::None, None).await;
    let unasked = failure(&mailer_to(&open, &[("smtp_username", "neodyme"), ("smtp_password", "secret")])).await;
    assert_eq!(meaning(&unasked), (Reason::Auth, None, false, true), "{}", unasked.cause);

    let closed = sink(Security::None, Some("secret")).await;
    let host = closed.port().to_string();
    let none = mailer([("smtp_host", "127.0.0.1"), ("smtp_port", &host), ("smtp_tls", "none")]).unwrap();
    assert_eq!(meaning(&failure(&none).await), (Reason::Auth, Some(530), false, true));
}

#[test]
fn settings_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (empty, broken) =
        (file("empty.pem", ""), file("broken.pem", "-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----\n"));
    for (key, value, says) in [
        ("smtp_ca_file", "gone.pem", "smtp_ca_file: gone.pem cannot be used: "),
        ("smtp_ca_file", empty.as_str(), "it holds no certificate"),
        ("smtp_ca_file", broken.as_str(), "broken.pem cannot be used: "),
        ("mail_templates", "gone", "mail_templates: gone cannot be read: No such file"),
    ] {
        let error = mailer([("smtp_host", "mail.example.com"), (key, value)]).map(drop).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(error.setting, key);
    }
}

#[test]
fn a_mailer_says_where_mail_goes() {
    let describe = |settings: &[(&str, &str)]| mailer(settings.iter().copied()).as_ref().map(Mailer::describe).unwrap();
    assert_eq!(describe(&[]), "files in data/mail");
    let host = ("smtp_host", "mail.example.com");
    assert_eq!(describe(&[host]), "smtp mail.example.com:587 starttls");
    assert_eq!(describe(&[host, ("smtp_tls", "tls")]), "smtp mail.example.com:465 tls");
    assert_eq!(describe(&[host, ("smtp_tls", "none"), ("smtp_port", "2525")]), "smtp mail.example.com:2525 none");
}
