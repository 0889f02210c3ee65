//! Which addresses are everybody's, and which are of a network that others cannot see into.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), prefix)
}

/// What is not the public internet (<https://www.iana.org/assignments/iana-ipv4-special-registry>), and where clouds answer
/// their machines' questions.
const NOT_PUBLIC_V4: &[Ipv4Net] = &[
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(168, 63, 129, 16, 32),
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 3),
];

/// The unicast addresses that are given out, without those for protocols, for documentation, and for IPv4 in another form.
const PUBLIC_V6: Ipv6Net = v6(0x2000, 0, 3);
const NOT_PUBLIC_V6: &[Ipv6Net] = &[v6(0x2001, 0, 23), v6(0x2001, 0xdb8, 32), v6(0x2002, 0, 16), v6(0x3fff, 0, 20)];
/// IPv4 addresses as a network that has IPv6 alone writes them (RFC 6052).
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 96);

/// Whether this is an address of the public internet: not loopback, private, link-local, shared (CGNAT), unique local,
/// multicast, reserved, nor one at which a cloud tells its machines their secrets.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => !NOT_PUBLIC_V4.iter().any(|network| network.contains(&address)),
        IpAddr::V6(address) if NAT64.contains(&address) => {
            let [.., a, b, c, d] = address.octets();
            is_public(Ipv4Addr::new(a, b, c, d).into())
        }
        IpAddr::V6(address) => {
            PUBLIC_V6.contains(&address) && !NOT_PUBLIC_V6.iter().any(|network| network.contains(&address))
        }
    }
}

/// Whether a webhook may be sent there: to what is public over TLS, to what is not only within the networks that are named.
pub fn may_be_sent_to(address: IpAddr, over_tls: bool, networks: &[IpNet]) -> bool {
    let address = address.to_canonical();
    let is_named = networks.iter().any(|network| network.contains(&address));
    match is_public(address) {
        true => over_tls,
        false => is_named,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_public_is_told_from_what_is_not() {
        for text in ["1.1.1.1", "9.255.255.255", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "64:ff9b::101:101"] {
            assert!(is_public(address(text)), "{text}");
        }
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "fe80::1",
            "fec0::1",
            "fd00:ec2::254",
            "fc00::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "4000::1",
        ] {
            assert!(!is_public(address(text)), "{text}");
        }
    }

    #[test]
    fn a_private_address_must_be_named_and_a_public_one_be_reached_over_tls() {
        let networks = ["10.0.0.0/8", "93.184.0.0/16", "fd00::/8"].map(|network| network.parse().unwrap());
        let may = |text, over_tls| may_be_sent_to(address(text), over_tls, &networks);
        assert_eq!([may("10.1.2.3", false), may("::ffff:10.1.2.3", true), may("fd00::1", false)], [true; 3]);
        assert_eq!([may("127.0.0.1", false), may("169.254.169.254", true), may("fe80::1", true)], [false; 3]);
        assert_eq!([may("93.184.215.14", true), may("93.184.215.14", false)], [true, false]);
    }
}
