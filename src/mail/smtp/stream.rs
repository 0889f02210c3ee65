//! The bytes to and from a mail server, in plain text or over TLS.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A host with an address that swallows packets is reached at its next one.
const LIMIT_PER_ADDRESS: Duration = Duration::from_secs(5);

pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// The addresses of the host.
    pub async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let addresses: Vec<_> = lookup_host((host, port)).await?.collect();
        match addresses.is_empty() {
            true => Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address")),
            false => Ok(addresses),
        }
    }

    /// Connects to the first of these addresses that answers.
    pub async fn connect(addresses: Vec<SocketAddr>) -> io::Result<Self> {
        let mut failure = io::ErrorKind::AddrNotAvailable.into();
        for address in addresses {
            match timeout(LIMIT_PER_ADDRESS, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => return Ok(Self::Plain(tcp)),
                Ok(Err(error)) => failure = error,
                Err(_) => failure = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(failure)
    }

    /// Changes to TLS, once.
    pub async fn secure(self, host: ServerName<'static>, tls: Arc<ClientConfig>) -> io::Result<Self> {
        match self {
            Self::Plain(tcp) => Ok(Self::Tls(Box::new(TlsConnector::from(tls).connect(host, tcp).await?))),
            secured @ Self::Tls(_) => Ok(secured),
        }
    }

    /// The address of this end.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Plain(tcp) => tcp.local_addr(),
            Self::Tls(tls) => tls.get_ref().0.local_addr(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(context, bytes),
            Self::Tls(tls) => Pin::new(tls).poll_read(context, bytes),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Self::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Self::Tls(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(context),
        }
    }
}
