//! Which mail server, and how it is talked to.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;

use crate::config::{Host, MailConfig, Secret, SmtpTls, is_localhost};
use crate::mail::invalid_setting::InvalidSetting;
use crate::tls;

/// A server as it is configured.
pub(super) struct Server {
    pub host: Host,
    pub port: u16,
    pub protection: Protection,
    pub credentials: Option<Credentials>,
    /// How this machine is called; `None` for the address of this end of a connection.
    own_name: Option<Host>,
}

/// How the conversation is protected.
pub(super) enum Protection {
    StartTls(Arc<ClientConfig>),
    Tls(Arc<ClientConfig>),
    None,
}

/// Who we are.
pub(super) struct Credentials {
    pub user: String,
    pub password: Secret,
}

impl Server {
    pub fn new(host: &Host, config: &MailConfig) -> Result<Self, InvalidSetting> {
        let ca_file = config.smtp_ca_file.as_deref();
        let (protection, usual_port) = match config.smtp_tls {
            SmtpTls::Starttls => (Protection::StartTls(tls(ca_file)?), 587),
            SmtpTls::Tls => (Protection::Tls(tls(ca_file)?), 465),
            SmtpTls::None => (Protection::None, 25),
        };
        let port = if config.smtp_port == 0 { usual_port } else { config.smtp_port };
        let own_name = config.smtp_helo_name.clone().or_else(full_host_name);
        Ok(Self { host: host.clone(), port, protection, credentials: credentials(config)?, own_name })
    }

    /// `smtp mail.example.com:587 starttls`
    pub fn describe(&self) -> String {
        let protection = match self.protection {
            Protection::StartTls(_) => "starttls",
            Protection::Tls(_) => "tls",
            Protection::None => "none",
        };
        format!("smtp {}:{} {protection}", self.host, self.port)
    }

    /// How this machine introduces itself (RFC 5321, 4.1.1.1): a fully qualified name, or an address.
    pub fn introduction(&self, local_address: Option<IpAddr>) -> String {
        match (&self.own_name, self.own_name.as_ref().map_or(local_address, Host::address)) {
            (_, Some(IpAddr::V4(address))) => format!("[{address}]"),
            (_, Some(IpAddr::V6(address))) => format!("[IPv6:{address}]"),
            (Some(name), None) => name.to_string(),
            (None, None) => "localhost".to_owned(),
        }
    }
}

/// The name of this machine, where it is one that others can look up.
fn full_host_name() -> Option<Host> {
    let system = rustix::system::uname();
    let name = system.nodename().to_str().ok()?;
    let is_full = name.contains('.') && !name.starts_with("localhost.") && !is_localhost(name);
    Host::parse(name).filter(|host| is_full && host.address().is_none())
}

fn credentials(config: &MailConfig) -> Result<Option<Credentials>, InvalidSetting> {
    match (config.smtp_username.clone(), config.smtp_password.clone()) {
        (Some(user), Some(password)) => Ok(Some(Credentials { user, password })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(InvalidSetting::new("smtp_password", "it is missing, while smtp_username is set")),
        (None, Some(_)) => Err(InvalidSetting::new("smtp_username", "it is missing, while smtp_password is set")),
    }
}

fn tls(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, InvalidSetting> {
    let config = tls::client_config(ca_file, "smtp_ca_file");
    config.map(Arc::new).map_err(|why| InvalidSetting::new("smtp_ca_file", why))
}
