//! `neodyme health`: asks a running neodyme whether it is ready, for container engines and scripts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Arg, ArgMatches, Command};
use serde::Deserialize;
use url::Url;

use super::client;
use super::flags::with_settings;
use super::output::print;
use super::runtime::block_on;
use crate::config::Config;

/// Less than a container engine waits.
const TIMEOUT: Duration = Duration::from_secs(3);

const ABOUT: &str = "Ask a running neodyme whether it is ready: exit code 0, or 1 with the reasons";

pub(super) fn command() -> Command {
    let url = Arg::new("url").long("url").value_name("URL").value_parser(client::parse_base);
    with_settings(Command::new("health").about(ABOUT), &["api_listen"])
        .arg(url.help("Where it answers [default: the address in api_listen, on this machine]"))
}

pub(super) fn run(matches: &ArgMatches, config: impl FnOnce() -> anyhow::Result<Config>) -> anyhow::Result<()> {
    let url = match matches.get_one::<Url>("url") {
        Some(url) => url.clone(),
        None => Url::parse(&format!("http://{}", reachable(config()?.api_listen)))?,
    };
    block_on(ask(&url))??;
    print("ready\n")
}

/// What is bound to every address answers on this machine too.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let loopback = match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        other => other,
    };
    SocketAddr::new(loopback, listen.port())
}

#[derive(Deserialize)]
struct Readiness {
    reasons: Vec<String>,
}

async fn ask(url: &Url) -> anyhow::Result<()> {
    let no_answer = |error| client::no_answer(url, &error);
    let client = client::build(url, TIMEOUT).context("cannot build an HTTP client")?;
    let answer = client.get(url.join("/health/ready")?).send().await.map_err(no_answer)?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(no_answer)?;
    match serde_json::from_slice(&body) {
        Ok(Readiness { .. }) if status.is_success() => Ok(()),
        Ok(Readiness { reasons }) if status.as_u16() == 503 => bail!("not ready: {}", reasons.join(", ")),
        _ if status.as_u16() == 421 => {
            bail!("{url} does not answer to that name: ask for an address, or add the name to ops_allowed_hosts")
        }
        _ => bail!("what answers at {url} is no neodyme: it says {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::reachable;

    #[test]
    fn what_listens_everywhere_is_asked_here() {
        for (listen, asked) in
            [("0.0.0.0:8000", "127.0.0.1:8000"), ("[::]:8000", "[::1]:8000"), ("192.0.2.7:80", "192.0.2.7:80")]
        {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), asked);
        }
    }
}
