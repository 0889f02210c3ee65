//! Connections are kept from mail to mail, and nobody notices when a server ends one.

use crate::fixture::SendWelcome;
use futures_util::future::join_all;
use neodyme::outbox::Reason;

use crate::common::eventually;
use crate::common::smtp::{Behaviour, SmtpSink};
use crate::fixture::{CANARY, job, job_for, mailer_to, meaning};

#[tokio::test]
async fn mails_in_a_row_share_a_connection() {
    let sink = SmtpSink::start(Behaviour::Normal).await;
    let mailer = mailer_to(&sink, &[]);
    for _ in 0..20 {
        mailer.send_welcome(&job()).await.unwrap();
    }
    assert_eq!((sink.count(), sink.connections()), (20, 1));
    mailer.end().await;
    eventually("the client takes its leave", async || sink.commands().contains(&"QUIT".to_owned()).then_some(())).await;
}

#[tokio::test]
async fn mails_at_once_have_a_connection_each() {
    let sink = SmtpSink::start(Behaviour::Normal).await;
    let mailer = mailer_to(&sink, &[]);
    for _ in 0..10 {
        let jobs: Vec<_> = (0..8).map(|_| job()).collect();
        for sent in join_all(jobs.iter().map(|job| mailer.send_welcome(job))).await {
            sent.unwrap();
        }
    }
    assert_eq!(sink.count(), 80);
    assert!(sink.connections() <= 8, "{}", sink.connections());
}

#[tokio::test]
async fn a_connection_that_the_server_closed_meanwhile_is_no_failure() {
    let mut sink = SmtpSink::start(Behaviour::Normal).await;
    let mailer = mailer_to(&sink, &[]);
    mailer.send_welcome(&job()).await.unwrap();
    sink.drop_idle_connections();
    mailer.send_welcome(&job()).await.unwrap();
    sink.go_down().await;
    sink.come_back().await;
    mailer.send_welcome(&job()).await.unwrap();
    assert_eq!((sink.count(), sink.connections()), (3, 3));
}

#[tokio::test]
async fn a_server_that_wants_few_mails_per_connection_gets_all_of_them() {
    let sink = SmtpSink::start(Behaviour::CloseAfterMails(2)).await;
    let mailer = mailer_to(&sink, &[]);
    for _ in 0..6 {
        mailer.send_welcome(&job()).await.unwrap();
    }
    assert_eq!((sink.count(), sink.connections()), (6, 3));
}

#[tokio::test]
async fn a_refused_recipient_does_not_cost_the_connection() {
    let sink = SmtpSink::start(Behaviour::RefuseRecipient(CANARY.into())).await;
    let mailer = mailer_to(&sink, &[]);
    for round in 1..=3 {
        let failure = mailer.send_welcome(&job()).await.unwrap_err();
        assert_eq!(meaning(&failure), (Reason::Refused5xx, Some(550), true, false));
        crate::fixture::assert_names_nobody(&failure);
        mailer.send_welcome(&job_for("ada@example.com", "Ada")).await.unwrap();
        assert_eq!((sink.count(), sink.connections()), (round, 1));
    }
    assert_eq!(sink.commands().iter().filter(|line| *line == "RSET").count(), 3);
}
