//! The other side of a connection that neodyme opens: it says what the input tells it to.
//!
//! An input is a list of replies with `>` and the end of a line between them, where the peer waits for neodyme's next
//! words. A reply that begins with `*` is said again and again, without end. `{}` stands for what neodyme said last.
//! After the last reply, or where neodyme says nothing, the peer hangs up. Each connection begins with the first reply.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// What neodyme may read of a talk without end, the buffers of the kernel on both sides included.
const MOST_WRITTEN: usize = 32 * 1024 * 1024;
/// Long enough for neodyme to speak, and short enough to try many inputs.
const SILENCE: Duration = Duration::from_millis(20);

/// A listener on a free port of this machine.
pub struct Peer {
    listener: TcpListener,
    speaks_first: bool,
}

/// What is said over each connection.
struct Script {
    replies: Vec<Vec<u8>>,
    speaks_first: bool,
    written: AtomicUsize,
}

impl Peer {
    /// Begins to listen; needs a runtime.
    pub async fn start(speaks_first: bool) -> Self {
        Peer { listener: TcpListener::bind("127.0.0.1:0").await.expect("a free port"), speaks_first }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.listener.local_addr().expect("a bound listener has an address").port()
    }

    /// Talks as it is told until the work is done.
    pub async fn talk_during<T>(&self, input: &[u8], work: impl Future<Output = T>) -> T {
        let (replies, speaks_first) = (split(input), self.speaks_first);
        let script = Arc::new(Script { replies, speaks_first, written: AtomicUsize::new(0) });
        let done = tokio::select! {
            done = work => done,
            never = self.serve(&script) => match never {},
        };
        assert!(script.written.load(Ordering::Relaxed) < MOST_WRITTEN, "a talk without end was listened to");
        done
    }

    async fn serve(&self, script: &Arc<Script>) -> std::convert::Infallible {
        let mut talks = JoinSet::new();
        loop {
            if let Ok((stream, _)) = self.listener.accept().await {
                let script = Arc::clone(script);
                talks.spawn(async move { script.talk(stream).await });
            }
        }
    }
}

fn split(input: &[u8]) -> Vec<Vec<u8>> {
    let mut replies = Vec::new();
    let mut rest = input;
    while let Some(at) = rest.windows(2).position(|pair| pair == b">\n") {
        replies.push(rest[..at].to_owned());
        rest = &rest[at + 2..];
    }
    replies.push(rest.to_owned());
    replies
}

impl Script {
    /// Neodyme may hang up at any moment, which ends the talk with an error.
    async fn talk(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut heard = Vec::new();
        for (number, reply) in self.replies.iter().enumerate() {
            if number > 0 || !self.speaks_first {
                heard.clear();
                timeout(SILENCE, stream.read_buf(&mut heard)).await??;
            }
            match reply.strip_prefix(b"*").filter(|reply| !reply.is_empty()) {
                None => stream.write_all(&filled(reply, &heard)).await?,
                Some(reply) => self.talk_without_end(&mut stream, &filled(reply, &heard)).await?,
            }
        }
        Ok(())
    }

    async fn talk_without_end(&self, stream: &mut TcpStream, reply: &[u8]) -> io::Result<()> {
        let many = reply.repeat(1 + 4096 / reply.len().max(1));
        while !many.is_empty() && self.written.fetch_add(many.len(), Ordering::Relaxed) < MOST_WRITTEN {
            stream.write_all(&many).await?;
        }
        Ok(())
    }
}

/// The reply with what was heard in the place of `{}`.
fn filled(reply: &[u8], heard: &[u8]) -> Vec<u8> {
    let mut filled = Vec::with_capacity(reply.len());
    let mut rest = reply;
    while let Some((first, after)) = rest.split_first() {
        let is_place = rest.starts_with(b"{}");
        filled.extend_from_slice(if is_place { heard.trim_ascii_end() } else { std::slice::from_ref(first) });
        rest = if is_place { &rest[2..] } else { after };
    }
    filled
}
