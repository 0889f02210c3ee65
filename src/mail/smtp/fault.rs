//! What goes wrong in a conversation, and what that means for the job.

use std::io;
use std::time::Duration;

use rustls::InvalidMessage;

use super::reply::Reply;
use crate::redaction::Person;
use crate::tls::has_expired;
use crate::values::job::{Effect, Failure, Reason};

/// How far a conversation came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Connect,
    /// The handshake, where TLS is spoken from the first byte.
    Tls,
    Greeting,
    /// With the name that was given.
    Ehlo(String),
    /// With the name that was given.
    Helo(String),
    /// The command and the handshake.
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
    fn in_words(&self) -> String {
        let words = match self {
            Stage::Connect => "connection",
            Stage::Tls => "TLS",
            Stage::Greeting => "greeting",
            Stage::Ehlo(name) => return format!("EHLO {name}"),
            Stage::Helo(name) => return format!("HELO {name}"),
            Stage::StartTls => "STARTTLS",
            Stage::Auth => "AUTH",
            Stage::Noop => "NOOP",
            Stage::Reset => "RSET",
            Stage::Mail => "MAIL FROM",
            Stage::Rcpt => "RCPT TO",
            Stage::Data => "DATA",
            Stage::Message => "message",
        };
        words.to_owned()
    }
}

/// What went wrong there.
#[derive(Debug)]
pub(super) enum What {
    /// The host's name could not be resolved.
    NoAddress(io::Error),
    NoConnection(io::Error),
    NoTls(io::Error),
    /// `silent`: the server has never said anything, and it was its turn.
    NoAnswer {
        silent: bool,
    },
    /// The connection broke.
    Broken(io::Error),
    NotSmtp,
    EndlessReply,
    Refused(Reply),
    /// A positive answer to another question than the one asked.
    OutOfStep(u16),
    NoStartTls,
    /// Something came in plain text behind the answer to STARTTLS.
    SpokeBeforeTls,
    /// No way to authenticate that both sides know.
    NoMechanism,
    /// There is none after HELO.
    NoMechanismWithoutEhlo,
    NoInternationalAddresses,
}

/// Where EHLO was refused.
const INTRODUCE_YOURSELF: &str = "set smtp_helo_name to a name that the server can look up, or ask its operator (a block list?); \
                                  a server that knows no EHLO offers neither STARTTLS nor AUTH after HELO";

#[derive(Debug)]
pub(super) struct Fault {
    pub stage: Stage,
    pub what: What,
}

impl Fault {
    /// The same; where the server did not answer, with whether it has ever said anything.
    pub fn in_silence(self, silent: bool) -> Self {
        match self.what {
            What::NoAnswer { .. } => Self { what: What::NoAnswer { silent }, ..self },
            _ => self,
        }
    }

    /// The code with which something was refused.
    fn code(&self) -> Option<u16> {
        if let What::Refused(reply) = &self.what { Some(reply.code) } else { None }
    }

    /// Whether the server refused this mail and listens on.
    pub fn leaves_the_connection_usable(&self) -> bool {
        self.code().is_some_and(|code| code != 421) || matches!(self.what, What::NoInternationalAddresses)
    }

    /// Whether the server had ended the conversation before this mail began.
    pub fn is_of_a_stale_connection(&self) -> bool {
        matches!(self.stage, Stage::Reset | Stage::Mail) && !self.leaves_the_connection_usable()
    }

    /// What the outbox is told.
    pub fn into_failure(self, person: &Person, limit: Duration) -> Failure {
        let code = self.code();
        let reason = self.reason();
        let is_refusal = matches!(reason, Reason::Refused4xx | Reason::Refused5xx | Reason::SenderRefused);
        let is_about_this_mail = matches!(self.stage, Stage::Mail | Stage::Rcpt | Stage::Data | Stage::Message);
        // A refused sender is refused to every job.
        let concerns_every_job = !is_about_this_mail || self.stage == Stage::Mail || code == Some(421);
        let is_unsendable = matches!(self.what, What::NoInternationalAddresses);
        let is_for_good = reason == Reason::Refused5xx && is_about_this_mail && !self.is_about_the_sender();
        let effect = match (is_unsendable || is_for_good, is_refusal && !concerns_every_job) {
            (true, _) => Effect::GiveUp,
            (false, true) if self.is_about_the_sender() => Effect::DoubtService,
            (false, true) => Effect::RetryJob,
            (false, false) => Effect::ServiceDown,
        };
        let (remedy, words) = (self.remedy(), self.in_words(person, limit));
        Failure { code, remedy, ..Failure::new(reason, effect, words) }
    }

    /// Whether the server may refuse us and not the recipient, which somebody can mend: an unknown sender, a relay that is
    /// closed to this host, an account that may send to verified addresses only. Such is said with 5.7 (RFC 3463, 3.8) or
    /// with 554, both of which a server also has for a single mail.
    fn is_about_the_sender(&self) -> bool {
        let What::Refused(reply) = &self.what else { return false };
        let is_policy = reply.enhanced_code().is_some_and(|code| code.starts_with("5.7."));
        self.stage == Stage::Mail || reply.code == 554 || is_policy
    }

