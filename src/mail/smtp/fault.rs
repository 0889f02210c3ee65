//! What goes wrong in a conversation, and what that means for the job.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use lettre::transport::smtp;

use crate::outbox::{Failure, Reason};
use crate::redaction::Person;

/// How far a conversation came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Connect,
    /// Connection, handshake, greeting and EHLO, which lettre does as one where TLS is spoken from the first byte.
    Tls,
    /// The greeting and EHLO.
    Greeting,
    /// The command, the handshake and the second EHLO.
    StartTls,
    Auth,
    /// The question whether the server listens.
    Noop,
    /// The end of an earlier mail on the same connection.
    Reset,
    Mail,
    Rcpt,
    Data,
    /// The message and the answer to it.
    Message,
}

impl Stage {
    fn in_words(self) -> &'static str {
        match self {
            Stage::Connect => "connection",
            Stage::Tls => "TLS connection",
            Stage::Greeting => "greeting",
            Stage::StartTls => "STARTTLS",
            Stage::Auth => "AUTH",
            Stage::Noop => "NOOP",
            Stage::Reset => "RSET",
            Stage::Mail => "MAIL FROM",
            Stage::Rcpt => "RCPT TO",
            Stage::Data => "DATA",
            Stage::Message => "message",
        }
    }
}

/// What went wrong there.
#[derive(Debug)]
pub(super) enum What {
    NoConnection(io::Error),
    NoAnswer,
    /// A positive answer to another question than the one asked.
    OutOfStep(u16),
    NoInternationalAddresses,
    Smtp(smtp::Error),
}

#[derive(Debug)]
pub(super) struct Fault {
    pub stage: Stage,
    pub what: What,
}

impl Fault {
    /// The reply that refused something.
    fn reply(&self) -> Option<u16> {
        match &self.what {
            What::Smtp(error) => error.status().map(u16::from),
            _ => None,
        }
    }

    /// Whether the server refused this mail and listens on.
    pub fn leaves_the_connection_usable(&self) -> bool {
        self.reply().is_some_and(|code| code != 421) || matches!(self.what, What::NoInternationalAddresses)
    }

    /// Whether the server had ended the conversation before this mail began.
    pub fn is_of_a_stale_connection(&self) -> bool {
        matches!(self.stage, Stage::Reset | Stage::Mail) && !self.leaves_the_connection_usable()
    }

    /// What the outbox is told.
    pub fn into_failure(self, person: &Person, limit: Duration) -> Failure {
        let code = self.reply();
        let reason = self.reason();
        let is_refusal = matches!(reason, Reason::Refused4xx | Reason::Refused5xx);
        let is_about_this_mail = matches!(self.stage, Stage::Mail | Stage::Rcpt | Stage::Data | Stage::Message);
        // A refused sender is refused to every job.
        let concerns_every_job = !is_about_this_mail || self.stage == Stage::Mail || code == Some(421);
        let is_unsendable = matches!(self.what, What::NoInternationalAddresses);
        Failure {
            reason,
            permanent: reason == Reason::Refused5xx && is_about_this_mail,
            service_down: !is_unsendable && (!is_refusal || concerns_every_job),
            code,
            retry_after: None,
            cause: self.in_words(person, limit).into(),
        }
    }

    fn reason(&self) -> Reason {
        let error = match &self.what {
            What::NoConnection(_) => return Reason::Connect,
            What::NoAnswer => return Reason::Timeout,
            What::OutOfStep(_) => return Reason::Protocol,
            What::NoInternationalAddresses => return Reason::Refused5xx,
            What::Smtp(error) => error,
        };
        match (self.reply(), self.stage) {
            (Some(421), _) => Reason::Refused4xx,
            (Some(530 | 534 | 535 | 538), _) | (Some(_), Stage::Auth) => Reason::Auth,
            (Some(_), Stage::StartTls) => Reason::Tls,
            (Some(400..500), _) => Reason::Refused4xx,
            (Some(_), _) => Reason::Refused5xx,
            (None, _) if tls_error(error).is_some() => Reason::Tls,
            (None, _) if error.is_response() => Reason::Protocol,
            (None, Stage::StartTls) => Reason::Tls,
            (None, Stage::Tls) if is_end(error) => Reason::Tls,
            (None, Stage::Tls) => Reason::Connect,
            // No mechanism that both sides know.
            (None, Stage::Auth) if error.is_client() => Reason::Auth,
            (None, _) => Reason::Protocol,
        }
    }

    fn in_words(&self, person: &Person, limit: Duration) -> String {
        let stage = self.stage.in_words();
        let error = match &self.what {
            What::NoConnection(error) => return format!("{stage}: {error}"),
            What::NoAnswer => return format!("{stage}: no answer within {limit:?}"),
            What::OutOfStep(code) => return format!("{stage}: the answer {code} is out of step"),
            What::NoInternationalAddresses => {
                return "the address has letters beyond ASCII, and the mail server does not take such (SMTPUTF8)"
                    .into();
            }
            What::Smtp(error) => error,
        };
        let said = || causes(error).last().map(ToString::to_string).unwrap_or_default();
        match (error.status(), tls_error(error)) {
            // It may repeat the credentials.
            (Some(code), _) if self.stage == Stage::Auth => format!("{stage}: refused with {code}"),
            (Some(code), _) => person.hide(&format!("{stage}: {code} {}", said())),
            (None, Some(tls)) => format!("{stage}: {tls}"),
            // What the server said may be part of it, with anything in it.
            (None, None) if error.is_response() => format!("{stage}: the answer is not SMTP, or broke off"),
            (None, None) => format!("{stage}: {}", said()),
        }
    }
}

/// What was wrong with TLS, in whichever layers lettre and tokio wrapped it.
fn tls_error(error: &smtp::Error) -> Option<&rustls::Error> {
    io_error(error)?.get_ref()?.downcast_ref()
}

fn is_end(error: &smtp::Error) -> bool {
    io_error(error).is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof)
}

fn io_error(error: &smtp::Error) -> Option<&io::Error> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

fn causes(error: &smtp::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}
