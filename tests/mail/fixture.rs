//! A job, a mailer, and what is expected of a failure.

use std::error::Error;

use neodyme::accounts::registration::NewcomerPayload;
use neodyme::accounts::topics::WELCOME_EMAIL;
use neodyme::config::{Config, MailConfig, Sources};
use neodyme::mail::{Composer, InvalidSetting, Letter, Mail, MailKind, Mailer};
use neodyme::outbox::Effect;
use neodyme::outbox::{Age, Failure, HandedOver, Job, Payload, Reason, Receipt};
use serde::Deserialize;
use serde_json::json;
use time::macros::datetime;
use uuid::Uuid;

use crate::common::smtp::SmtpSink;

/// Nobody else has this address: where it turns up, it was passed on.
pub const CANARY: &str = "jane.canary@example.com";

/// A job for the canary.
pub fn job() -> Job {
    job_for(CANARY, "Jane Quetzalcoatl")
}

/// A job for this user.
pub fn job_for(email: &str, full_name: &str) -> Job {
    Job {
        id: Uuid::now_v7(),
        topic: WELCOME_EMAIL,
        payload: Payload::new(json!({ "email": email, "full_name": full_name })),
        user_id: Some(Uuid::now_v7()),
        request_id: "request-4711".into(),
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into(),
        attempt: 1,
        created_at: datetime!(2026-11-22 08:31:02.000120 +01:00),
        age: Age::default(),
        lease_token: Uuid::new_v4(),
        failing_since: None,
        handed_over: HandedOver::default(),
    }
}

/// The configuration with these settings.
pub fn config<'a>(settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> MailConfig {
    let variable = |(key, value): (&str, &str)| (format!("NEODYME_{}", key.to_uppercase()).into(), value.into());
    let environment = settings.into_iter().map(variable).collect();
    Config::load(&Sources { environment, ..Sources::default() }).unwrap().mail
}

/// A mailer with these settings.
pub fn mailer<'a>(settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Mailer, InvalidSetting> {
    Mailer::new(&config(settings))
}

/// A mailer for this server, with more settings that come last.
pub fn mailer_to(sink: &SmtpSink, more: &[(&str, &str)]) -> Mailer {
    let settings = sink.settings();
    let from = ("mail_from", "Example <hello@example.org>");
    let own =
        settings.iter().map(|(key, value)| (*key, value.as_str())).filter(|(key, _)| !more.iter().any(|m| m.0 == *key));
    mailer(own.chain([from]).chain(more.iter().copied())).unwrap()
}

/// A mailer makes an attempt at a job, as its topic does.
pub trait SendWelcome {
    async fn send_welcome(&self, job: &Job) -> Result<Receipt, Failure>;
}

/// The letter of a job, as its topic has it written.
pub fn letter_of(composer: &Composer, job: &Job) -> Result<Letter, Failure> {
    let payload = NewcomerPayload::deserialize(job.payload.expose()).unwrap();
    composer.compose(&Mail {
        kind: MailKind::Welcome,
        job,
        email: &payload.email,
        full_name: &payload.full_name,
        language: payload.locale.as_ref(),
        code: None,
    })
}

impl SendWelcome for Mailer {
    async fn send_welcome(&self, job: &Job) -> Result<Receipt, Failure> {
        let payload = NewcomerPayload::deserialize(job.payload.expose());
        let payload = payload.map_err(|_| Failure::unreadable("it is not one of this topic"))?;
        self.send(&Mail {
            kind: MailKind::Welcome,
            job,
            email: &payload.email,
            full_name: &payload.full_name,
            language: payload.locale.as_ref(),
            code: None,
        })
        .await
    }
}

/// What a failure means: reason, code, permanent, service_down.
pub type Meaning = (Reason, Option<u16>, bool, bool);

/// Sends one email, which fails. It does so without a word about the user.
pub async fn failure(mailer: &Mailer) -> Failure {
    let failure = mailer.send_welcome(&job()).await.unwrap_err();
    assert_names_nobody(&failure);
    failure
}

pub fn meaning(failure: &Failure) -> Meaning {
    (failure.reason, failure.code, (failure.effect == Effect::GiveUp), (failure.effect == Effect::ServiceDown))
}

/// Whoever logs it, however they log it, names nobody.
pub fn assert_names_nobody(failure: &Failure) {
    let mut texts = format!("{failure} {failure:?}");
    let mut cause: Option<&(dyn Error + 'static)> = failure.source();
    while let Some(error) = cause {
        texts += &format!(" {error} {error:?}");
        cause = error.source();
    }
    let texts = texts.to_lowercase();
    for private in ["@", "canary", "jane", "quetzalcoatl", "secret"] {
        assert!(!texts.contains(private), "{private} in {texts}");
    }
}
