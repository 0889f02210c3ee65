//! A server that refuses, breaks off, or does not speak SMTP: what that means for the job and for all others.

use crate::fixture::SendWelcome;
use neodyme::outbox::Reason;

use crate::common::smtp::{Behaviour, SmtpSink, Verb};
use crate::fixture::{CANARY, Meaning, failure, mailer_to, meaning};

/// What a server says who wants to be rid of somebody.
const TEXT: &str = "5.1.1 <jane.canary@example.com>: Jane Quetzalcoatl, jane.canary%40example.com is not wanted";

const TRANSIENT: bool = false;
const PERMANENT: bool = true;
const THIS_MAIL: bool = false;
const EVERY_MAIL: bool = true;

async fn behaving(behaviour: Behaviour) -> (Meaning, String, SmtpSink) {
    let sink = SmtpSink::start(behaviour).await;
    let failure = failure(&mailer_to(&sink, &[])).await;
    assert_eq!(sink.count(), 0);
    (meaning(&failure), failure.cause.to_string(), sink)
}

#[tokio::test]
async fn a_refusal_means_what_it_was_the_answer_to() {
    use Reason::{Auth, Refused4xx, Refused5xx, SenderRefused};
    for (verb, code, reason, permanent, service_down) in [
        (Verb::Greeting, 554, SenderRefused, TRANSIENT, EVERY_MAIL),
        (Verb::Greeting, 421, Refused4xx, TRANSIENT, EVERY_MAIL),
        (Verb::Ehlo, 550, SenderRefused, TRANSIENT, EVERY_MAIL),
        (Verb::Ehlo, 451, Refused4xx, TRANSIENT, EVERY_MAIL),
        (Verb::Mail, 550, SenderRefused, TRANSIENT, EVERY_MAIL),
        (Verb::Mail, 452, Refused4xx, TRANSIENT, EVERY_MAIL),
        (Verb::Mail, 530, Auth, TRANSIENT, EVERY_MAIL),
        (Verb::Rcpt, 450, Refused4xx, TRANSIENT, THIS_MAIL),
        (Verb::Rcpt, 451, Refused4xx, TRANSIENT, THIS_MAIL),
        (Verb::Rcpt, 452, Refused4xx, TRANSIENT, THIS_MAIL),
        (Verb::Rcpt, 421, Refused4xx, TRANSIENT, EVERY_MAIL),
        (Verb::Rcpt, 550, Refused5xx, PERMANENT, THIS_MAIL),
        (Verb::Rcpt, 535, Auth, TRANSIENT, EVERY_MAIL),
        (Verb::Data, 451, Refused4xx, TRANSIENT, THIS_MAIL),
        (Verb::Rcpt, 554, Refused5xx, TRANSIENT, THIS_MAIL),
        (Verb::Data, 550, Refused5xx, PERMANENT, THIS_MAIL),
        (Verb::Data, 554, Refused5xx, TRANSIENT, THIS_MAIL),
        (Verb::Message, 421, Refused4xx, TRANSIENT, EVERY_MAIL),
        (Verb::Message, 452, Refused4xx, TRANSIENT, THIS_MAIL),
        (Verb::Message, 552, Refused5xx, PERMANENT, THIS_MAIL),
        (Verb::Message, 554, Refused5xx, TRANSIENT, THIS_MAIL),
    ] {
        let (meaning, cause, _) = behaving(Behaviour::refuse(verb, code, TEXT)).await;
        assert_eq!(meaning, (reason, Some(code), permanent, service_down), "{verb:?} {code}: {cause}");
        assert!(cause.ends_with(&format!(": {code} 5.1.1 … … … … is not wanted")), "{cause}");
    }
}

#[tokio::test]
async fn a_refusal_for_a_policy_is_of_us_and_not_of_the_recipient() {
    for verb in [Verb::Rcpt, Verb::Data, Verb::Message] {
        let (meaning, cause, _) = behaving(Behaviour::refuse(verb, 550, "5.7.1 relaying denied")).await;
        assert_eq!(meaning, (Reason::Refused5xx, Some(550), TRANSIENT, THIS_MAIL), "{verb:?}: {cause}");
    }
}

