//! The parameters of an address: which are known, and what they may be.
//! <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS>

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use tokio_postgres::Config;

/// Unknown ones that are named one by one.
const MAX_NAMED: usize = 8;

/// What neodyme knows; the values of most are the driver's to judge.
pub(super) const KNOWN: [&str; 26] = [
    "application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "dbname",
    "fallback_application_name",
    "gssencmode",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "ssl",
    "sslmode",
    "sslnegotiation",
    "sslrootcert",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// How a server is known to be the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostgresTls {
    /// By its certificate, verified in full; on this machine not at all, where nobody stands between.
    Default,
    /// By its certificate, verified in full.
    Verified,
    /// Not at all: plain text.
    Off,
}

/// Values by their names.
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// The last one of a name counts.
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    pub fn take(&mut self, key: &str) -> Option<String> {
        self.0.remove(key)
    }

    /// What is left, as the driver takes it.
    pub fn into_driver_config(mut self, hosts: usize) -> Result<Config, String> {
        self.translate(hosts)?;
        let quote = |value: &str| value.replace('\\', "\\\\").replace('\'', "\\'");
        let pairs = self.0.iter().map(|(key, value)| format!("{key}='{}'", quote(value)));
        let driver = pairs.collect::<Vec<_>>().join(" ").parse::<Config>();
        // Its error names the parameter, and not the value.
        driver.map_err(|error| format!("is refused by the driver: {}", error.source().unwrap_or(&error)))
    }

    /// Puts into the driver's words what is libpq's, or neodyme's.
    fn translate(&mut self, hosts: usize) -> Result<(), String> {
        if let Some(count) = self.take("keepalives_count") {
            self.0.insert("keepalives_retries".into(), count);
        }
        if let Some(name) = self.take("fallback_application_name") {
            self.0.entry("application_name".into()).or_insert(name);
        }
        self.take_one_of("client_encoding", &["auto", "utf8", "utf-8", "unicode"])?;
        self.take_one_of("gssencmode", &["disable", "prefer"])?;
        self.take_one_of("sslsni", &["1"])?;
        let target = self.take_one_of("target_session_attrs", &["any", "read-write", "primary"])?;
        let wants_any = target.map_or(hosts == 1, |target| target == "any");
        self.0.insert("target_session_attrs".into(), if wants_any { "any" } else { "read-write" }.into());
        Ok(())
    }

    fn take_one_of(&mut self, key: &str, accepted: &[&str]) -> Result<Option<String>, String> {
        let value = self.take(key).map(|value| value.to_ascii_lowercase());
        match &value {
            Some(value) if !accepted.contains(&value.as_str()) => {
                Err(format!("has a {key} that neodyme cannot use; accepted: {}", accepted.join(", ")))
            }
            _ => Ok(value),
        }
    }
}

/// Parameters that nobody knows are named, all of them, if they can be some at all.
pub(super) fn check(keys: &BTreeSet<String>) -> Result<(), String> {
    let is_word = |key: &str| key.len() <= 40 && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let unknown: Vec<_> = keys.iter().map(String::as_str).filter(|key| !KNOWN.contains(key)).collect();
    let parameters = match unknown.len() {
        0 => return Ok(()),
        _ if !unknown.iter().all(|key| is_word(key)) => return Err("has a parameter whose name is no word".into()),
        1 => "parameter",
        _ => "parameters",
    };
    let more = if unknown.len() > MAX_NAMED { " and more" } else { "" };
    let unknown = unknown.into_iter().take(MAX_NAMED).collect::<Vec<_>>().join(", ") + more;
    let known = KNOWN.join(", ");
    Err(format!("has the {parameters} {unknown}, which neodyme does not know; known are {known}"))
}

/// `sslmode`, and the `ssl=true` of other drivers.
pub(super) fn take_tls(parameters: &mut Parameters) -> Result<PostgresTls, String> {
    let ssl = parameters.take_one_of("ssl", &["true"])?.map(|_| "require".to_owned());
    match parameters.take("sslmode").or(ssl).as_deref() {
        None => Ok(PostgresTls::Default),
        Some("disable") => Ok(PostgresTls::Off),
        Some("require" | "verify-full") => Ok(PostgresTls::Verified),
        Some(_) => {
            Err("has an sslmode that is not accepted: use verify-full (or require, which verifies as well), or disable"
                .into())
        }
    }
}

/// `load_balance_hosts`.
pub(super) fn take_shuffled(parameters: &mut Parameters) -> Result<bool, String> {
    let order = parameters.take_one_of("load_balance_hosts", &["disable", "random"])?;
    Ok(order.as_deref() == Some("random"))
}
