//! Hosts by name or by address.

use std::fmt;
use std::net::IpAddr;

use rustls::pki_types::ServerName;

/// The name of a host in ASCII, or its IP address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host(ServerName<'static>);

impl Host {
    /// Reads a name, an address, or an address literal of SMTP (RFC 5321, 4.1.3): `[192.0.2.1]`, `[IPv6:2001:db8::1]`.
    pub fn parse(text: &str) -> Option<Self> {
        let literal = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        if let Some(address) = literal {
            let address = address.strip_prefix("IPv6:").unwrap_or(address);
            return address.parse().ok().map(|address: IpAddr| Self(ServerName::from(address)));
        }
        let name = if text.is_ascii() { text.to_owned() } else { idna::domain_to_ascii(text).ok()? };
        ServerName::try_from(name).ok().map(Self)
    }

    /// As a certificate names it.
    pub fn server_name(&self) -> &ServerName<'static> {
        &self.0
    }

    /// Its address, where it is given by one.
    pub fn address(&self) -> Option<IpAddr> {
        match self.0 {
            ServerName::IpAddress(address) => Some(address.into()),
            _ => None,
        }
    }

    /// Whether what is sent to it stays on this machine.
    pub fn is_this_machine(&self) -> bool {
        is_this_machine(&self.0.to_str())
    }
}

/// Whether what is sent to this name or address stays on this machine. Of names only `localhost` is sure: those below it
/// are looked up like any other by most systems, and then whoever answers says where they are.
pub fn is_this_machine(host: &str) -> bool {
    host.parse().map_or_else(|_| host.eq_ignore_ascii_case("localhost"), is_loopback)
}

/// Whether this address leads back to the machine that uses it.
pub fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{Host, is_loopback, is_this_machine};

    fn read(text: &str) -> Option<String> {
        Host::parse(text).map(|host| host.to_string())
    }

    #[test]
    fn names_and_addresses_are_read() {
        for (text, host) in [
            ("mail.example.com", "mail.example.com"),
            ("localhost", "localhost"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("192.0.2.1", "192.0.2.1"),
            ("[192.0.2.1]", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[::1]", "::1"),
            ("[IPv6:2001:db8::1]", "2001:db8::1"),
        ] {
            assert_eq!(read(text).as_deref(), Some(host), "{text}");
        }
    }

    #[test]
    fn only_localhost_and_loopback_are_this_machine() {
        let of_host = |text: &str| Host::parse(text).unwrap().is_this_machine();
        for text in ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(is_this_machine(text) && of_host(text), "{text}");
        }
        for text in [
            "mail.localhost",
            "localhost.",
            "localhost.example.com",
            "localhost.localdomain",
            "127.0.0.1.example.com",
            "0.0.0.0",
            "::",
            "192.0.2.1",
            "::ffff:192.0.2.1",
            "neodyme",
        ] {
            assert!(!is_this_machine(text) && !of_host(text), "{text}");
        }
        // Nobody takes brackets for a part of an address but SMTP.
        assert!(of_host("[::1]") && !is_this_machine("[::1]"));
        assert!(is_loopback("::ffff:127.0.0.1".parse().unwrap()) && !is_loopback("::".parse().unwrap()));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in
            ["", " ", "mail.example.com:587", "smtp://mail", "a b", "-a.example", "[mail]", "[::1", "a..b", "1.2.3"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
