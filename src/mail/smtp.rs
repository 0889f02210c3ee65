//! Mail over SMTP (RFC 5321), over connections that are kept for the next mail.
//!
//! lettre writes the mails; it does not send them. Its transport trusts no pinned certificate, knows no HELO, and does not
//! tell at which command a delivery failed, which decides what a reply means: 550 to the recipient concerns one mail, 550
//! to the sender concerns them all.

mod connection;
mod fault;
mod idle;
mod reply;
mod server;
mod session;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use self::fault::Fault;
use self::idle::Idle;
use self::server::Server;
use self::session::{Session, SmtpLimits};
use super::composer::Letter;
use super::invalid_setting::InvalidSetting;
use crate::config::{Host, MailConfig};
use crate::redaction::Person;
use crate::values::job::{Failure, Receipt};

/// A silent connection of the pool leaves this part of the time to a fresh one.
const SHARE_OF_A_KEPT_CONNECTION: u32 = 4;

/// Sends mail to one server.
pub(super) struct Smtp {
    server: Server,
    idle: Arc<Idle>,
    timeout: Duration,
    answer_timeout: Duration,
}

impl Smtp {
    /// Reads the settings; connects to nothing.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn new(host: &Host, config: &MailConfig) -> Result<Self, InvalidSetting> {
        Ok(Self {
            server: Server::new(host, config)?,
            idle: Arc::default(),
            timeout: config.smtp_timeout,
            answer_timeout: config.smtp_data_timeout,
        })
    }

    /// `smtp mail.example.com:587 starttls`
    pub fn describe(&self) -> String {
        self.server.describe()
    }

    /// Sends a mail within the timeout, and waits for the answer to it for a time of its own.
    pub async fn send(&self, letter: &Letter) -> Result<Receipt, Failure> {
        self.attempt(letter).await.map_err(|fault| match letter.handed_over.since() {
            Some(_) => fault.into_failure(&letter.person, self.answer_timeout).perhaps_done("it may have been sent"),
            None => fault.into_failure(&letter.person, self.timeout),
        })
    }

    /// Opens a connection of its own, as a delivery does, asks for a sign of life, and takes its leave.
    pub async fn probe(&self) -> Result<(), Failure> {
        let probed = Session::probe(&self.server, Instant::now() + self.timeout).await;
        probed.map_err(|fault| fault.into_failure(&Person::nobody(), self.timeout))
    }

    /// Ends the connections that are kept.
    pub async fn end(&self) {
        self.idle.end().await;
    }

    async fn attempt(&self, letter: &Letter) -> Result<Receipt, Fault> {
        letter.handed_over.end();
        let begin = Instant::now();
        let end = begin + self.timeout;
        if let Some(session) = self.idle.take() {
            let share = begin + self.timeout / SHARE_OF_A_KEPT_CONNECTION;
            let limits = SmtpLimits { begin: share, end, answer: self.answer_timeout };
            match self.send_over(session, letter, limits).await {
                // The server closed it meanwhile, which is nobody's fault.
                Err(fault) if fault.is_of_a_stale_connection() => {}
                sent => return sent,
            }
        }
        let session = Session::open(&self.server, end).await?;
        self.send_over(session, letter, SmtpLimits { begin: end, end, answer: self.answer_timeout }).await
    }

    async fn send_over(&self, mut session: Session, letter: &Letter, limits: SmtpLimits) -> Result<Receipt, Fault> {
        let sent = session.send(letter, limits).await;
        if sent.as_ref().err().is_none_or(Fault::leaves_the_connection_usable) {
            self.idle.keep(session);
        }
        sent
    }
}
