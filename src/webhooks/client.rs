//! The HTTP client of an endpoint: no proxy, no redirect, and no address that it must not reach.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use reqwest::Client;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use url::{Host, Url};

use crate::config::may_be_sent_to;
use crate::error::Cause;
use crate::outgoing::look_up;
use crate::tls::http_client_config;

/// A connection takes at most this long to open, and at most half of the attempt.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Time without an event after which a connection is closed.
const IDLE_TIME: Duration = Duration::from_secs(30);
/// HTTP/2: time without a sign of life after which the other side is asked for one, and then given up.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

/// The endpoint is where nothing may be sent.
#[derive(Debug, thiserror::Error)]
#[error(
    "the endpoint's address must not be reached: it is not public, or reached without TLS; see webhook_private_networks"
)]
pub(super) struct Forbidden;

/// Whether an address may be reached.
#[derive(Clone, Debug)]
struct Guard {
    over_tls: bool,
    networks: Arc<[IpNet]>,
}

impl Guard {
    fn lets(&self, address: &SocketAddr) -> bool {
        may_be_sent_to(address.ip(), self.over_tls, &self.networks)
    }
}

/// Looks names up, and gives the client no address but those that it may reach: it connects to what was looked at.
impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let mut addresses = look_up(name.as_str()).await?;
            addresses.retain(|address| guard.lets(address));
            match addresses.is_empty() {
                true => Err(Forbidden.into()),
                false => Ok(Box::new(addresses.into_iter()) as Addrs),
            }
        })
    }
}

pub(super) fn build(url: &Url, timeout: Duration, networks: &[IpNet]) -> Result<Client, Cause> {
    let guard = Guard { over_tls: url.scheme() == "https", networks: networks.into() };
    // Nobody looks up what is an address already.
    let address = match url.host() {
        Some(Host::Ipv4(address)) => Some(SocketAddr::from((address, 0))),
        Some(Host::Ipv6(address)) => Some(SocketAddr::from((address, 0))),
        _ => None,
    };
    if address.is_some_and(|address| !guard.lets(&address)) {
        return Err(Forbidden.into());
    }
    let client = Client::builder()
        .user_agent(concat!("neodyme/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .dns_resolver(Arc::new(guard))
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIME.min(timeout / 2))
        .pool_idle_timeout(IDLE_TIME)
        .http2_keep_alive_interval(SIGN_OF_LIFE)
        .http2_keep_alive_timeout(SIGN_OF_LIFE)
        .tls_backend_preconfigured(http_client_config(url, ", which webhooks over TLS need")?);
    Ok(client.build()?)
}
