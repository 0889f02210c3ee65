//! From the text of a URL to named values, as libpq splits it: user and password end at the first `@`, hosts at the next
//! `/` or `?`; percent-encoding is undone last, and `+` is a plus.

use std::collections::BTreeSet;

use super::parameters::check;

const MALFORMED: &str = "is not a valid URL (in a user name or password write % @ / as %25 %40 %2F)";

/// Named values, and the URL as it may be shown.
pub(super) struct Parts {
    pub pairs: Vec<(String, String)>,
    pub shown: String,
}

/// The parts of a `postgres://` or `postgresql://` URL.
pub(super) fn split(url: &str) -> Result<Parts, String> {
    let (scheme, rest) = url.split_once("://").ok_or(MALFORMED)?;
    let (user, rest) = split_user(rest);
    // A second @ is one of a password: what follows would be taken for a host or a database, and shown.
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
    if [hosts, database].iter().any(|part| part.contains('@')) || (user.is_none() && query.contains('@')) {
        return Err(MALFORMED.into());
    }
    let mut parts = Parts { pairs: Vec::new(), shown: format!("{scheme}://") };
    parts.add_user(user)?;
    parts.add_hosts(hosts)?;
    parts.add("dbname", database)?;
    if !database.is_empty() {
        parts.shown += &format!("/{database}");
    }
    parts.add_query(query)?;
    Ok(parts)
}

/// User and password, if there are any, and what follows.
fn split_user(text: &str) -> (Option<&str>, &str) {
    match text.find(['@', '/']) {
        Some(end) if text[end..].starts_with('@') => (Some(&text[..end]), &text[end + 1..]),
        _ => (None, text),
    }
}

impl Parts {
    fn add_user(&mut self, user: Option<&str>) -> Result<(), String> {
        let Some(user) = user else { return Ok(()) };
        let (user, password) = user.split_once(':').map_or((user, None), |(user, password)| (user, Some(password)));
        self.add("user", user)?;
        self.add("password", password.unwrap_or_default())?;
        self.shown += user;
        self.shown += if password.is_some() { ":***@" } else { "@" };
        Ok(())
    }

    fn add_hosts(&mut self, hosts: &str) -> Result<(), String> {
        if hosts.is_empty() {
            return Ok(());
        }
        let split: Vec<_> = hosts.split(',').map(split_port).collect::<Result<_, _>>()?;
        let [names, ports] = [|host: &(&str, &str)| host.0.to_owned(), |host: &(&str, &str)| host.1.to_owned()]
            .map(|part| split.iter().map(part).collect::<Vec<_>>().join(","));
        self.add("host", &names)?;
        self.add("port", &ports)?;
        self.shown += hosts;
        Ok(())
    }

    fn add_query(&mut self, query: &str) -> Result<(), String> {
        let mut keys = BTreeSet::new();
        for (number, pair) in query.split('&').filter(|pair| !pair.is_empty()).enumerate() {
            let (key, value) = pair.split_once('=').ok_or("has a parameter without a value (name=value)")?;
            let key = decode(key)?;
            keys.insert(key.clone());
            let shown = if key == "password" { "***" } else { value };
            self.shown += &format!("{}{key}={shown}", if number == 0 { '?' } else { '&' });
            self.pairs.push((key, decode(value)?));
        }
        // With an @ it may be a part of a password.
        check(&keys).map_err(|fault| if query.contains('@') { MALFORMED.into() } else { fault })
    }

    /// What is empty is not given.
    fn add(&mut self, key: &str, value: &str) -> Result<(), String> {
        if !value.is_empty() {
            self.pairs.push((key.to_owned(), decode(value)?));
        }
        Ok(())
    }
}

/// `[::1]:5432`, `host:5432`, or either without a port.
fn split_port(host: &str) -> Result<(&str, &str), String> {
    match host.strip_prefix('[') {
        None => Ok(host.split_once(':').unwrap_or((host, ""))),
        Some(address) => {
            let (address, rest) = address.split_once(']').ok_or("has an IPv6 address without its ]")?;
            match rest.strip_prefix(':') {
                Some(port) => Ok((address, port)),
                None if rest.is_empty() => Ok((address, "")),
                None => Err("has something between an IPv6 address and its port".into()),
            }
        }
    }
}

fn decode(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let decoded = match byte {
            b'%' => (rest.next().and_then(digit)).zip(rest.next().and_then(digit)).map(|(high, low)| high * 16 + low),
            byte => Some(byte),
        };
        bytes.push(decoded.filter(|byte| *byte != 0).ok_or(MALFORMED)?);
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8".into())
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
