//! How neodyme introduces itself to a mail server.

use crate::fixture::SendWelcome;
use neodyme::outbox::Reason;

use crate::common::smtp::{Behaviour, Identity, Security, SinkOptions, SmtpSink, Verb};
use crate::fixture::{failure, job, mailer_to, meaning};

/// The first commands that the server has heard.
fn heard(sink: &SmtpSink, count: usize) -> Vec<String> {
    sink.commands().into_iter().take(count).collect()
}

#[tokio::test]
async fn a_name_that_is_set_is_given() {
    for (name, given) in [
        ("app1.example.com", "EHLO app1.example.com"),
        ("192.0.2.1", "EHLO [192.0.2.1]"),
        ("[IPv6:2001:db8::1]", "EHLO [IPv6:2001:db8::1]"),
        ("bücher.example", "EHLO xn--bcher-kva.example"),
    ] {
        let sink = SmtpSink::start(Behaviour::Normal).await;
        mailer_to(&sink, &[("smtp_helo_name", name)]).send_welcome(&job()).await.unwrap();
        assert_eq!(heard(&sink, 1), [given]);
    }
}

#[tokio::test]
async fn without_a_name_it_is_one_that_can_be_looked_up_or_an_address() {
    let sink = SmtpSink::start(Behaviour::Normal).await;
    mailer_to(&sink, &[]).send_welcome(&job()).await.unwrap();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let given = if host.contains('.') { host.trim() } else { "[127.0.0.1]" };
    assert_eq!(heard(&sink, 1), [format!("EHLO {given}")]);
}

#[tokio::test]
async fn a_server_that_knows_no_ehlo_hears_helo() {
    for code in [500, 502, 504] {
        let sink = SmtpSink::start(Behaviour::refuse(Verb::Ehlo, code, "5.5.1 what?")).await;
        mailer_to(&sink, &[("smtp_helo_name", "app1.example.com")]).send_welcome(&job()).await.unwrap();
        assert_eq!(heard(&sink, 2), ["EHLO app1.example.com", "HELO app1.example.com"]);
    }
}

#[tokio::test]
async fn where_tls_has_to_come_a_server_without_ehlo_hears_no_more() {
    let options = SinkOptions { security: Security::StartTls(Identity::good()), ..SinkOptions::default() };
    let sink = SmtpSink::start_with(Behaviour::refuse(Verb::Ehlo, 502, "5.5.1 what?"), options).await;
    let refused = failure(&mailer_to(&sink, &[("smtp_helo_name", "app1.example.com")])).await;
    assert_eq!(meaning(&refused), (Reason::SenderRefused, Some(502), false, true));
    assert_eq!(refused.cause.to_string(), "EHLO app1.example.com: 502 5.5.1 what?");
    assert_eq!(sink.commands(), ["EHLO app1.example.com"]);
}

#[tokio::test]
async fn the_command_that_was_refused_is_named() {
    let refusal = "5.5.2 need a fully-qualified hostname";
    for (verb, code, says) in
        [(Verb::Greeting, 554, "greeting: 554 5.5.2 need"), (Verb::Ehlo, 550, "EHLO app1.example.com: 550 5.5.2 need")]
    {
        let sink = SmtpSink::start(Behaviour::refuse(verb, code, refusal)).await;
        let refused = failure(&mailer_to(&sink, &[("smtp_helo_name", "app1.example.com")])).await;
        assert!(refused.cause.to_string().starts_with(says), "{}", refused.cause);
    }
}
