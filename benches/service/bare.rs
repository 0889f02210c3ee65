//! The reference for `GET /health/`: hyper on the same runtime, one fixed body, and nothing else.

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use anyhow::Context;
use bytes::Bytes;
use http::{Response, header};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

use crate::process::Process;

/// Answers every request with a body of `body_bytes` bytes, for ever; the address is printed first.
pub async fn serve(body_bytes: usize) -> anyhow::Result<()> {
    let body = Bytes::from("x".repeat(body_bytes));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let body = body.clone();
        tokio::spawn(async move {
            let service = service_fn(move |_request| {
                let mut response = Response::new(Full::new(body.clone()));
                let json = header::HeaderValue::from_static("application/json");
                response.headers_mut().insert(header::CONTENT_TYPE, json);
                async move { Ok::<_, Infallible>(response) }
            });
            // The clients hang up at the end of a slice; that is no failure.
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// The bare responder as a child process.
pub struct Bare {
    /// The process.
    pub process: Process,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Bare {
    /// Starts this executable again as a bare responder.
    pub fn start(body_bytes: usize) -> anyhow::Result<Bare> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(format!("--bare-responder={body_bytes}")).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = Process(command.spawn()?);
        let stdout = process.0.stdout.take().context("the responder has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        Ok(Bare { process, address: line.trim().parse()? })
    }
}
