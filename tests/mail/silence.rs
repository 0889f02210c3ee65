//! A server that falls silent costs a delivery its time, and no more.

use std::time::{Duration, Instant};

use crate::fixture::SendWelcome;
use neodyme::outbox::Reason;

use crate::common::smtp::{Behaviour, Identity, Security, SinkOptions, SmtpSink, Verb};
use crate::fixture::{failure, mailer_to, meaning};

const LIMIT: (&str, &str) = ("smtp_timeout", "300ms");
const LIMIT_OF_THE_ANSWER: (&str, &str) = ("smtp_data_timeout", "300ms");
/// For a machine with other things to do.
const GRACE: Duration = Duration::from_secs(5);

async fn assert_times_out(sink: &SmtpSink, what: &str) {
    let start = Instant::now();
    let failure = failure(&mailer_to(sink, &[LIMIT, LIMIT_OF_THE_ANSWER])).await;
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

/// RFC 5321, 4.5.3.2.6: to send a mail again that the server may have taken is to send it twice.
#[tokio::test]
async fn the_answer_to_a_message_is_waited_for_beyond_the_limit() {
    let sink = SmtpSink::start(Behaviour::SlowToTake(Duration::from_secs(1))).await;
    mailer_to(&sink, &[LIMIT]).send_welcome(&crate::fixture::job()).await.unwrap();
    assert_eq!(sink.count(), 1);
}

#[tokio::test]
async fn a_message_that_was_not_answered_may_have_been_sent_and_no_other() {
    use Verb::{Data, Message, Rcpt};
    for (behaviour, perhaps) in [
        (Behaviour::HangAfter(Message), true),
        (Behaviour::CloseAfter(Message), true),
        (Behaviour::GarbageAfter(Message), true),
        (Behaviour::refuse(Message, 452, "4.3.1 no room"), false),
        // All of it was written: what the server read of it, nobody knows.
        (Behaviour::CloseMidData, true),
        (Behaviour::HangAfter(Data), false),
        (Behaviour::CloseAfter(Rcpt), false),
    ] {
        let sink = SmtpSink::start(behaviour.clone()).await;
        let job = crate::fixture::job();
        let failure = mailer_to(&sink, &[LIMIT, LIMIT_OF_THE_ANSWER]).send_welcome(&job).await.unwrap_err();
        assert_eq!(job.handed_over.since().is_some(), perhaps, "{behaviour:?}: {failure:?}");
        assert_eq!(failure.in_words().ends_with("; it may have been sent"), perhaps, "{}", failure.in_words());
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
