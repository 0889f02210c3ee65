//! One client, from the greeting to the end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::watch;

use super::received::{Received, base64};
use super::{Behaviour, Security, Shared, Verb};

pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

pub struct Conversation {
    stream: BufReader<Box<dyn Io>>,
    shared: Arc<Shared>,
    encrypted: bool,
    let_in: bool,
    mail: Option<Received>,
    mails: usize,
    idle_connections_end: watch::Receiver<()>,
}

impl Conversation {
    pub fn new(stream: Box<dyn Io>, shared: Arc<Shared>, encrypted: bool) -> Self {
        let let_in = shared.options.credentials.is_none();
        let idle_connections_end = shared.idle_connections_end.subscribe();
        let stream = BufReader::new(stream);
        Self { stream, shared, encrypted, let_in, mail: None, mails: 0, idle_connections_end }
    }

    /// Talks until one side has enough.
    pub async fn run(mut self) {
        let _ = self.talk().await;
    }

    async fn talk(&mut self) -> io::Result<()> {
        self.answer(Verb::Greeting, "220 sink.example.com ESMTP").await?;
        loop {
            let line = self.line().await?;
            self.shared.commands.lock().unwrap().push(line.clone());
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => self.ehlo().await?,
                "HELO" => drop(self.answer(Verb::Helo, "250 sink.example.com").await?),
                "STARTTLS" => self.start_tls().await?,
                "AUTH" => self.auth(&line).await?,
                "RSET" => {
                    self.mail = None;
                    self.answer(Verb::Rset, "250 2.0.0 forgotten").await?;
                }
                "NOOP" => self.say("250 2.0.0 still here").await?,
                "MAIL" => self.mail(&line).await?,
                "RCPT" => self.rcpt(&line).await?,
                "DATA" => self.data().await?,
                "QUIT" => {
                    self.answer(Verb::Quit, "221 2.0.0 bye").await?;
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
                _ => self.say("502 5.5.1 not known here").await?,
            }
        }
    }

    async fn ehlo(&mut self) -> io::Result<()> {
        let mut lines = vec!["sink.example.com".to_owned()];
        lines.extend(self.shared.options.extensions.iter().map(ToString::to_string));
        if matches!(self.shared.options.security, Security::StartTls(_)) && !self.encrypted {
            lines.push("STARTTLS".into());
        }
        if self.shared.options.credentials.is_some() {
            lines.push(format!("AUTH {}", self.shared.options.mechanisms));
        }
        let last = lines.pop().unwrap();
        let text: String = lines.into_iter().map(|line| format!("250-{line}\r\n")).collect();
        self.answer(Verb::Ehlo, &format!("{text}250 {last}")).await.map(drop)
    }

    async fn start_tls(&mut self) -> io::Result<()> {
        let injected = matches!(self.behaviour(), Behaviour::InjectBehindStartTls);
        let answer = if injected { "220 2.0.0 go ahead\r\n250 sink.example.com" } else { "220 2.0.0 go ahead" };
        if self.answer(Verb::StartTls, answer).await? {
            let plain = std::mem::replace(&mut self.stream, BufReader::new(Box::new(tokio::io::empty())));
            let acceptor = self.shared.tls.clone().ok_or(io::ErrorKind::Unsupported)?;
            let encrypted: Box<dyn Io> = Box::new(acceptor.accept(plain.into_inner()).await?);
            (self.stream, self.encrypted) = (BufReader::new(encrypted), true);
        }
        Ok(())
    }