#[tokio::test]
async fn an_answer_of_several_lines_is_one_cause() {
    let text = format!("-first, <{CANARY}>\r\n550 5.1.1 last");
    let sink = SmtpSink::start(Behaviour::refuse(Verb::Rcpt, 550, &text)).await;
    let failure = failure(&mailer_to(&sink, &[])).await;
    assert_eq!(meaning(&failure), (Reason::Refused5xx, Some(550), PERMANENT, THIS_MAIL));
    assert_eq!(failure.cause.to_string(), "RCPT TO: 550 first, … 5.1.1 last");
}

#[tokio::test]
async fn what_a_terminal_would_obey_is_written_out() {
    let (_, cause, _) =
        behaving(Behaviour::refuse(Verb::Rcpt, 550, "5.1.1 \u{202e}no\u{1b}[2J\u{200f} \u{9b}\u{feff}x")).await;
    assert_eq!(cause, "RCPT TO: 550 5.1.1 \\u{202e}no [2J\\u{200f} \\u{feff}x");
}

#[tokio::test]
async fn a_server_that_breaks_off_is_out_of_order() {
    for verb in [Verb::Greeting, Verb::Ehlo, Verb::Mail, Verb::Rcpt, Verb::Data, Verb::Message] {
        let (meaning, cause, _) = behaving(Behaviour::CloseAfter(verb)).await;
        assert_eq!(meaning, (Reason::Protocol, None, TRANSIENT, EVERY_MAIL), "{verb:?}: {cause}");
    }
    let (meaning, cause, _) = behaving(Behaviour::CloseMidData).await;
    assert_eq!(meaning, (Reason::Protocol, None, TRANSIENT, EVERY_MAIL), "{cause}");
}

#[tokio::test]
async fn garbage_is_no_answer() {
    for verb in [Verb::Greeting, Verb::Ehlo, Verb::Mail, Verb::Rcpt, Verb::Data, Verb::Message] {
        let (meaning, cause, _) = behaving(Behaviour::GarbageAfter(verb)).await;
        assert_eq!(meaning, (Reason::Protocol, None, TRANSIENT, EVERY_MAIL), "{verb:?}: {cause}");
        assert!(cause.contains(": the answer is not SMTP, or broke off"), "{cause}");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_the_end() {
    for verb in [Verb::Greeting, Verb::Mail, Verb::Message] {
        let (meaning, cause, _) = behaving(Behaviour::FloodAfter(verb)).await;
        assert_eq!(meaning, (Reason::Protocol, None, TRANSIENT, EVERY_MAIL), "{verb:?}: {cause}");
        assert!(cause.contains("the answer has no end"), "{cause}");
    }
}

#[tokio::test]
async fn a_yes_to_another_question_is_not_taken_for_an_answer() {
    let (meaning, cause, sink) = behaving(Behaviour::OutOfStep).await;
    assert_eq!(meaning, (Reason::Protocol, None, TRANSIENT, EVERY_MAIL));
    assert_eq!(cause, "DATA: the answer 250 is out of step");
    assert!(sink.commands().last().unwrap().starts_with("DATA"));
}

#[tokio::test]
async fn without_a_server_there_is_no_connection() {
    let mut sink = SmtpSink::start(Behaviour::Normal).await;
    sink.go_down().await;
    let mailer = mailer_to(&sink, &[]);
    let down = failure(&mailer).await;
    assert_eq!(meaning(&down), (Reason::Connect, None, TRANSIENT, EVERY_MAIL));
    assert!(down.cause.to_string().contains("refused"), "{}", down.cause);
    for tls in ["starttls", "tls"] {
        assert_eq!(failure(&mailer_to(&sink, &[("smtp_tls", tls)])).await.reason, Reason::Connect);
        let nowhere = mailer_to(&sink, &[("smtp_tls", tls), ("smtp_host", "no-such-host.invalid")]);
        assert_eq!(failure(&nowhere).await.reason, Reason::Dns);
    }
    sink.come_back().await;
    mailer.send_welcome(&crate::fixture::job()).await.unwrap();
}
