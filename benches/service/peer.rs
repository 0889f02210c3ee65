//! The clients of the registration rows, at another service that does the same work: see `benches/peers`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use load_generator::Caller;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::load::{CLIENTS, Latency, drive};

const PATIENCE: Duration = Duration::from_secs(60);

/// Registers for so many seconds at `NAME http://ADDRESS/PATH`, and prints how that went.
pub async fn measure(peer: &str, seconds: u64) -> anyhow::Result<()> {
    let (name, url) = peer.split_once(" http://").context("a peer is NAME http://ADDRESS/PATH")?;
    let (address, path) = url.split_once('/').context("the peer's URL has no path")?;
    let begin = Instant::now();
    while TcpStream::connect(address).await.is_err() {
        if begin.elapsed() > PATIENCE {
            bail!("{name} does not answer at {address}");
        }
        sleep(Duration::from_millis(100)).await;
    }
    // It may listen before it is ready, and with some of its processes only.
    sleep(Duration::from_secs(3)).await;
    let (url, numbers): (Arc<str>, _) = (format!("http://{address}/{path}").into(), Arc::default());
    let registrar =
        || anyhow::Ok(Registrar { client: client()?, url: Arc::clone(&url), numbers: Arc::clone(&numbers) });
    let registrars = (0..CLIENTS).map(|_| registrar()).collect::<anyhow::Result<_>>()?;
    let slice = drive(registrars, Duration::from_secs(seconds)).await?;
    let Latency { mean, p99, .. } = Latency::of(&slice.latencies);
    println!("| {name} | {:.0} | {mean:.0} | {p99:.0} |", slice.rate);
    Ok(())
}

/// Not the client of the other rows, which reads no chunks: some of the peers send them.
fn client() -> anyhow::Result<reqwest::Client> {
    // It finds its TLS in the process, also where it needs none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(reqwest::Client::builder().no_proxy().http1_only().pool_max_idle_per_host(1).build()?)
}

struct Registrar {
    client: reqwest::Client,
    url: Arc<str>,
    numbers: Arc<AtomicU64>,
}

impl Caller for Registrar {
    type Outcome = ();

    /// FastAPI and neodyme call the name `full_name`; fastapi-users knows none, and leaves it out.
    async fn call(&mut self) -> anyhow::Result<()> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let name = if self.url.ends_with("/users/") { "full_name" } else { "name" };
        let body = serde_json::json!({
            "email": format!("user{number}@example.com"),
            name: format!("User {number}"),
            "password": "correct horse battery staple",
        });
        let answer = self.client.post(&*self.url).json(&body).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "{status}: {text}");
        Ok(())
    }
}
