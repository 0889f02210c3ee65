//! Who asks: the address of the connection, or what trusted proxies say of it.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// The client's address. `X-Forwarded-For` is read from the right, as each proxy appends to it, and trusted only as far
/// as the addresses are those of trusted proxies: anything to the left of the first stranger is the stranger's word.
pub(super) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut client = peer.to_canonical();
    let forwarded = headers.get_all(X_FORWARDED_FOR);
    let mut hops = forwarded.iter().rev().flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
    while is_trusted(&client, trusted) {
        match hops.next().and_then(parse_hop) {
            Some(hop) => client = hop,
            None => break,
        }
    }
    client
}

/// Whether this is the address of a trusted proxy.
pub fn is_trusted(address: &IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(address))
}

/// An address, with or without a port: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = text.parse().or_else(|_| text.parse().map(|socket: std::net::SocketAddr| socket.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_str(value).unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
        client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a_stranger_is_not_trusted() {
        assert_eq!(client("192.0.2.1", &["198.51.100.1"]), "192.0.2.1");
    }

    #[test]
    fn a_trusted_proxy_names_the_client() {
        assert_eq!(client("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("::ffff:10.0.0.1", &["198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(client("2001:db8::1", &["[2a00::7]:4711"]), "2a00::7");
    }

    #[test]
    fn only_what_trusted_proxies_appended_counts() {
        assert_eq!(client("10.0.0.1", &["6.6.6.6, 198.51.100.1, 10.0.0.2"]), "198.51.100.1");
        assert_eq!(client("10.0.0.1", &["6.6.6.6", "198.51.100.1, 10.0.0.2"]), "198.51.100.1");
    }

    #[test]
    fn what_cannot_be_read_ends_the_chain() {
        assert_eq!(client("10.0.0.1", &["198.51.100.1, unknown, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    proptest! {
        #[test]
        fn any_header_is_read(text in "[ -~]{0,200}") {
            client("10.0.0.1", &[&text]);
        }
    }
}
