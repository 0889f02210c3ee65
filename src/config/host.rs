//! Hosts by name or by address.

use std::fmt;
use std::net::IpAddr;

use rustls::pki_types::ServerName;

use super::is_localhost;

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

    /// Whether it is this machine, as far as its name or address tells.
    pub fn is_this_machine(&self) -> bool {
        self.address().map_or_else(|| is_localhost(&self.to_string()), |address| address.to_canonical().is_loopback())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Host;

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
    fn what_is_no_host_is_refused() {
        for text in
            ["", " ", "mail.example.com:587", "smtp://mail", "a b", "-a.example", "[mail]", "[::1", "a..b", "1.2.3"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
