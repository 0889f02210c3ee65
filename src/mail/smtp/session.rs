//! One connection to the mail server, and one mail after another over it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::time::{Instant, timeout, timeout_at};

use super::connection::Connection;
use super::fault::{Fault, Stage, What};
use super::reply::Reply;
use super::server::{Credentials, Protection, Server};
use crate::mail::composer::Letter;
use crate::outbox::Receipt;

const LIMIT_OF_FAREWELL: Duration = Duration::from_secs(1);

/// What a server says who does not know EHLO, or not this argument of it.
const UNKNOWN_COMMAND: std::ops::RangeInclusive<u16> = 500..=504;

/// Until when a mail has to be through.
#[derive(Clone, Copy)]
pub(super) struct SmtpLimits {
    /// For the server to show that it still listens.
    pub begin: Instant,
    /// For all of it, up to the end of the message.
    pub end: Instant,
    /// For the answer to that.
    pub answer: Duration,
}

/// A connection that is let in.
pub(super) struct Session {
    connection: Connection,
    /// The reply to EHLO; none after HELO, which offers nothing.
    offers: Option<Reply>,
    /// Whether the server still has an earlier mail in mind, which it refused.
    needs_reset: bool,
}

impl Session {
    /// Connects, changes to TLS and gives the credentials, as the server is set up.
    pub async fn open(server: &Server, deadline: Instant) -> Result<Self, Fault> {
        let host = &server.host;
        let mut connection = step(Stage::Connect, deadline, Connection::open(host, server.port)).await?;
        if let Protection::Tls(tls) = &server.protection {
            connection = step(Stage::Tls, deadline, connection.secure(host, tls)).await?;
        }
        let greeting = step(Stage::Greeting, deadline, connection.reply()).await;
        let greeting = greeting.map_err(|fault| fault.in_silence(!connection.has_heard()))?;
        expect(Stage::Greeting, 2, greeting)?;
        let mut session = Session { connection, offers: None, needs_reset: false };
        session.introduce(server, deadline).await?;
        if let Protection::StartTls(tls) = &server.protection {
            if session.offer("STARTTLS").is_none() {
                return Err(Fault { stage: Stage::StartTls, what: What::NoStartTls });
            }
            session.command(Stage::StartTls, 2, "STARTTLS", deadline).await?;
            session.connection = step(Stage::StartTls, deadline, session.connection.secure(host, tls)).await?;
            session.introduce(server, deadline).await?;
        }
        if let Some(credentials) = &server.credentials {
            session.authenticate(credentials, deadline).await?;
        }
        Ok(session)
    }

    /// Opens a connection, asks the server to do nothing, and leaves.
    pub async fn probe(server: &Server, deadline: Instant) -> Result<(), Fault> {
        let mut session = Session::open(server, deadline).await?;
        let alive = session.command(Stage::Noop, 2, "NOOP", deadline).await;
        tokio::spawn(session.end());
        alive.map(drop)
    }

    /// Sends a mail. The receipt is the server's word that it has taken responsibility.
    pub async fn send(&mut self, letter: &Letter, limits: SmtpLimits) -> Result<Receipt, Fault> {
        let sent = self.converse(letter, limits).await;
        self.needs_reset = sent.is_err();
        sent
    }

    /// EHLO, or HELO to a server of the old kind. There is no STARTTLS after HELO, so a server that must offer it is told no
    /// more.
    async fn introduce(&mut self, server: &Server, deadline: Instant) -> Result<(), Fault> {
        let name = server.introduction(self.connection.local_address());
        let ehlo = self.command(Stage::Ehlo(name.clone()), 2, &format!("EHLO {name}"), deadline).await;
        self.offers = match ehlo {
            Err(Fault { what: What::Refused(reply), .. })
                if UNKNOWN_COMMAND.contains(&reply.code) && !matches!(server.protection, Protection::StartTls(_)) =>
            {
                self.command(Stage::Helo(name.clone()), 2, &format!("HELO {name}"), deadline).await?;
                None
            }
            answered => Some(answered?),
        };
        Ok(())
    }

