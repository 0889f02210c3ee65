//! Jobs: what is to be done after a commit, and how an attempt at it can end.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::origin::Origin;
use crate::error::{Cause, chain_in_words};
use crate::label::labels;
use crate::redaction::redact;

/// What is kept of the words about a failure, in bytes.
const LONGEST_WORDS: usize = 200;

/// The name of a topic: what a job does. Topics themselves are made with [`Topic`](crate::outbox::Topic).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TopicName(&'static str);

impl TopicName {
    /// A name, in snake case.
    pub const fn new(name: &'static str) -> Self {
        TopicName(name)
    }

    /// The name, as the database, the log and the metrics have it.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// With what a job does it. Printing does not show it: it is personal.
#[derive(Clone, PartialEq)]
pub struct Payload(Value);

impl Payload {
    /// A payload.
    pub fn new(value: Value) -> Self {
        Payload(value)
    }

    /// The payload itself.
    pub fn expose(&self) -> &Value {
        &self.0
    }

    /// The payload without the code that it may carry: that is for who gets the email, and for nobody else.
    pub fn without_code(&self) -> Value {
        let mut shown = self.0.clone();
        if let Some(code) = shown.get_mut("code") {
            *code = "…".into();
        }
        shown
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Payload(…)")
    }
}

labels! {
    /// Where a job stands.
    pub enum JobState("state") {
        /// It waits for its time.
        Pending = "pending",
        /// An instance works on it, under a lease.
        Running = "running",
        /// It is done.
        Delivered = "delivered",
        /// It failed for good and waits for an operator.
        Dead = "dead",
    }
}

labels! {
    /// Why an attempt failed.
    pub enum Reason("reason") {
        /// No connection.
        Connect = "connect",
        /// The host's name has no address, or nobody could be asked for it.
        Dns = "dns",
        /// No trusted TLS.
        Tls = "tls",
        /// The certificate of the other side has expired.
        TlsExpired = "tls_expired",
        /// Not let in.
        Auth = "auth",
        /// SMTP: this host or its sender is refused, whoever the recipient is.
        SenderRefused = "sender_refused",
        /// No answer in time.
        Timeout = "timeout",
        /// SMTP: refused for now. HTTP: refused as a client's fault.
        Refused4xx = "refused_4xx",
        /// SMTP: refused for good. HTTP: the service failed.
        Refused5xx = "refused_5xx",
        /// SMTP: the address has letters beyond ASCII, and the server takes no such.
        NoSmtputf8 = "no_smtputf8",
        /// HTTP: the answer is not the service's: another page, a redirect, no such path.
        NotTheService = "not_the_service",
        /// HTTP: the other side wants no more, ever.
        Gone = "gone",
        /// What the other side said made no sense, or broke off.
        Protocol = "protocol",
        /// The job itself cannot be read.
        Payload = "payload",
        /// A file could not be written.
        Io = "io",
    }
}

impl Reason {
    /// Whether somebody has to correct a setting or a right, here or there: it does not pass by itself, and is the same for
    /// every job.
    pub const fn needs_an_operator(self) -> bool {
        use Reason::{Auth, Gone, NotTheService, SenderRefused, Tls, TlsExpired};
        matches!(self, Auth | Tls | TlsExpired | SenderRefused | NotTheService | Gone)
    }
}

/// A job as it is put into the outbox, in the transaction that causes it.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// A UUIDv7.
    pub id: Uuid,
    /// What it does.
    pub topic: TopicName,
    /// With what; emptied once it is done.
    pub payload: Payload,
    /// For whom.
    pub user_id: Option<Uuid>,
    /// The request that caused it.
    pub request_id: String,
    /// The trace of that request, as a call made for the job carries it on.
    pub traceparent: String,
    /// When it was caused.
    pub created_at: OffsetDateTime,
}

impl NewJob {
    /// What a line of the log says of it.
    pub fn shown(&self) -> Value {
        json!({ "topic": self.topic.as_str(), "job_id": self.id })
    }
}

/// A job that this instance has claimed.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// What it does.
    pub topic: TopicName,
    /// With what.
    pub payload: Payload,
    /// For whom.
    pub user_id: Option<Uuid>,
    /// The request that caused it.
    pub request_id: String,
    /// The trace of that request.
    pub traceparent: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// When it was caused, by the clock of the database.
    pub created_at: OffsetDateTime,
    /// How long ago that is.
    pub age: Age,
    /// Proves that the job is still this instance's.
    pub lease_token: Uuid,
    /// Since when it has failed for its own sake.
    pub failing_since: Option<OffsetDateTime>,
    /// How far this attempt has come.
    pub handed_over: HandedOver,
}

