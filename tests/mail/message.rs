//! What arrives.

use crate::fixture::{SendWelcome, letter_of};
use lettre::message::Mailbox;
use neodyme::mail::Composer;
use neodyme::outbox::Payload;
use neodyme::outbox::Reason;
use neodyme::values::{Email, FullName};
use proptest::prelude::*;
use serde_json::json;

use crate::common::smtp::received::decode_words;
use crate::common::smtp::{Behaviour, Received, SinkOptions, SmtpSink};
use crate::fixture::{config, job, job_for, mailer_to, meaning};

#[tokio::test]
async fn a_mail_has_everything_that_readers_and_machines_need() {
    let sink = SmtpSink::start(Behaviour::Normal).await;
    let job = job_for("zoe@example.com", "Zoë O'Brien-Ñandú 王");
    let receipt = mailer_to(&sink, &[]).send_welcome(&job).await.unwrap();
    assert_eq!(receipt.code, Some(250));

    let mail = sink.received().remove(0);
    assert_eq!(
        (mail.from.as_str(), mail.to.as_str(), mail.parameters.as_str()),
        ("hello@example.org", "zoe@example.com", "")
    );
    let names: Vec<_> = mail.headers().into_iter().map(|(name, _)| name).collect();
    let expected = "From To Subject Date Message-ID Auto-Submitted X-Request-ID MIME-Version Content-Type";
    assert_eq!(names, expected.split(' ').collect::<Vec<_>>());
    assert_eq!(mail.header("From"), "Example <hello@example.org>");
    assert_eq!(decode_words(&mail.header("To")), "Zoë O'Brien-Ñandú 王 <zoe@example.com>");
    assert_eq!(mail.header("Subject"), "Welcome to Example");
    assert_eq!(mail.header("Date"), "Sun, 22 Nov 2026 07:31:02 +0000");
    assert_eq!(mail.header("Message-ID"), format!("<{}@example.org>", job.id));
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert_eq!(mail.header("X-Request-ID"), "request-4711");
    assert!(mail.header("Content-Type").starts_with("multipart/alternative;"));
    for kind in ["text/plain", "text/html"] {
        assert!(mail.raw.contains(&format!("Content-Type: {kind}; charset=utf-8\r\n")));
    }
    let [text, html] = mail.parts();
    assert!(text.starts_with("Hello Zoë O'Brien-Ñandú 王,\r\n"), "{text}");
    assert!(text.contains("2026-11-22") && text.contains("zoe@example.com"));
    assert!(html.contains("<bdi>Zoë O&#x27;Brien-Ñandú 王</bdi>"), "{html}");
}

#[tokio::test]
async fn each_attempt_of_a_job_sends_the_same_bytes() {
    let sink = SmtpSink::start(Behaviour::Normal).await;
    let mut job = job();
    mailer_to(&sink, &[]).send_welcome(&job).await.unwrap();
    (job.attempt, job.lease_token) = (2, uuid::Uuid::new_v4());
    mailer_to(&sink, &[]).send_welcome(&job).await.unwrap();
    mailer_to(&sink, &[]).send_welcome(&self::job()).await.unwrap();
    let received = sink.received();
    assert_eq!(received[0].raw, received[1].raw);
    assert_eq!(received[0].job_id(), job.id.to_string());
    assert_ne!(received[0].job_id(), received[2].job_id());
}

#[tokio::test]
async fn an_international_address_needs_a_server_that_takes_it() {
    let job = job_for("josé@bücher.example", "José");
    let sink = SmtpSink::start(Behaviour::Normal).await;
    mailer_to(&sink, &[]).send_welcome(&job).await.unwrap();
    let mail = sink.received().remove(0);
    assert_eq!((mail.to.as_str(), mail.parameters.as_str()), ("josé@xn--bcher-kva.example", "SMTPUTF8 BODY=8BITMIME"));

    for extensions in [vec!["8BITMIME"], vec!["SMTPUTF8"], vec![]] {
        let options = SinkOptions { extensions, ..SinkOptions::default() };
        let sink = SmtpSink::start_with(Behaviour::Normal, options).await;
        let mailer = mailer_to(&sink, &[]);
        let failure = mailer.send_welcome(&job).await.unwrap_err();
        assert_eq!(meaning(&failure), (Reason::NoSmtputf8, None, true, false));
        assert!(failure.cause.to_string().ends_with("the mail server does not take such (SMTPUTF8)"));
        mailer.send_welcome(&self::job()).await.unwrap();
        assert_eq!((sink.count(), sink.connections()), (1, 1));
    }
}

