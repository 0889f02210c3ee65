//! An HTTP/1.1 client that does as little as possible, because it shares the processors with what it measures.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// A kept-alive connection that holds the last answer.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    head: usize,
    end: usize,
}

impl Connection {
    /// Connects to `address`.
    pub async fn open(address: SocketAddr) -> anyhow::Result<Connection> {
        Connection::over(TcpStream::connect(address).await?)
    }

    /// Connects to `address` from another address of this machine: another client to the service.
    pub async fn open_from(local: [u8; 4], address: SocketAddr) -> anyhow::Result<Connection> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::from(local), 0).into())?;
        Connection::over(socket.connect(address).await?)
    }

    fn over(stream: TcpStream) -> anyhow::Result<Connection> {
        stream.set_nodelay(true)?;
        Ok(Connection { stream, buffer: vec![0; 16 * 1024], head: 0, end: 0 })
    }

    /// Sends a whole request and reads the whole answer; returns its status.
    pub async fn call(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request).await?;
        (self.head, self.end) = (0, 0);
        let mut filled = 0;
        while self.end == 0 || filled < self.end {
            if filled == self.buffer.len() {
                self.buffer.resize(filled * 2, 0);
            }
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            ensure!(read > 0, "the server closed the connection");
            filled += read;
            if self.end == 0 {
                self.find_end(filled)?;
            }
        }
        ensure!(filled == self.end, "more bytes than the answer has");
        let digits = self.buffer.get(9..12).context("no status line")?;
        Ok(std::str::from_utf8(digits)?.parse()?)
    }

    /// The status line and the header lines of the last answer.
    pub fn head(&self) -> String {
        String::from_utf8_lossy(&self.buffer[..self.head]).to_lowercase()
    }

    /// The body of the last answer.
    pub fn body(&self) -> &[u8] {
        &self.buffer[self.head..self.end]
    }

    fn find_end(&mut self, filled: usize) -> anyhow::Result<()> {
        let bytes = &self.buffer[..filled];
        let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(()) };
        self.head = head + 4;
        self.end = self.head + content_length(&bytes[..head])?;
        Ok(())
    }
}

fn content_length(head: &[u8]) -> anyhow::Result<usize> {
    const NAME: &[u8] = b"content-length:";
    for line in head.split(|byte| *byte == b'\n') {
        if line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME) {
            return Ok(std::str::from_utf8(&line[NAME.len()..])?.trim().parse()?);
        }
    }
    bail!("the answer has no Content-Length: {}", String::from_utf8_lossy(head))
}

/// The bytes of a GET request with the given extra header lines (each ending in CRLF).
pub fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").into_bytes()
}

/// The bytes of a POST request with a JSON body.
pub fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n");
    format!("{head}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}
