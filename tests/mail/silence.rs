//! A server that falls silent costs a delivery its time, and no more.

use std::time::{Duration, Instant};

use crate::fixture::SendWelcome;
use neodyme::outbox::Reason;

use crate::common::smtp::{Behaviour, Identity, Security, SinkOptions, SmtpSink, Verb};
use crate::fixture::{failure, mailer_to, meaning};

const LIMIT: (&str, &str) = ("smtp_timeout", "300ms");
/// For a machine with other things to do.
const GRACE: Duration = Duration::from_secs(5);

async fn assert_times_out(sink: &SmtpSink, what: &str) {
    let start = Instant::now();
    let failure = failure(&mailer_to(sink, &[LIMIT])).await;
    let took = start.elapsed();
    assert_eq!(meaning(&failure), (Reason::Timeout, None, false, true), "{what}: {}", failure.cause);
    let cause = failure.cause.to_string();
    assert!(cause.contains(": no answer within 300ms") || cause.contains(": no word within 300ms"), "{cause}");
    assert!(took >= Duration::from_millis(290) && took < GRACE, "{what}: {took:?}");
    assert_eq!(sink.count(), 0);
}

#[tokio::test]
async fn silence_after_any_command_ends_at_the_limit() {
    for verb in [Verb::Greeting, Verb::Ehlo, Verb::Mail, Verb::Rcpt, Verb::Data, Verb::Message] {
        let sink = SmtpSink::start(Behaviour::HangAfter(verb)).await;
        assert_times_out(&sink, &format!("{verb:?}")).await;
    }
}

#[tokio::test]
async fn an_answer_that_drips_does_not_extend_the_limit() {
    for verb in [Verb::Greeting, Verb::Rcpt, Verb::Message] {
        let sink = SmtpSink::start(Behaviour::DripAfter(verb)).await;
        assert_times_out(&sink, &format!("{verb:?}")).await;
    }
}

#[tokio::test]
async fn silence_in_the_handshake_and_the_authentication_ends_at_the_limit() {
    let credentials = Some(("neodyme".to_owned(), "secret".to_owned()));
    for verb in [Verb::StartTls, Verb::Auth] {
        let security = Security::StartTls(Identity::good());
        let options = SinkOptions { security, credentials: credentials.clone(), ..SinkOptions::default() };
        let sink = SmtpSink::start_with(Behaviour::HangAfter(verb), options).await;
        assert_times_out(&sink, &format!("{verb:?}")).await;
    }
    // A server that waits for the client to speak first, and one that waits for TLS.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let sink = SmtpSink::start(Behaviour::Normal).await;
    for (tls, says) in [
        ("none", "set smtp_tls to tls for such a port"),
        ("starttls", "set smtp_tls to tls for such a port"),
        ("tls", "no answer"),
    ] {
        let silent = failure(&mailer_to(&sink, &[LIMIT, ("smtp_port", &port), ("smtp_tls", tls)])).await;
        assert_eq!(silent.reason, Reason::Timeout, "{tls}");
        assert!(silent.cause.to_string().contains(says), "{}", silent.cause);
    }
}

#[tokio::test]
async fn a_kept_connection_that_fell_silent_leaves_time_for_a_fresh_one() {
    let sink = SmtpSink::start(Behaviour::Normal).await;
    let mailer = mailer_to(&sink, &[("smtp_timeout", "1s")]);
    mailer.send_welcome(&crate::fixture::job()).await.unwrap();
    sink.behave(Behaviour::HangAfter(Verb::Mail));
    let start = Instant::now();
    let silent = failure(&mailer).await;
    assert_eq!(meaning(&silent), (Reason::Timeout, None, false, true));
    assert!(start.elapsed() < Duration::from_secs(1) + GRACE);
    assert_eq!(sink.connections(), 2);
}
