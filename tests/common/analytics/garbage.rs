//! A stream that can be told to write what is no HTTP.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A stream, and whether what is written to it is replaced.
pub(super) struct MayTalkGarbage {
    stream: TcpStream,
    garbage: Arc<AtomicBool>,
}

impl MayTalkGarbage {
    pub(super) fn new(stream: TcpStream) -> (MayTalkGarbage, Arc<AtomicBool>) {
        let garbage = Arc::<AtomicBool>::default();
        (MayTalkGarbage { stream, garbage: garbage.clone() }, garbage)
    }
}

impl AsyncRead for MayTalkGarbage {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for MayTalkGarbage {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.garbage.load(Ordering::Relaxed) {
            return Pin::new(&mut self.stream).poll_write(cx, bytes);
        }
        ready!(Pin::new(&mut self.stream).poll_write(cx, b"220 canary@example.com ESMTP\r\n"))?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
