//! A TCP connection on which the other side cannot talk without end, nor slip in an answer before TLS that is read after.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// More than any answer or handshake. lettre itself looks at an answer's length only at the end of its line.
const LONGEST_ANSWER: usize = 256 * 1024;

/// A host with an address that swallows packets is reached at its next one.
pub(super) const LIMIT_PER_ADDRESS: Duration = Duration::from_secs(5);

/// The first byte of a client's first TLS record; no SMTP command begins with it.
const HANDSHAKE: u8 = 0x16;

/// Reads at most [`LONGEST_ANSWER`] between two writes.
#[derive(Debug)]
pub(super) struct Stream {
    tcp: TcpStream,
    left: usize,
    /// lettre reads ahead, and after STARTTLS would take what somebody on the way has put behind the answer for the
    /// server's. Where TLS is to come, it gets one byte at a time until then, and so nothing ahead.
    expects_tls: bool,
}

impl Stream {
    /// Connects to the first address of the host that answers.
    pub async fn connect(host: &str, port: u16, expects_tls: bool) -> io::Result<Self> {
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in lookup_host((host, port)).await? {
            match timeout(LIMIT_PER_ADDRESS, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => return Ok(Self { tcp, left: LONGEST_ANSWER, expects_tls }),
                Ok(Err(error)) => failure = error,
                Err(_) => failure = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(failure)
    }
}

impl AsyncTokioStream for Stream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.peer_addr()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "the answer has no end")));
        }
        let before = buffer.filled().len();
        if self.expects_tls {
            let mut byte = [0];
            let mut one = ReadBuf::new(&mut byte);
            ready!(Pin::new(&mut self.tcp).poll_read(context, &mut one))?;
            buffer.put_slice(one.filled());
        } else {
            ready!(Pin::new(&mut self.tcp).poll_read(context, buffer))?;
        }
        self.left = self.left.saturating_sub(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.left = LONGEST_ANSWER;
        self.expects_tls &= bytes.first() != Some(&HANDSHAKE);
        Pin::new(&mut self.tcp).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}
