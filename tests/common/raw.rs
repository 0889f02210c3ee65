//! A client that may be slow, wrong or gone: bytes over TCP.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::PATIENCE;

/// A registration whose body has only begun.
pub const HALF: &str =
    "POST /users/ HTTP/1.1\r\nhost: neodyme\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";

/// A request that is always answered.
pub const HEALTH: &str = "GET /health/ HTTP/1.1\r\nhost: neodyme\r\n\r\n";

/// The address of another client.
pub const STRANGER: [u8; 4] = [127, 0, 0, 2];

/// One connection.
pub struct RawClient {
    stream: TcpStream,
    received: Vec<u8>,
}

impl RawClient {
    /// Connects.
    pub async fn connect(address: &str) -> RawClient {
        RawClient { stream: TcpStream::connect(address).await.unwrap(), received: Vec::new() }
    }

    /// Connects as another client.
    pub async fn stranger(address: &str) -> RawClient {
        RawClient::connect_from(STRANGER, address).await
    }

    /// Connects from another address of this machine, such as 127.0.0.2: another client to the server.
    pub async fn connect_from(local: [u8; 4], address: &str) -> RawClient {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::from(local), 0).into()).unwrap();
        RawClient { stream: socket.connect(address.parse().unwrap()).await.unwrap(), received: Vec::new() }
    }

    /// Sends each piece in a segment of its own.
    pub async fn send_in_pieces(&mut self, bytes: &[u8], size: usize) -> &mut RawClient {
        self.stream.set_nodelay(true).unwrap();
        for piece in bytes.chunks(size) {
            self.send(piece).await;
        }
        self
    }

    /// Sends bytes; a server that closed already is not an error here.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut RawClient {
        let _ = self.stream.write_all(bytes.as_ref()).await;
        self
    }

    /// Reads the next answer, or nothing where the server closes instead.
    pub async fn closed_or_answer(&mut self) -> Option<RawAnswer> {
        match self.is_closed_after(PATIENCE).await {
            true => None,
            false => Some(self.answer().await),
        }
    }

    /// Whether the server closes before it says anything, within a limit.
    pub async fn is_closed_after(&mut self, limit: Duration) -> bool {
        matches!(timeout(limit, self.stream.read_buf(&mut self.received)).await, Ok(Ok(0) | Err(_)))
    }

    /// Reads the next answer: its status, head and body (by its Content-Length).
    pub async fn answer(&mut self) -> RawAnswer {
        let head_end = self.read_until(|bytes| find(bytes, b"\r\n\r\n").map(|at| at + 4)).await;
        let head = String::from_utf8(self.received.drain(..head_end).collect()).unwrap();
        let length = header(&head, "content-length").map_or(0, |v| v.parse().unwrap());
        self.read_until(|bytes| (bytes.len() >= length).then_some(length)).await;
        let body = String::from_utf8(self.received.drain(..length).collect()).unwrap();
        let status =
            head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or_else(|| panic!("no status in {head}"));
        RawAnswer { status, head, body }
    }

    /// Waits until the server closes and returns what came before that.
    pub async fn until_closed(&mut self) -> String {
        self.until_closed_within(PATIENCE).await
    }

    /// The same, with a limit of its own.
    pub async fn until_closed_within(&mut self, limit: Duration) -> String {
        let mut rest = std::mem::take(&mut self.received);
        // A reset closes as well.
        let _ = timeout(limit, self.stream.read_to_end(&mut rest)).await.expect("the server closes the connection");
        String::from_utf8_lossy(&rest).into_owned()
    }

    async fn read_until<T>(&mut self, mut done: impl FnMut(&[u8]) -> Option<T>) -> T {
        loop {
            if let Some(found) = done(&self.received) {
                return found;
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.received)).await.expect("the server answers");
            assert_ne!(read.unwrap(), 0, "closed after {:?}", String::from_utf8_lossy(&self.received));
        }
    }
}

/// An answer as it came.
#[derive(Debug)]
pub struct RawAnswer {
    /// Its status.
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    /// Its body.
    pub body: String,
}

impl RawAnswer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// Checks that it is a problem of this code, under an id.
    pub fn assert_problem(&self, code: &str) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!((&body["status"], &body["code"]), (&self.status.into(), &code.into()), "{body}");
        assert_eq!(body["request_id"].as_str(), self.header("x-request-id"), "{body}");
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}

/// A registration as bytes, with a right Content-Length.
pub fn registration(email: &str) -> String {
    post("/users/", &super::app::user(email))
}

/// A sign-in as bytes, with a right Content-Length.
pub fn login(email: &str, password: &str) -> String {
    post("/auth/login", &serde_json::json!({ "email": email, "password": password }))
}

fn post(path: &str, body: &serde_json::Value) -> String {
    let body = body.to_string();
    format!(
        "POST {path} HTTP/1.1\r\nhost: neodyme\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