    async fn auth(&mut self, line: &str) -> io::Result<()> {
        let mut given = line.strip_prefix("AUTH PLAIN ").map(base64).unwrap_or_default();
        if line == "AUTH LOGIN" {
            for challenge in ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"] {
                self.say(challenge).await?;
                given.push(0);
                given.extend(base64(&self.line().await?));
            }
        }
        let expected = self.shared.options.credentials.as_ref();
        self.let_in = expected.is_some_and(|(user, password)| given == format!("\0{user}\0{password}").as_bytes());
        let answer = if self.let_in { "235 2.7.0 come in" } else { "535 5.7.8 who are you" };
        self.answer(Verb::Auth, answer).await.map(drop)
    }

    async fn mail(&mut self, line: &str) -> io::Result<()> {
        if let Behaviour::CloseAfterMails(limit) = self.behaviour()
            && self.mails >= limit
        {
            self.say("421 4.7.0 enough for this connection").await?;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if !self.let_in {
            return self.say("530 5.7.0 authentication required").await;
        }
        if self.mail.is_some() {
            return self.say("503 5.5.1 nested MAIL").await;
        }
        if self.answer(Verb::Mail, "250 2.1.0 sender ok").await? {
            let (from, parameters) = path(line, "MAIL FROM:");
            let (encrypted, to, raw) = (self.encrypted, String::new(), String::new());
            self.mail = Some(Received { from, to, parameters, encrypted, raw });
        }
        Ok(())
    }

    async fn rcpt(&mut self, line: &str) -> io::Result<()> {
        let (to, _) = path(line, "RCPT TO:");
        let is_refused = match self.behaviour() {
            Behaviour::RefuseRecipient(refused) => refused == to,
            Behaviour::RefuseDomain(refused) => to.ends_with(&format!("@{refused}")),
            _ => false,
        };
        if is_refused {
            return self.say(&format!("550 5.1.1 <{to}>: Recipient address rejected: no such user {to}")).await;
        }
        if let Behaviour::Greylist(recipients) = self.behaviour()
            && recipients.get(&to).is_some_and(|times| self.times_asked(line) <= *times)
        {
            return self.say("451 4.7.1 Greylisted: try again later").await;
        }
        if self.answer(Verb::Rcpt, "250 2.1.5 recipient ok").await?
            && let Some(mail) = &mut self.mail
        {
            mail.to = to;
        }
        Ok(())
    }

    async fn data(&mut self) -> io::Result<()> {
        if matches!(self.behaviour(), Behaviour::OutOfStep) {
            return self.say("250 2.0.0 ok").await;
        }
        if self.mail.as_ref().is_none_or(|mail| mail.to.is_empty()) {
            return self.say("503 5.5.1 no recipient").await;
        }
        if !self.answer(Verb::Data, "354 go ahead").await? {
            return Ok(());
        }
        let mut raw = String::new();
        loop {
            let line = self.line().await?;
            if matches!(self.behaviour(), Behaviour::CloseMidData) {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            if line == "." {
                break;
            }
            raw += line.strip_prefix('.').unwrap_or(&line);
            raw += "\r\n";
        }
        let mail = self.mail.take().map(|mail| Received { raw, ..mail });
        // Before the answer: a client that has it finds the mail here.
        if !self.behaviour().concerns(Verb::Message) {
            self.shared.received.lock().unwrap().extend(mail);
            self.mails += 1;
        }
        if let Behaviour::SlowToTake(time) = self.behaviour() {
            tokio::time::sleep(time).await;
        }
        self.answer(Verb::Message, "250 2.0.0 taken").await.map(drop)
    }

    fn times_asked(&self, line: &str) -> usize {
        self.shared.commands.lock().unwrap().iter().filter(|command| *command == line).count()
    }

    fn behaviour(&self) -> Behaviour {
        self.shared.behaviour.lock().unwrap().clone()
    }

    /// Answers as it should or as it is told to; `true` if that is a yes.
    async fn answer(&mut self, verb: Verb, normally: &str) -> io::Result<bool> {
        match self.behaviour() {
            behaviour if !behaviour.concerns(verb) => {
                self.say(normally).await?;
                return Ok(normally.starts_with(['2', '3']));
            }
            Behaviour::Refuse { code, text, .. } => {
                let space = if text.starts_with('-') { "" } else { " " };
                self.say(&format!("{code}{space}{text}")).await?;
            }
            Behaviour::Repeat { code, .. } => {
                let heard = self.shared.commands.lock().unwrap().join(" / ");
                let password = self.shared.options.credentials.iter().map(|(_, password)| password.as_str());
                self.say(&format!("{code} 5.7.8 {heard} / {}", password.collect::<String>())).await?;
            }
            Behaviour::GarbageAfter(_) => self.say("HTTP/1.1 400 Bad Request <jane.canary@example.com>").await?,
            Behaviour::HangAfter(_) => std::future::pending().await,
            Behaviour::DripAfter(_) => loop {
                self.write(b"2").await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            },
            Behaviour::FloodAfter(_) => loop {
                self.write(&[b'2'; 65536]).await?;
            },
            _ => return Err(io::ErrorKind::ConnectionAborted.into()),
        }
        Ok(false)
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.write(format!("{text}\r\n").as_bytes()).await
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    async fn line(&mut self) -> io::Result<String> {
        let is_idle = self.mail.is_none();
        let mut line = String::new();
        tokio::select! {
            read = self.stream.read_line(&mut line) => read?,
            _ = self.idle_connections_end.changed(), if is_idle => 0,
        };
        let line = line.strip_suffix("\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(line.to_owned())
    }
}

/// The address between the angle brackets, and what follows it.
fn path(line: &str, before: &str) -> (String, String) {
    let rest = line.strip_prefix(before).unwrap_or_else(|| panic!("{line:?} is no {before}"));
    let (address, parameters) = rest.strip_prefix('<').and_then(|rest| rest.rsplit_once('>')).expect("a path");
    (address.to_owned(), parameters.trim().to_owned())
}
