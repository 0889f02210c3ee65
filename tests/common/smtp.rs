//! A mail server that takes every mail, or misbehaves as a test wishes: a real conversation over a real socket.

mod conversation;
mod identity;
pub mod received;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use self::conversation::Conversation;
pub use self::identity::Identity;
pub use self::received::Received;
use super::connections::listen;
use super::eventually;
use super::programs::lasting_port;

/// A point of the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    Auth,
    Rset,
    Mail,
    Rcpt,
    Data,
    /// The end of the message.
    Message,
    Quit,
}

/// What the server does. It can change at any time and counts from the next command on.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Takes every mail.
    Normal,
    /// Answers with this code and text. (Several lines: `"-first\r\n550 last"`.)
    Refuse { verb: Verb, code: u16, text: String },
    /// Refuses with 5.7.8 and everything that the client has said so far, its password included.
    Repeat { verb: Verb, code: u16 },
    /// Refuses this recipient with 550, and no other.
    RefuseRecipient(String),
    /// Refuses every recipient of this domain with 550, and no other.
    RefuseDomain(String),
    /// Refuses each of these recipients with 451 so many times, and takes every other mail.
    Greylist(BTreeMap<String, usize>),
    /// Never answers.
    HangAfter(Verb),
    /// Takes every mail, and says so after this time.
    SlowToTake(Duration),
    /// Answers one byte at a time, without end.
    DripAfter(Verb),
    /// Closes the connection instead of an answer.
    CloseAfter(Verb),
    /// Closes the connection in the middle of a message.
    CloseMidData,
    /// Answers with what is not SMTP.
    GarbageAfter(Verb),
    /// Answers with a line that never ends, as fast as it can.
    FloodAfter(Verb),
    /// Adds an answer to the one to STARTTLS, in plain text, as somebody on the way could.
    InjectBehindStartTls,
    /// Answers 250 where 354 is due.
    OutOfStep,
    /// Answers 421 and closes at the MAIL after so many mails on one connection.
    CloseAfterMails(usize),
}

impl Behaviour {
    /// Refuses at this point.
    pub fn refuse(verb: Verb, code: u16, text: &str) -> Behaviour {
        Behaviour::Refuse { verb, code, text: text.into() }
    }

    /// Whether the answer at this point is another than the usual one.
    fn concerns(&self, verb: Verb) -> bool {
        match self {
            Behaviour::Refuse { verb: at, .. }
            | Behaviour::Repeat { verb: at, .. }
            | Behaviour::HangAfter(at)
            | Behaviour::DripAfter(at)
            | Behaviour::CloseAfter(at)
            | Behaviour::GarbageAfter(at)
            | Behaviour::FloodAfter(at) => *at == verb,
            _ => false,
        }
    }
}

/// How the conversation is protected.
#[derive(Clone, Debug)]
pub enum Security {
    /// Plain text.
    None,
    /// STARTTLS is offered.
    StartTls(Identity),
    /// TLS from the first byte.
    Tls(Identity),
}

/// What a sink is like from its start to its end.
#[derive(Clone, Debug)]
pub struct SinkOptions {
    /// How it is protected.
    pub security: Security,
    /// User and password; with them there is no mail without AUTH.
    pub credentials: Option<(String, String)>,
    /// What EHLO announces, besides STARTTLS and AUTH.
    pub extensions: Vec<&'static str>,
    /// The mechanisms of AUTH, where there are credentials.
    pub mechanisms: &'static str,
}

impl Default for SinkOptions {
    fn default() -> Self {
        let extensions = vec!["PIPELINING", "8BITMIME", "SMTPUTF8"];
        SinkOptions { security: Security::None, credentials: None, extensions, mechanisms: "PLAIN LOGIN" }
    }
}

/// The mail server.
pub struct SmtpSink {
    shared: Arc<Shared>,
    address: SocketAddr,
    server: Option<JoinHandle<()>>,
    folder: TempDir,
}

struct Shared {
    options: SinkOptions,
    tls: Option<TlsAcceptor>,
    behaviour: Mutex<Behaviour>,
    received: Mutex<Vec<Received>>,
    commands: Mutex<Vec<String>>,
    connections: AtomicUsize,
    idle_connections_end: watch::Sender<()>,
}