    fn reason(&self) -> Reason {
        match &self.what {
            What::NoAddress(_) => Reason::Dns,
            What::NoConnection(_) => Reason::Connect,
            What::NoTls(error) if tls_error(error).is_some_and(has_expired) => Reason::TlsExpired,
            What::NoAnswer { .. } => Reason::Timeout,
            What::NoTls(_) | What::NoStartTls | What::SpokeBeforeTls => Reason::Tls,
            What::NoMechanism | What::NoMechanismWithoutEhlo => Reason::Auth,
            What::NoInternationalAddresses => Reason::NoSmtputf8,
            What::Broken(_) | What::NotSmtp | What::EndlessReply | What::OutOfStep(_) => Reason::Protocol,
            What::Refused(reply) => match (reply.code, &self.stage) {
                (421, _) => Reason::Refused4xx,
                (530 | 534 | 535 | 538, _) | (_, Stage::Auth) => Reason::Auth,
                (_, Stage::StartTls) => Reason::Tls,
                (400..500, _) => Reason::Refused4xx,
                (_, Stage::Greeting | Stage::Ehlo(_) | Stage::Helo(_) | Stage::Mail) => Reason::SenderRefused,
                _ => Reason::Refused5xx,
            },
        }
    }

    /// What an operator can do, where it depends on how far the conversation came.
    fn remedy(&self) -> Option<&'static str> {
        let refused_for_good = matches!(self.reason(), Reason::Refused5xx | Reason::SenderRefused);
        match (&self.what, &self.stage) {
            (What::NoInternationalAddresses, _) => {
                Some("use a mail server that offers SMTPUTF8 (Postfix does since 3.0)")
            }
            (What::NoMechanismWithoutEhlo, _) => Some(INTRODUCE_YOURSELF),
            _ if !refused_for_good => None,
            (_, Stage::Greeting) => {
                Some("ask the server's operator why it refuses this host: it may be on a block list")
            }
            (_, Stage::Ehlo(_) | Stage::Helo(_)) => Some(INTRODUCE_YOURSELF),
            (_, Stage::Mail) => {
                Some("correct mail_from: the server must be allowed to send for it, and may want it verified")
            }
            _ if self.is_about_the_sender() => Some(
                "ask the server's operator: it may be closed to this host, want a verified sender or smtp_username, or have \
                 rules that this mailbox or the content breaks",
            ),
            (_, Stage::Rcpt) => Some("check the address: most often there is no such mailbox"),
            _ => Some("read what the server said: it refuses this message, for its size or its content"),
        }
    }

    /// What happened, and what to do where that is plain. Of the server's own words only what it says to a refused command,
    /// and nothing of what it says to AUTH, which may repeat the credentials.
    fn in_words(&self, person: &Person, limit: Duration) -> String {
        let stage = self.stage.in_words();
        let what = match &self.what {
            What::Refused(reply) if self.stage == Stage::Auth => {
                let enhanced = reply.enhanced_code().map(|code| format!(" {code}")).unwrap_or_default();
                format!("refused with {}{enhanced}", reply.code)
            }
            What::Refused(reply) => return person.hide(&format!("{stage}: {} {}", reply.code, reply.text())),
            What::NoInternationalAddresses => {
                return "the address has letters beyond ASCII, and the mail server does not take such (SMTPUTF8)".into();
            }
            What::NoAddress(error) | What::NoConnection(error) | What::Broken(error) => error.to_string(),
            What::NoTls(error) if self.stage == Stage::Tls && is_plain_text(error) => {
                "the server answers in plain text: set smtp_tls to starttls, or smtp_port to one that speaks TLS from the \
                 first byte (usually 465)"
                    .into()
            }
            What::NoTls(error) => in_words_of_tls(error),
            What::NoAnswer { silent: false } => format!("no answer within {limit:?}"),
            What::NoAnswer { silent: true } => format!(
                "no word within {limit:?} (a server that speaks TLS from the first byte waits for the client: set smtp_tls to \
                 tls for such a port)"
            ),
            What::OutOfStep(code) => format!("the answer {code} is out of step"),
            What::NotSmtp => "the answer is not SMTP, or broke off".into(),
            What::EndlessReply => "the answer has no end".into(),
            What::NoStartTls => {
                "the server does not offer it: set smtp_port to one that does (usually 587), or smtp_tls to tls for one that \
                 speaks TLS from the first byte (usually 465)"
                    .into()
            }
            What::SpokeBeforeTls => "somebody spoke in plain text where TLS had to begin".into(),
            What::NoMechanism => "the server offers neither PLAIN nor LOGIN".into(),
            What::NoMechanismWithoutEhlo => "the server refused EHLO, and after HELO nobody can authenticate".into(),
        };
        format!("{stage}: {what}")
    }
}

/// The error of TLS, which is wrapped into one of input and output.
fn in_words_of_tls(error: &io::Error) -> String {
    match tls_error(error) {
        Some(rustls::Error::Other(ours)) => ours.to_string(),
        Some(error) => error.to_string(),
        None => error.to_string(),
    }
}

fn is_plain_text(error: &io::Error) -> bool {
    matches!(tls_error(error), Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)))
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}
