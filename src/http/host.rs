//! The host that a request is for: RFC 9110, 7.2; RFC 9112, 3.2; RFC 9113, 8.3.1.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Version;
use http::header::HOST;
use http::request::Parts;

use crate::error::{Error, Result};

/// The host in the target of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host<'a> {
    /// An address.
    Address(IpAddr),
    /// A name, as it was sent.
    Name(&'a str),
}

/// The host that a request is for: that of its target where it has one (the absolute form, and `:authority` of HTTP/2), else
/// that of `Host`. None on HTTP/1.0, which has no such header.
///
/// # Errors
/// [`Error::MalformedRequest`] where it is missing, there twice, or no host.
pub(super) fn host_of(head: &Parts) -> Result<Option<Host<'_>>> {
    let mut fields = head.headers.get_all(HOST).iter().map(|value| value.as_bytes());
    let field = fields.next();
    if fields.next().is_some() {
        return Err(Error::MalformedRequest("there is more than one Host header"));
    }
    let authority = head.uri.authority().map(|authority| authority.as_str().as_bytes());
    let missing = match head.version {
        Version::HTTP_09 | Version::HTTP_10 => false,
        Version::HTTP_11 => field.is_none(),
        _ => field.or(authority).is_none(),
    };
    if missing {
        return Err(Error::MalformedRequest("the Host header is missing"));
    }
    if let (Version::HTTP_2, Some(field), Some(authority)) = (head.version, field, authority)
        && !field.eq_ignore_ascii_case(authority)
    {
        return Err(Error::MalformedRequest("the Host header and :authority are not the same"));
    }
    let parse = |text| {
        parse(text).ok_or(Error::MalformedRequest(
            "the host, in Host or in the target, is not a name or an address with at most a port",
        ))
    };
    let (field, authority) = (field.map(parse).transpose()?, authority.map(parse).transpose()?);
    Ok(authority.or(field))
}

/// `uri-host [ ":" port ]` of RFC 3986, 3.2.2, with a host that is not empty (RFC 9110, 4.2.1).
fn parse(text: &[u8]) -> Option<Host<'_>> {
    let text = std::str::from_utf8(text).ok()?;
    let (host, rest) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => (Host::Address(address.parse::<Ipv6Addr>().ok()?.to_canonical()), rest),
        None => {
            let (name, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
            (name_or_address(name)?, rest)
        }
    };
    is_port(rest).then_some(host)
}

fn name_or_address(text: &str) -> Option<Host<'_>> {
    match text.parse::<Ipv4Addr>() {
        Ok(address) => Some(Host::Address(address.into())),
        Err(_) => is_name(text.as_bytes()).then_some(Host::Name(text)),
    }
}

/// A `reg-name` of RFC 3986.
fn is_name(text: &[u8]) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte);
    let mut rest = text;
    loop {
        rest = match rest {
            [] => return !text.is_empty(),
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => rest,
            [first, rest @ ..] if is_plain(*first) => rest,
            _ => return false,
        };
    }
}

/// Nothing, or a colon and a port, which may be empty.
fn is_port(text: &str) -> bool {
    match text.strip_prefix(':') {
        None => text.is_empty(),
        Some("") => true,
        Some(port) => port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use proptest::prelude::*;

    use super::*;

    fn asked(version: Version, target: &str, hosts: &[&[u8]]) -> std::result::Result<String, &'static str> {
        let request = Request::builder().version(version).uri(target);
        let request = hosts.iter().fold(request, |request, host| request.header(HOST, *host));
        match host_of(&request.body(()).unwrap().into_parts().0) {
            Ok(None) => Ok(String::new()),
            Ok(Some(Host::Address(address))) => Ok(address.to_string()),
            Ok(Some(Host::Name(name))) => Ok(name.to_owned()),
            Err(Error::MalformedRequest(why)) => Err(why),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_host_is_a_name_or_an_address_with_a_port_at_most() {
        for (sent, host) in [
            ("example.com", "example.com"),
            ("Example.COM:8000", "Example.COM"),
            ("localhost.:", "localhost."),
            ("a_b~c%41", "a_b~c%41"),
            ("127.0.0.1:9000", "127.0.0.1"),
            ("[::1]", "::1"),
            ("[::ffff:10.0.0.1]:9000", "10.0.0.1"),
            ("127.1", "127.1"),
        ] {
            assert_eq!(asked(Version::HTTP_11, "/", &[sent.as_bytes()]), Ok(host.to_owned()), "{sent}");
        }
    }

    #[test]
    fn what_is_no_host_is_malformed() {
        for sent in [
            "",
            ":",
            ":8000",
            "a b",
            "a, b",
            "a:b",
            "a:1:2",
            "a:65536",
            "a:-1",
            "a/b",
            "a@b",
            "http://a",
            "a?b",
            "a#b",
            "a%4",
            "a%zz",
            "a\\b",
            "<a>",
            "\"a\"",
            "[::1",
            "::1",
            "[a]",
            "[::1]x",
            "[::1]:x",
            "[fe80::1%25eth0]",
            "[127.0.0.1]",
            "\u{e4}",
        ] {
            assert!(asked(Version::HTTP_11, "/", &[sent.as_bytes()]).is_err(), "{sent:?}");
            assert!(asked(Version::HTTP_10, "/", &[sent.as_bytes()]).is_err(), "{sent:?}");
        }
    }

    #[test]
    fn there_is_one_host_and_only_http_1_0_may_have_none() {
        for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2] {
            assert!(asked(version, "/", &[b"a", b"a"]).is_err(), "{version:?}");
            assert_eq!(asked(version, "/", &[b"a"]), Ok("a".to_owned()), "{version:?}");
        }
        assert_eq!(asked(Version::HTTP_10, "/", &[]), Ok(String::new()));
        assert!(asked(Version::HTTP_11, "/", &[]).is_err());
        assert!(asked(Version::HTTP_2, "/", &[]).is_err());
    }

    #[test]
    fn the_target_goes_before_the_header() {
        assert_eq!(asked(Version::HTTP_11, "http://a.example:80/", &[b"b.example"]), Ok("a.example".to_owned()));
        assert!(asked(Version::HTTP_11, "http://a.example/", &[]).is_err(), "a header is wanted even so");
        assert!(asked(Version::HTTP_11, "http://a.example/", &[b"a b"]).is_err());
        assert!(asked(Version::HTTP_11, "http://user@a.example/", &[b"a.example"]).is_err());
        assert_eq!(asked(Version::HTTP_2, "http://a.example/", &[]), Ok("a.example".to_owned()));
        assert_eq!(asked(Version::HTTP_2, "http://a.example/", &[b"A.example"]), Ok("a.example".to_owned()));
        assert!(asked(Version::HTTP_2, "http://a.example/", &[b"b.example"]).is_err());
    }

    proptest! {
        #[test]
        fn any_header_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = parse(&bytes);
        }
    }
}
