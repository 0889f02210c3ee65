//! Which mail server, and how it is talked to.

use std::path::Path;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};

use crate::config::{MailConfig, SmtpTls};
use crate::mail::InvalidSetting;

/// A server as it is configured.
pub(super) struct Server {
    pub host: String,
    pub port: u16,
    pub protection: Protection,
    pub credentials: Option<Credentials>,
    pub hello: ClientId,
}

/// How the conversation is protected.
pub(super) enum Protection {
    StartTls(TlsParameters),
    Tls(TlsParameters),
    None,
}

impl Server {
    pub fn new(host: &str, config: &MailConfig) -> Result<Self, InvalidSetting> {
        if ServerName::try_from(host).is_err() {
            return Err(InvalidSetting::new(
                "smtp_host",
                "it is neither the name nor the address of a host (a port goes to smtp_port)",
            ));
        }
        let (protection, usual_port) = match config.smtp_tls {
            SmtpTls::Starttls => (Protection::StartTls(tls(host, config.smtp_ca_file.as_deref())?), 587),
            SmtpTls::Tls => (Protection::Tls(tls(host, config.smtp_ca_file.as_deref())?), 465),
            SmtpTls::None => (Protection::None, 25),
        };
        let port = if config.smtp_port == 0 { usual_port } else { config.smtp_port };
        Ok(Self { host: host.into(), port, protection, credentials: credentials(config)?, hello: ClientId::default() })
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
}

fn credentials(config: &MailConfig) -> Result<Option<Credentials>, InvalidSetting> {
    match (&config.smtp_username, &config.smtp_password) {
        (Some(user), Some(password)) => Ok(Some(Credentials::new(user.clone(), password.expose().into()))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(InvalidSetting::new("smtp_password", "it is missing, while smtp_username is set")),
        (None, Some(_)) => Err(InvalidSetting::new("smtp_username", "it is missing, while smtp_password is set")),
    }
}

/// Trusts the authorities in this file; without one, those of the system.
fn tls(host: &str, ca_file: Option<&Path>) -> Result<TlsParameters, InvalidSetting> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(path) = ca_file {
        builder = builder.certificate_store(CertificateStore::None);
        for authority in read_authorities(path).map_err(|text| unusable(path, &text))? {
            builder = builder.add_root_certificate(authority);
        }
        return builder.build().map_err(|error| unusable(path, &error.to_string()));
    }
    let advice = "install the system's certificates (ca-certificates), or name a file";
    builder.build().map_err(|error| InvalidSetting::new("smtp_ca_file", format!("{error}: {advice}")))
}

fn read_authorities(path: &Path) -> Result<Vec<Certificate>, String> {
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())?;
    let authority = |certificate: Result<CertificateDer<'_>, rustls::pki_types::pem::Error>| {
        let certificate = certificate.map_err(|error| error.to_string())?;
        Certificate::from_der(certificate.to_vec()).map_err(|error| error.to_string())
    };
    let authorities: Vec<_> = certificates.map(authority).collect::<Result<_, _>>()?;
    if authorities.is_empty() { Err("it holds no certificate".into()) } else { Ok(authorities) }
}

fn unusable(path: &Path, why: &str) -> InvalidSetting {
    InvalidSetting::new("smtp_ca_file", format!("{} cannot be used: {why}", path.display()))
}
