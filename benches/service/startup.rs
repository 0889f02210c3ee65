//! From the start of the process to the first 200 of `GET /health/`, on an existing SQLite file.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::load::register;
use crate::options::Options;
use crate::process::{PATIENCE, Process};
use crate::report::Row;
use crate::service::{self, Service};
use crate::{client, stats};

/// Measures several starts, each after a proper stop.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Row>> {
    let folder = service::folder()?;
    let service = Service::start(folder.path(), &service::sqlite_url(folder.path())).await?;
    register(service.api, &Arc::new(AtomicU64::new(0)), options.slice()).await?;
    service.process.stop().await?;

    let mut starts = Vec::with_capacity(options.starts());
    for _ in 0..options.starts() {
        let api = free_address()?;
        let stdout = File::create(folder.path().join("stdout.jsonl"))?;
        let mut command = service::command(&api.to_string(), &service::sqlite_url(folder.path()), stdout);
        let begin = Instant::now();
        let mut process = Process(command.current_dir(folder.path()).spawn()?);
        wait_for_200(&mut process, api)?;
        starts.push(1e3 * begin.elapsed().as_secs_f64());
        process.stop().await?;
    }
    eprintln!("  starts: {starts:.0?} ms");
    let median = stats::median(&starts);
    Ok(vec![Row::new("start to the first 200", "ms", median).at_most(150.0).samples(starts)])
}

/// An address that nobody listens on; nobody else takes it in the moment until the service does.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn wait_for_200(process: &mut Process, api: SocketAddr) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Ok(stream) = TcpStream::connect(api)
            && is_healthy(stream)?
        {
            return Ok(());
        }
        process.ensure_running()?;
        thread::sleep(Duration::from_micros(500));
    }
    bail!("no 200 in {PATIENCE:?}")
}

fn is_healthy(mut stream: TcpStream) -> anyhow::Result<bool> {
    stream.write_all(&client::get("/health/", "Connection: close\r\n"))?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}
