//! What strangers do who mean harm, each thing over and over.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use load_generator::{Caller, Callers};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use super::world::TOKEN;
use crate::common::app::{TestApp, fresh_email};
use crate::common::raw::registration;

/// No round takes longer.
const LONGEST_ROUND: Duration = Duration::from_secs(30);
/// Between two rounds of one client: it shares the processors with those that it disturbs.
const PAUSE: Duration = Duration::from_millis(100);

type Act = fn(Target) -> BoxFuture<'static, io::Result<()>>;

/// What is done, and by how many clients at once.
const ACTS: [(&str, usize, Act); 12] = [
    ("bodies a byte at a time", 40, |target| slow_body(target).boxed()),
    ("bodies in small pieces, unfinished", 20, |target| pieces(target).boxed()),
    ("half a head", 30, |target| half_head(target).boxed()),
    ("HTTP/2 streams without a body", 4, |target| streams(target).boxed()),
    ("idle connections", 100, |target| idle(target.api, target).boxed()),
    ("idle connections of operations", 20, |target| idle(target.ops, target).boxed()),
    ("invalid bodies", 4, |target| invalid_bodies(target).boxed()),
    ("large bodies of a wrong type", 4, |target| refused_body(target).boxed()),
    ("a flood of registrations", 16, |target| flood(target).boxed()),
    ("answers that nobody reads", 8, |target| unread(target).boxed()),
    ("hang-ups after 6 ms", 4, |target| hang_up(target).boxed()),
    ("seeds of the fuzz targets", 2, |target| seeds(target).boxed()),
];

/// Whom it is done to, and from which address.
#[derive(Clone, Copy)]
struct Target {
    api: SocketAddr,
    ops: SocketAddr,
    from: Ipv4Addr,
}

/// The clients. They go on until they are stopped.
pub struct Hostile(Callers<&'static str>);

impl Hostile {
    /// Of each kind half of the clients share an address, and the others have their own.
    pub fn start(app: &TestApp) -> Hostile {
        let (api, ops) = (app.api_address().parse().unwrap(), app.ops_address().parse().unwrap());
        let mut strangers = Vec::new();
        for ((name, clients, act), kind) in ACTS.into_iter().zip(0_u8..) {
            for client in 0..clients {
                let own = if client % 2 == 0 { 0 } else { u8::try_from(client).unwrap() };
                let target = Target { api, ops, from: Ipv4Addr::new(127, 2, kind, own + 1) };
                strangers.push(Stranger { name, act, target });
            }
        }
        Hostile(Callers::start(strangers, Duration::ZERO))
    }

    /// Ends it, and says how often each thing was done.
    pub async fn stop(self) -> Vec<(&'static str, usize)> {
        let rounds = self.0.abort().await;
        ACTS.map(|(name, ..)| (name, rounds.iter().filter(|round| round.outcome == name).count())).into()
    }
}

struct Stranger {
    name: &'static str,
    act: Act,
    target: Target,
}

impl Caller for Stranger {
    type Outcome = &'static str;

    async fn call(&mut self) -> anyhow::Result<&'static str> {
        // Whoever is refused, or cut off, tries again.
        let _ = timeout(LONGEST_ROUND, (self.act)(self.target)).await;
        sleep(PAUSE).await;
        Ok(self.name)
    }
}

async fn connect(to: SocketAddr, target: Target) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((target.from, 0).into())?;
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads until the service closes the connection.
async fn until_closed(stream: &mut TcpStream) -> io::Result<()> {
    let mut ignored = [0; 4096];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}

fn post(content_type: &str, length: usize) -> String {
    format!("POST /users/ HTTP/1.1\r\nHost: soak\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n")
}

async fn slow_body(target: Target) -> io::Result<()> {
    let mut stream = connect(target.api, target).await?;
    stream.write_all(post("application/json", 2_000).as_bytes()).await?;
    loop {
        stream.write_all(b" ").await?;
        sleep(Duration::from_millis(500)).await;
    }
}

async fn pieces(target: Target) -> io::Result<()> {
    let mut stream = connect(target.api, target).await?;
    stream.write_all(post("application/json", 16_384).as_bytes()).await?;
    for _ in 0..1_000 {
        stream.write_all(&[b' '; 16]).await?;
        sleep(Duration::from_millis(1)).await;
    }
    until_closed(&mut stream).await
}

async fn half_head(target: Target) -> io::Result<()> {
    let mut stream = connect(target.api, target).await?;
    stream.write_all(b"POST /users/ HTTP/1.1\r\nHost: soak\r\nX-Ha").await?;
    until_closed(&mut stream).await
}

async fn idle(listener: SocketAddr, target: Target) -> io::Result<()> {
    until_closed(&mut connect(listener, target).await?).await
}

/// Fifty `POST /users/` whose bodies never come (RFC 9113, 6.2; the fields from the static table of RFC 7541).
async fn streams(target: Target) -> io::Result<()> {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    const FIELDS: &[u8] = b"\x83\x86\x04\x07/users/\x01\x04soak\x0f\x10\x10application/json";
    let mut stream = connect(target.api, target).await?;
    stream.write_all(PREFACE).await?;
    for id in (1_u32..100).step_by(2) {
        let length = u8::try_from(FIELDS.len()).unwrap();
        let frame = [&[0, 0, length, 1, 4], &id.to_be_bytes()[..], FIELDS].concat();
        stream.write_all(&frame).await?;
    }
    until_closed(&mut stream).await
}

async fn invalid_bodies(target: Target) -> io::Result<()> {
    let mut stream = connect(target.api, target).await?;
    for body in [r#"{"email":"#, r#"{"email":1,"x":2}"#, "[]", "\u{fdfa}"].iter().cycle().take(100) {
        stream.write_all((post("application/json", body.len()) + body).as_bytes()).await?;
        if stream.read(&mut [0; 4096]).await? == 0 {
            break;
        }
    }
    Ok(())
}

async fn refused_body(target: Target) -> io::Result<()> {
    const LENGTH: usize = 1024 * 1024;
    let mut stream = connect(target.api, target).await?;
    stream.write_all(post("text/plain", LENGTH).as_bytes()).await?;
    stream.write_all(&vec![b'x'; LENGTH]).await?;
    stream.read(&mut [0; 4096]).await.map(drop)
}

async fn flood(target: Target) -> io::Result<()> {
    let mut stream = connect(target.api, target).await?;
    for _ in 0..20 {
        stream.write_all(registration(&fresh_email()).as_bytes()).await?;
        if stream.read(&mut [0; 4096]).await? == 0 {
            break;
        }
    }
    Ok(())
}

async fn unread(target: Target) -> io::Result<()> {
    let mut stream = connect(target.ops, target).await?;
    for path in ["/metrics", "/health/metrics"].iter().cycle().take(100) {
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
    }
    sleep(LONGEST_ROUND).await;
    Ok(())
}

async fn hang_up(target: Target) -> io::Result<()> {
    let mut stream = connect(target.api, target).await?;
    stream.write_all(registration("taken@example.com").as_bytes()).await?;
    sleep(Duration::from_millis(6)).await;
    Ok(())
}

async fn seeds(target: Target) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for file in fs::read_dir(folder.join("http1"))?.chain(fs::read_dir(folder.join("http2"))?) {
        for listener in [target.api, target.ops] {
            let mut stream = connect(listener, target).await?;
            let _ = stream.write_all(&fs::read(file.as_ref().map_err(|e| e.kind())?.path())?).await;
            let _ = stream.shutdown().await;
            let _ = timeout(Duration::from_secs(1), until_closed(&mut stream)).await;
        }
    }
    Ok(())
}