impl SmtpSink {
    /// Starts a server without TLS on a free port of 127.0.0.1.
    pub async fn start(behaviour: Behaviour) -> SmtpSink {
        SmtpSink::start_with(behaviour, SinkOptions::default()).await
    }

    /// The same, with these options.
    pub async fn start_with(behaviour: Behaviour, options: SinkOptions) -> SmtpSink {
        let folder = tempfile::tempdir().unwrap();
        let tls = match &options.security {
            Security::None => None,
            Security::StartTls(identity) | Security::Tls(identity) => {
                std::fs::write(folder.path().join("ca.pem"), identity.trusted_authority()).unwrap();
                Some(identity.acceptor())
            }
        };
        let shared = Arc::new(Shared {
            options,
            tls,
            behaviour: Mutex::new(behaviour),
            received: Mutex::default(),
            commands: Mutex::default(),
            connections: AtomicUsize::new(0),
            idle_connections_end: watch::Sender::new(()),
        });
        let address = SocketAddr::from(([127, 0, 0, 1], lasting_port()));
        let mut sink = SmtpSink { shared, address, server: None, folder };
        sink.come_back().await;
        sink
    }

    /// The settings that lead neodyme here, by their keys.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let tls = match self.shared.options.security {
            Security::None => "none",
            Security::StartTls(_) => "starttls",
            Security::Tls(_) => "tls",
        };
        let mut settings = vec![
            ("smtp_host", self.address.ip().to_string()),
            ("smtp_port", self.address.port().to_string()),
            ("smtp_tls", tls.to_owned()),
        ];
        if self.shared.tls.is_some() {
            settings.push(("smtp_ca_file", self.ca_file().display().to_string()));
        }
        if let Some((user, password)) = &self.shared.options.credentials {
            settings.push(("smtp_username", user.clone()));
            settings.push(("smtp_password", password.clone()));
        }
        settings
    }

    /// The authority that a client shall trust.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Behaves like this from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock().unwrap() = behaviour;
    }

    /// The mails it has taken, in order.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// How many mails it has taken.
    pub fn count(&self) -> usize {
        self.shared.received.lock().unwrap().len()
    }

    /// Forgets the mails that it has taken and all that was said, and says how many mails these were.
    pub fn forget(&self) -> usize {
        self.shared.commands.lock().unwrap().clear();
        self.shared.received.lock().unwrap().drain(..).count()
    }

    /// Waits until it has taken so many.
    pub async fn until_received(&self, count: usize) -> Vec<Received> {
        let what = format!("{count} mails, there are {}", self.count());
        eventually(&what, async || (self.count() >= count).then_some(())).await;
        self.received()
    }

    /// The next mail to this address with a subject like this, after so many of them.
    pub async fn mail_to(&self, email: &str, subject: &str, before: usize) -> Received {
        let fits = |mail: &Received| mail.to == email && mail.header("Subject").contains(subject);
        let what = format!("a mail to {email}: {subject}");
        eventually(&what, async || self.received().into_iter().filter(fits).nth(before)).await
    }

    /// Every line that clients have sent outside messages, as they sent it.
    pub fn commands(&self) -> Vec<String> {
        self.shared.commands.lock().unwrap().clone()
    }

    /// How many connections it has accepted.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Closes the connections that wait for their next mail.
    pub fn drop_idle_connections(&self) {
        self.shared.idle_connections_end.send_replace(());
    }

    /// Ends all connections and refuses new ones.
    pub async fn go_down(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
            let _ = server.await;
        }
    }

    /// Accepts connections again, on the same port.
    pub async fn come_back(&mut self) {
        let listener = listen(self.address).await;
        self.server = Some(tokio::spawn(serve(listener, self.shared.clone())));
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut conversations = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        shared.connections.fetch_add(1, Ordering::Relaxed);
        conversations.spawn(converse(stream, shared.clone()));
        while conversations.try_join_next().is_some() {}
    }
}

async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    stream.set_nodelay(true).unwrap();
    let Some(tls) = shared.tls.clone().filter(|_| matches!(shared.options.security, Security::Tls(_))) else {
        return Conversation::new(Box::new(stream), shared, false).run().await;
    };
    if let Ok(stream) = tls.accept(stream).await {
        Conversation::new(Box::new(stream), shared, true).run().await;
    }
}
