//! The hosts of an address: names, addresses, sockets, each with its port.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use tokio_postgres::Config;

use super::parameters::Parameters;
use crate::config::{is_loopback, is_this_machine};

const DEFAULT_PORT: u16 = 5432;
/// Where sockets are: as Debian and Red Hat build PostgreSQL, and as it comes.
const SOCKETS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresHost {
    place: Place,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// The folder of a socket.
    Socket(PathBuf),
    /// A name or an address, and the address to use for it.
    Network { name: String, address: Option<IpAddr> },
}

impl PostgresHost {
    /// Sets this host in the driver's configuration.
    pub fn apply(&self, config: &mut Config) {
        config.port(self.port);
        match &self.place {
            Place::Socket(folder) => config.host_path(folder),
            Place::Network { name, address: None } => config.host(name),
            Place::Network { name, address: Some(address) } => {
                if !name.is_empty() {
                    config.host(name);
                }
                config.hostaddr(*address)
            }
        };
    }

    /// Is this the machine that neodyme runs on?
    pub fn is_this_machine(&self) -> bool {
        match &self.place {
            Place::Socket(_) => true,
            Place::Network { address: Some(address), .. } => is_loopback(*address),
            Place::Network { name, address: None } => is_this_machine(name),
        }
    }
}

impl fmt::Display for PostgresHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Socket(folder) => write!(f, "socket {}/.s.PGSQL.{}", folder.display(), self.port),
            Place::Network { name, address: Some(address) } if name.is_empty() => write!(f, "{address}:{}", self.port),
            Place::Network { name, .. } if name.contains(':') => write!(f, "[{name}]:{}", self.port),
            Place::Network { name, .. } => write!(f, "{name}:{}", self.port),
        }
    }
}

/// The hosts that the parameters `host`, `hostaddr` and `port` name: lists with commas between. No host at all is the
/// server's socket.
pub(super) fn take(parameters: &mut Parameters) -> Result<Vec<PostgresHost>, String> {
    let [names, addresses, ports] = ["host", "hostaddr", "port"].map(|key| parameters.take(key).unwrap_or_default());
    let [names, addresses, ports] = [&names, &addresses, &ports].map(|list| list.split(',').collect::<Vec<_>>());
    let count = if addresses == [""] { names.len() } else { addresses.len() };
    if names != [""] && names.len() != count {
        return Err("names another number of hosts than of addresses (hostaddr)".into());
    }
    if ports.len() != 1 && ports.len() != count {
        return Err("names another number of ports than of hosts".into());
    }
    let nth = |list: &[&str], n: usize| list.get(n).or(list.first()).copied().unwrap_or_default().to_owned();
    (0..count).map(|n| host(nth(&names, n), &nth(&addresses, n), &nth(&ports, n))).collect()
}

fn host(name: String, address: &str, port: &str) -> Result<PostgresHost, String> {
    let port = match port {
        "" => DEFAULT_PORT,
        port => port.parse().ok().filter(|port| *port != 0).ok_or("has a port that is none (1 to 65535)")?,
    };
    let address = match address {
        "" => None,
        address => Some(address.parse().map_err(|_| "has a hostaddr that is not an IP address")?),
    };
    let place = match (name, address) {
        (name, Some(address)) => Place::Network { name, address: Some(address) },
        (name, None) if name.is_empty() => Place::Socket(default_socket()),
        (name, None) if name.starts_with('/') => Place::Socket(name.into()),
        (name, None) if name.starts_with('@') => {
            return Err("names an abstract socket, which neodyme cannot use".into());
        }
        (name, None) => Place::Network { name, address: None },
    };
    Ok(PostgresHost { place, port })
}

fn default_socket() -> PathBuf {
    let [first, last] = SOCKETS.map(Path::new);
    if first.is_dir() { first.into() } else { last.into() }
}
