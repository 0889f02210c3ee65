//! A connection to a mail server: a line goes out, a reply comes back.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use super::fault::What;
use super::reply::Reply;
use super::stream::Stream;
use crate::config::Host;

/// More than any reply needs: at most ten lines or so, of at most 512 octets (RFC 5321, 4.5.3.1.5).
const LONGEST_REPLY: u64 = 16 * 1024;

pub(super) struct Connection {
    stream: BufReader<Stream>,
    has_heard: bool,
}

impl Connection {
    /// Connects; nothing is said yet.
    pub async fn open(host: &Host, port: u16) -> Result<Self, What> {
        let addresses = Stream::resolve(&host.to_string(), port).await.map_err(What::NoAddress)?;
        let stream = Stream::connect(addresses).await.map_err(What::NoConnection)?;
        Ok(Self { stream: BufReader::new(stream), has_heard: false })
    }

    /// Whether the server has said anything yet.
    pub fn has_heard(&self) -> bool {
        self.has_heard
    }

    /// The address of this end.
    pub fn local_address(&self) -> Option<IpAddr> {
        self.stream.get_ref().local_address().ok().map(|address| address.ip().to_canonical())
    }

    /// Changes to TLS.
    pub async fn secure(self, host: &Host, tls: &Arc<ClientConfig>) -> Result<Self, What> {
        // Whatever is here already came in plain text, from anybody on the way.
        if !self.stream.buffer().is_empty() {
            return Err(What::SpokeBeforeTls);
        }
        let secured = self.stream.into_inner().secure(host.server_name().clone(), Arc::clone(tls)).await;
        Ok(Self { stream: BufReader::new(secured.map_err(What::NoTls)?), has_heard: self.has_heard })
    }

    /// Sends a line, without its end, and reads the reply to it.
    pub async fn command(&mut self, line: &str) -> Result<Reply, What> {
        self.send(&format!("{line}\r\n")).await
    }

    /// Sends text, its end included, and reads the reply to it. It is written at once: of two small writes the second
    /// waits for the acknowledgement of the first.
    async fn send(&mut self, text: &str) -> Result<Reply, What> {
        self.say(text).await?;
        self.reply().await
    }

    /// Sends text, its end included.
    pub async fn say(&mut self, text: &str) -> Result<(), What> {
        self.stream.write_all(text.as_bytes()).await.map_err(What::Broken)?;
        self.stream.flush().await.map_err(What::Broken)
    }

    /// Reads a reply.
    pub async fn reply(&mut self) -> Result<Reply, What> {
        let mut reply = Reply::default();
        let mut left = LONGEST_REPLY;
        loop {
            let mut line = Vec::new();
            self.has_heard |= !self.stream.fill_buf().await.map_err(What::Broken)?.is_empty();
            let length = (&mut self.stream).take(left).read_until(b'\n', &mut line).await.map_err(What::Broken)?;
            left -= length as u64;
            if !line.ends_with(b"\n") {
                return Err(if left == 0 { What::EndlessReply } else { What::NotSmtp });
            }
            if reply.read_line(&line).map_err(|_| What::NotSmtp)? {
                return Ok(reply);
            }
        }
    }

    /// Takes leave of the server, and hangs up.
    pub async fn quit(&mut self) -> io::Result<()> {
        let _ = self.command("QUIT").await;
        self.stream.shutdown().await
    }
}
