//! A job as it comes back from the database, with anything in it.

use std::collections::BTreeSet;
use std::time::Duration;

use neodyme::accounts::registration::NewcomerPayload;
use neodyme::accounts::topics::WELCOME_EMAIL;
use neodyme::analytics::Event;
use neodyme::config::{Config, Sources};
use neodyme::mail::{Composer, Letter, Mail, MailCode, MailKind};
use serde::Deserialize;
use serde_json::Value;

use super::jobs::{self, assert_told};

/// The headers of a mail, those of its parts included.
const HEADERS: [&str; 10] = [
    "auto-submitted",
    "content-transfer-encoding",
    "content-type",
    "date",
    "from",
    "message-id",
    "mime-version",
    "subject",
    "to",
    "x-request-id",
];

thread_local! {
    static COMPOSER: Composer = {
        let config = Config::load(&Sources::default()).expect("the defaults are a configuration");
        Composer::new(&config.mail).expect("the templates work")
    };
}

/// A payload gives a well-formed mail, the same each time, or a failure that does not repeat it.
///
/// The last line of an input is the request id, which is neodyme's own and not long; what is before it the payload.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (payload, request_id) = text.rsplit_once('\n').unwrap_or((&text, ""));
    let payload = serde_json::from_str(payload).unwrap_or_else(|_| Value::from(payload));
    if let Ok(event) = Event::deserialize(&payload) {
        let written = serde_json::to_value(&event).expect("an event has a JSON form");
        assert_eq!(Event::deserialize(&written).expect("what was read is read again"), event);
    }
    let Ok(newcomer) = NewcomerPayload::deserialize(&payload) else { return };
    let mut job = jobs::job(WELCOME_EMAIL, payload);
    job.request_id = request_id.chars().take(100).collect();
    for kind in MailKind::ALL {
        for code in [None, Some(MailCode { text: "uT9kM2", lifetime: Duration::from_secs(1800) })] {
            let NewcomerPayload { email, full_name, locale, .. } = &newcomer;
            check_mail(&Mail { kind: *kind, job: &job, email, full_name, language: locale.as_ref(), code });
        }
    }
}

fn check_mail(mail: &Mail<'_>) {
    match COMPOSER.with(|composer| (composer.compose(mail), composer.compose(mail))) {
        (Ok(letter), Ok(again)) => {
            assert_eq!(letter.message, again.message);
            assert_well_formed(&letter);
        }
        (Err(failure), Err(_)) => assert_told(&failure),
        _ => panic!("two attempts at one job differ"),
    }
}

fn assert_well_formed(letter: &Letter) {
    let message = &letter.message;
    assert!(!letter.subject.contains(char::is_control), "{:?}", letter.subject);
    let bare = message.replace("\r\n", "");
    assert!(!bare.contains(['\r', '\n', '\0']), "a control character in {message:?}");
    assert!(message.lines().all(|line| line.len() <= 998), "a line is too long (RFC 5322, 2.1.1) in {message}");
    let (head, _) = message.split_once("\r\n\r\n").expect("a head and a body");
    let mut seen = BTreeSet::new();
    for line in head.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])) {
        let name = line.split_once(':').expect("a header has a name").0.to_ascii_lowercase();
        assert!(HEADERS.contains(&name.as_str()), "{name} in {head}");
        assert!(seen.insert(name), "twice: {line} in {head}");
    }
}