/// Whether an attempt has said everything and waits for the answer. If none comes, nobody knows whether it was done. A clone
/// is the same one.
#[derive(Clone, Debug, Default)]
pub struct HandedOver(Arc<Mutex<Option<Instant>>>);

impl HandedOver {
    /// Everything is said.
    pub fn begin(&self) {
        *self.state() = Some(Instant::now());
    }

    /// The answer is here, or nothing has been said yet.
    pub fn end(&self) {
        *self.state() = None;
    }

    /// Since when there is no answer, where everything is said.
    pub fn since(&self) -> Option<Instant> {
        *self.state()
    }

    fn state(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How old something is: nobody's clock is asked but when it is read.
#[derive(Clone, Copy, Debug)]
pub struct Age {
    when_read: Duration,
    read: Instant,
}

impl Default for Age {
    /// Of what is new.
    fn default() -> Self {
        Self::new(Duration::ZERO)
    }
}

impl Age {
    /// Of what was so old when it was read, just now.
    pub fn new(when_read: Duration) -> Self {
        Age { when_read, read: Instant::now() }
    }

    /// As of now.
    pub fn now(self) -> Duration {
        self.when_read + self.read.elapsed()
    }
}

impl Job {
    /// The id of the trace that caused it.
    pub fn trace_id(&self) -> &str {
        self.traceparent.split('-').nth(1).unwrap_or_default()
    }

    /// What caused it; the address that that came from is not kept.
    pub fn origin(&self) -> Origin {
        Origin {
            request_id: self.request_id.clone(),
            trace_id: self.trace_id().to_owned(),
            traceparent: self.traceparent.clone(),
            client_ip: None,
        }
    }
}

/// What the other side said to an attempt that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The SMTP reply or HTTP status, where there is one.
    pub code: Option<u16>,
    /// Why the service was not asked at all, where there was nothing to ask it for.
    pub withheld: Option<&'static str>,
}

/// What a failure means for the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// This job is tried again; others are not affected.
    RetryJob,
    /// This job is tried again. Where one new job after the other fares the same, it is not for their own sake, and the
    /// service is out of order for every job.
    DoubtService,
    /// The service is out of order for every job.
    ServiceDown,
    /// Another attempt would end the same way: an operator has to look.
    GiveUp,
}

/// Why an attempt failed, and what that means for the next one.
#[derive(Debug, thiserror::Error)]
#[error("{}{}", reason.as_str(), code.map(|code| format!(" ({code})")).unwrap_or_default())]
pub struct Failure {
    /// The class of the failure.
    pub reason: Reason,
    /// What it means for the next attempt.
    pub effect: Effect,
    /// The SMTP reply or HTTP status, where there was one.
    pub code: Option<u16>,
    /// When the service wants to be asked again.
    pub retry_after: Option<Duration>,
    /// What an operator can do, where that is plain and the reason alone does not say it.
    pub remedy: Option<&'static str>,
    /// What was said; never an address.
    #[source]
    pub cause: Cause,
}

impl Failure {
    /// A failure of which no more is known.
    pub fn new(reason: Reason, effect: Effect, cause: impl Into<Cause>) -> Self {
        Failure { reason, effect, code: None, retry_after: None, remedy: None, cause: cause.into() }
    }

    /// A job whose payload cannot be used; why.
    pub fn unreadable(why: &str) -> Self {
        Failure::new(Reason::Payload, Effect::GiveUp, format!("the payload cannot be used: {why}"))
    }

    /// The same, with the words that what was to be done may have been done.
    #[must_use]
    pub fn perhaps_done(self, words: &str) -> Self {
        Failure { cause: format!("{}; {words}", self.cause).into(), ..self }
    }

    /// The class of the failure and what happened, for whoever has only the job: on one line, not endless, without
    /// addresses and known secrets.
    pub fn in_words(&self) -> String {
        let words: Vec<_> = chain_in_words(&*self.cause).collect();
        format!("{self}: {}", redact(&words.join(": "), LONGEST_WORDS))
    }
}