    fn offer(&self, keyword: &str) -> Option<impl Iterator<Item = &str>> {
        self.offers.as_ref()?.offer(keyword)
    }

    /// AUTH PLAIN (RFC 4616), or LOGIN where there is no other.
    async fn authenticate(&mut self, credentials: &Credentials, deadline: Instant) -> Result<(), Fault> {
        let (user, password) = (credentials.user.as_str(), credentials.password.expose());
        let offers =
            |mechanism| self.offer("AUTH").is_some_and(|mut all| all.any(|one| one.eq_ignore_ascii_case(mechanism)));
        if offers("PLAIN") {
            let response = BASE64.encode(format!("\0{user}\0{password}"));
            self.command(Stage::Auth, 2, &format!("AUTH PLAIN {response}"), deadline).await?;
        } else if offers("LOGIN") {
            self.command(Stage::Auth, 3, "AUTH LOGIN", deadline).await?;
            self.command(Stage::Auth, 3, &BASE64.encode(user), deadline).await?;
            self.command(Stage::Auth, 2, &BASE64.encode(password), deadline).await?;
        } else {
            let what = if self.offers.is_some() { What::NoMechanism } else { What::NoMechanismWithoutEhlo };
            return Err(Fault { stage: Stage::Auth, what });
        }
        Ok(())
    }

    async fn converse(
        &mut self,
        letter: &Letter,
        SmtpLimits { begin, end, answer }: SmtpLimits,
    ) -> Result<Receipt, Fault> {
        if self.needs_reset {
            self.command(Stage::Reset, 2, "RSET", begin).await?;
        }
        let parameters = self.parameters(letter)?;
        self.command(Stage::Mail, 2, &format!("MAIL FROM:<{}>{parameters}", letter.from), begin).await?;
        self.command(Stage::Rcpt, 2, &format!("RCPT TO:<{}>", letter.to), end).await?;
        self.command(Stage::Data, 3, "DATA", end).await?;
        step(Stage::Message, end, self.connection.say(&transparent(&letter.message))).await?;
        // From here on the server may have taken it: whoever does not wait for its word sends it twice.
        letter.handed_over.begin();
        let taken = step(Stage::Message, Instant::now() + answer, self.connection.reply()).await?;
        letter.handed_over.end();
        let taken = expect(Stage::Message, 2, taken)?;
        Ok(Receipt { code: Some(taken.code), withheld: None })
    }

    fn parameters(&self, letter: &Letter) -> Result<&'static str, Fault> {
        if !letter.is_international() {
            return Ok("");
        }
        if self.offer("SMTPUTF8").is_some() && self.offer("8BITMIME").is_some() {
            Ok(" SMTPUTF8 BODY=8BITMIME")
        } else {
            Err(Fault { stage: Stage::Mail, what: What::NoInternationalAddresses })
        }
    }

    /// Gives a command, and takes an answer of the class that is due (2 for done, 3 for go on).
    async fn command(&mut self, stage: Stage, class: u16, line: &str, deadline: Instant) -> Result<Reply, Fault> {
        let reply = step(stage.clone(), deadline, self.connection.command(line)).await?;
        expect(stage, class, reply)
    }

    /// Takes leave of the server.
    pub async fn end(mut self) {
        let _ = timeout(LIMIT_OF_FAREWELL, self.connection.quit()).await;
    }
}

/// A yes to another command than this one, after which nothing would be what it seems, is a fault as well.
fn expect(stage: Stage, class: u16, reply: Reply) -> Result<Reply, Fault> {
    match reply.code / 100 {
        found if found == class => Ok(reply),
        4 | 5 => Err(Fault { stage, what: What::Refused(reply) }),
        _ => Err(Fault { stage, what: What::OutOfStep(reply.code) }),
    }
}

async fn step<T>(stage: Stage, deadline: Instant, work: impl Future<Output = Result<T, What>>) -> Result<T, Fault> {
    let done = timeout_at(deadline, work).await.unwrap_or(Err(What::NoAnswer { silent: false }));
    done.map_err(|what| Fault { stage, what })
}

/// The message as DATA carries it (RFC 5321, 4.5.2), its end included.
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
