//! One connection to the mail server, and one mail after another over it.

use std::fmt::Display;
use std::time::Duration;

use lettre::transport::smtp;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Noop, Rcpt, Rset};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::{Code, Severity};
use tokio::time::{Instant, timeout, timeout_at};

use super::fault::{Fault, Stage, What};
use super::server::{Protection, Server};
use super::stream::{LIMIT_PER_ADDRESS, Stream};
use crate::mail::composer::Letter;
use crate::outbox::Receipt;

const LIMIT_OF_FAREWELL: Duration = Duration::from_secs(1);

/// Until when a mail has to be through.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// For the server to show that it still listens.
    pub begin: Instant,
    /// For all of it.
    pub end: Instant,
}

/// A connection that is let in.
pub(super) struct Session {
    connection: AsyncSmtpConnection,
    /// Whether the server still has an earlier mail in mind, which it refused.
    needs_reset: bool,
}

impl Session {
    /// Connects, changes to TLS and gives the credentials, as the server is set up.
    pub async fn open(server: &Server, deadline: Instant) -> Result<Self, Fault> {
        let connection = match &server.protection {
            Protection::Tls(tls) => {
                let address = (server.host.as_str(), server.port);
                let limit = Some(LIMIT_PER_ADDRESS);
                let tls = Some(tls.clone());
                step(
                    Stage::Tls,
                    deadline,
                    AsyncSmtpConnection::connect_tokio1(address, limit, &server.hello, tls, None),
                )
                .await?
            }
            Protection::StartTls(tls) => {
                let mut connection = greet(server, deadline).await?;
                step(Stage::StartTls, deadline, connection.starttls(tls.clone(), &server.hello)).await?;
                connection
            }
            Protection::None => greet(server, deadline).await?,
        };
        let mut session = Session { connection, needs_reset: false };
        if let Some(credentials) = &server.credentials {
            let mechanisms = smtp::authentication::DEFAULT_MECHANISMS;
            step(Stage::Auth, deadline, session.connection.auth(mechanisms, credentials)).await?;
        }
        Ok(session)
    }

    /// Opens a connection, asks the server to do nothing, and leaves.
    pub async fn probe(server: &Server, deadline: Instant) -> Result<(), Fault> {
        let mut session = Session::open(server, deadline).await?;
        let alive = session.command(Stage::Noop, Severity::PositiveCompletion, Noop, deadline).await;
        tokio::spawn(session.end());
        alive.map(|_code| ())
    }

    /// Sends a mail. The receipt is the server's word that it has taken responsibility.
    pub async fn send(&mut self, letter: &Letter, limits: Limits) -> Result<Receipt, Fault> {
        let sent = self.converse(letter, limits).await;
        self.needs_reset = sent.is_err();
        sent
    }

    async fn converse(&mut self, letter: &Letter, Limits { begin, end }: Limits) -> Result<Receipt, Fault> {
        use Severity::{PositiveCompletion, PositiveIntermediate};
        if self.needs_reset {
            self.command(Stage::Reset, PositiveCompletion, Rset, begin).await?;
        }
        let mail = Mail::new(Some(letter.from.clone()), self.parameters(letter)?);
        self.command(Stage::Mail, PositiveCompletion, mail, begin).await?;
        let recipient = Rcpt::new(letter.to.clone(), Vec::new());
        self.command(Stage::Rcpt, PositiveCompletion, recipient, end).await?;
        self.command(Stage::Data, PositiveIntermediate, Data, end).await?;
        let message = transparent(&letter.message);
        let code = self.command(Stage::Message, PositiveCompletion, message, end).await?;
        Ok(Receipt { code: Some(code.into()) })
    }

    fn parameters(&self, letter: &Letter) -> Result<Vec<MailParameter>, Fault> {
        if !letter.is_international() {
            return Ok(Vec::new());
        }
        let server = self.connection.server_info();
        if server.supports_feature(Extension::SmtpUtfEight) && server.supports_feature(Extension::EightBitMime) {
            Ok(vec![MailParameter::SmtpUtfEight, MailParameter::Body(MailBodyParameter::EightBitMime)])
        } else {
            Err(Fault { stage: Stage::Mail, what: What::NoInternationalAddresses })
        }
    }

    /// An answer to another command than this one, after which nothing would be what it seems, is a fault as well.
    async fn command(
        &mut self,
        stage: Stage,
        expected: Severity,
        command: impl Display,
        deadline: Instant,
    ) -> Result<Code, Fault> {
        let code = step(stage, deadline, self.connection.command(command)).await?.code();
        if code.severity == expected { Ok(code) } else { Err(Fault { stage, what: What::OutOfStep(code.into()) }) }
    }

    /// Takes leave of the server.
    pub async fn end(mut self) {
        let _ = timeout(LIMIT_OF_FAREWELL, self.connection.abort()).await;
    }
}

async fn greet(server: &Server, deadline: Instant) -> Result<AsyncSmtpConnection, Fault> {
    let no_connection = |error| Fault { stage: Stage::Connect, what: What::NoConnection(error) };
    let expects_tls = matches!(server.protection, Protection::StartTls(_));
    let stream = timeout_at(deadline, Stream::connect(&server.host, server.port, expects_tls)).await;
    let stream = stream.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())).map_err(no_connection)?;
    step(Stage::Greeting, deadline, AsyncSmtpConnection::connect_with_transport(Box::new(stream), &server.hello)).await
}

async fn step<T>(
    stage: Stage,
    deadline: Instant,
    work: impl Future<Output = Result<T, smtp::Error>>,
) -> Result<T, Fault> {
    match timeout_at(deadline, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(Fault { stage, what: What::Smtp(error) }),
        Err(_) => Err(Fault { stage, what: What::NoAnswer }),
    }
}

/// The message as DATA carries it (RFC 5321, 4.5.2), its end included: written at once, since of two small writes the
/// second waits for the acknowledgement of the first.
fn transparent(message: &str) -> String {
    let mut lines = message.replace("\r\n.", "\r\n..");
    if lines.starts_with('.') {
        lines.insert(0, '.');
    }
    if !lines.ends_with("\r\n") {
        lines.push_str("\r\n");
    }
    lines + ".\r\n"
}

#[cfg(test)]
mod tests {
    use super::transparent;

    #[test]
    fn a_dot_at_the_start_of_a_line_does_not_end_the_mail() {
        assert_eq!(transparent("a\r\n.\r\n..b\r\nc"), "a\r\n..\r\n...b\r\nc\r\n.\r\n");
        assert_eq!(transparent(".a\r\n"), "..a\r\n.\r\n");
    }
}