#[tokio::test]
async fn a_sender_with_an_international_domain_is_written_in_ascii() {
    let sink = SmtpSink::start(Behaviour::Normal).await;
    let job = job();
    mailer_to(&sink, &[("mail_from", "Bücher <hallo@bücher.example>")]).send_welcome(&job).await.unwrap();
    let mail = sink.received().remove(0);
    assert_eq!(decode_words(&mail.header("From")), "Bücher <hallo@xn--bcher-kva.example>");
    assert_eq!(mail.header("Message-ID"), format!("<{}@xn--bcher-kva.example>", job.id));
    assert_eq!(decode_words(&mail.header("Subject")), "Welcome to Bücher");
}

#[tokio::test]
async fn a_payload_that_cannot_be_read_fails_for_good_and_is_not_repeated() {
    let sink = SmtpSink::start(Behaviour::Normal).await;
    let mailer = mailer_to(&sink, &[]);
    for payload in [
        json!({}),
        json!("jane.canary@example.com"),
        json!({"email": 1, "full_name": "Jane"}),
        json!({"email": "jane.canary", "full_name": "Jane"}),
        json!({"email": "jane.canary@example.com\r\nRCPT TO:<secret@example.com>", "full_name": "Jane"}),
        json!({"email": "jane.canary@example.com", "full_name": "Jane\r\nBcc: secret@example.com"}),
    ] {
        let mut job = job();
        job.payload = Payload::new(payload);
        let failure = mailer.send_welcome(&job).await.unwrap_err();
        assert_eq!(meaning(&failure), (Reason::Payload, None, true, false));
        crate::fixture::assert_names_nobody(&failure);
    }
    assert_eq!(sink.connections(), 0);
}

#[tokio::test]
async fn a_template_that_fails_for_one_user_is_the_operators_to_repair() {
    let folder = tempfile::tempdir().unwrap();
    let template = "{% if full_name == 'Jane Quetzalcoatl' %}{{ missing }}{% endif %}Hi";
    std::fs::write(folder.path().join("welcome.txt"), template).unwrap();
    let sink = SmtpSink::start(Behaviour::Normal).await;
    let mailer = mailer_to(&sink, &[("mail_templates", folder.path().to_str().unwrap())]);
    let failure = crate::fixture::failure(&mailer).await;
    assert_eq!(meaning(&failure), (Reason::Payload, None, false, true));
    assert!(failure.cause.to_string().starts_with("welcome.txt:1: undefined value"), "{}", failure.cause);
}

#[tokio::test]
async fn whatever_address_is_accepted_is_sent_to() {
    for (email, to) in [
        ("\"a b\"@example.com", "\"a b\"@example.com"),
        ("\"a@b\"@example.com", "\"a@b\"@example.com"),
        ("\"a>b\\\\\\\"c\"@example.com", "\"a>b\\\\\\\"c\"@example.com"),
        ("\"john\"@example.com", "john@example.com"),
        ("o'brien+tag=1@example.com", "o'brien+tag=1@example.com"),
        ("संपर्क@डाटामेल.भारत", "संपर्क@xn--c2bd4bq1db8d.xn--h2brj9c"),
        ("jose\u{301}@example.com", "jos\u{e9}@example.com"),
    ] {
        let sink = SmtpSink::start(Behaviour::Normal).await;
        mailer_to(&sink, &[]).send_welcome(&job_for(email, "Jane")).await.unwrap();
        let mail = sink.received().remove(0);
        assert_eq!(mail.to, to);
        assert_eq!(mail.header("To"), format!("Jane <{to}>"));
        assert_eq!(mail.parameters, if to.is_ascii() { "" } else { "SMTPUTF8 BODY=8BITMIME" });
    }
}

#[tokio::test]
async fn a_name_that_is_a_message_is_left_out() {
    let sink = SmtpSink::start(Behaviour::Normal).await;
    let mailer = mailer_to(&sink, &[]);
    for name in ["You won! http://example.net/x", "evil.example.net", "Call 0800 555 1234", "<b>Jane</b>"] {
        mailer.send_welcome(&job_for("jane@example.com", name)).await.unwrap();
        let mail = sink.received().pop().unwrap();
        assert_eq!(mail.header("To"), "jane@example.com");
        let [text, html] = mail.parts();
        assert!(text.starts_with("Hello,\r\n") && html.contains(">Hello,</h1>"), "{text}");
        assert!(!mail.raw.contains(name) && !text.contains(name) && !html.contains("Jane"), "{text}");
    }
}

/// Names that try to be something else.
fn names() -> impl Strategy<Value = String> {
    let hostile = "(Jane|[<>&\"'=?:,;()@\\\\%{}\\[\\].\r\n\t\0]|\r\nBcc: x@example.com|=\\?utf-8\\?q\\?=0A\\?=|</bdi><script>|\\{\\{ email \\}\\}|é|王|\u{1f600}|\u{202e}| ){1,40}";
    prop_oneof![
        any::<String>(),
        hostile.prop_map(String::from),
        "\\PC{200,255}".prop_map(String::from),
        "[ '().,A-Za-zéß王-]{1,40}"
    ]
}

proptest! {
    #[test]
    fn neither_name_nor_address_nor_request_id_inject_anything(
        name in names(),
        local in "[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{1,40}|\"[ -~]{1,20}\"|[a-zé王]{1,20}",
        request_id in any::<String>(),
    ) {
        let composer = Composer::new(&config([("mail_from", "Example <hello@example.org>")])).unwrap();
        let mut job = job_for(&format!("{local}@example.com"), &name);
        job.request_id = request_id;
        let Ok(letter) = letter_of(&composer, &job) else { return Ok(()) };
        prop_assert!(!letter.message.replace("\r\n", "").contains(['\r', '\n']));

        let mail = Received {
            from: String::new(), to: String::new(), parameters: String::new(), encrypted: false, raw: letter.message,
        };
        let names: Vec<_> = mail.headers().into_iter().map(|(name, _)| name).collect();
        let expected = "From To Subject Date Message-ID Auto-Submitted X-Request-ID MIME-Version Content-Type";
        prop_assert_eq!(names, expected.split(' ').collect::<Vec<_>>());
        for line in mail.raw.split("\r\n") {
            prop_assert!(line.len() <= 998, "{}", line);
        }
        let to = mail.header("To");
        let [text, html] = mail.parts();
        let email = Email::parse(&format!("{local}@example.com")).unwrap();
        if to == email.expose() {
            prop_assert!(text.starts_with("Hello,\r\n"), "{}", text);
            return Ok(());
        }
        let shown = to.strip_suffix(&format!(" <{}>", email.expose())).unwrap();
        let quoted = shown.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let unquoted = |text: &str| text.replace("\\\"", "\"").replace("\\\\", "\\");
        // Outside of quotes there are atoms and encoded words (RFC 5322, 3.2.3).
        prop_assert!(quoted.is_some() || !shown.contains(['.', ',', '(', ')', '<', '>', '@', ':', ';', '"', '\\', '[', ']']), "{}", shown);
        let shown = quoted.map_or_else(|| decode_words(shown), unquoted);
        let full_name = FullName::parse(&name).unwrap();
        prop_assert_eq!(&shown, full_name.expose());

        let greeting = format!("Hello {},\r\n", full_name.expose());
        prop_assert!(text.starts_with(&greeting), "{}", text);
        let written = html.split_once("<bdi>").unwrap().1.split_once("</bdi>").unwrap().0;
        prop_assert!(!written.contains(['<', '>', '"', '\'']), "{}", written);
    }

    #[test]
    fn an_address_that_is_accepted_can_be_mailed(
        local in "[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}|\"[ -~]{1,30}\"|\\PC{1,20}",
        domain in "[a-z0-9-]{1,12}\\.[a-z0-9-]{1,9}|\\PC{1,9}\\.\\PC{1,4}|[0-9.]{3,15}",
    ) {
        let address = format!("{local}@{domain}");
        let Ok(email) = Email::parse(&address) else { return Ok(()) };
        let composer = Composer::new(&config([("mail_from", "Example <hello@example.org>")])).unwrap();
        let letter = letter_of(&composer, &job_for(&address, "Jane")).unwrap();
        let header = format!("\r\nTo: Jane <{}>\r\n", email.expose());
        prop_assert!(letter.message.contains(&header), "{}", letter.message);
        prop_assert!(email.expose().len() + "RCPT TO:<>\r\n".len() <= 512);
    }

    #[test]
    fn a_sender_of_any_name_gives_one_subject(name in "[^\\p{C}<>\"]{1,60}") {
        let address: lettre::Address = "hello@example.org".parse().unwrap();
        let mut mail = config([]);
        mail.from = Mailbox::new(Some(name), address);
        let letter = letter_of(&Composer::new(&mail).unwrap(), &job()).unwrap();
        prop_assert!(!letter.subject.contains(['\r', '\n']));
    }
}
