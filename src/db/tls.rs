//! TLS to PostgreSQL: verified, or none at all. Nothing in between, since what is not verified protects nobody.

use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;

use super::postgres::is_local;

/// Parameters of the URL that are for this module and unknown, or weaker, in the driver.
const PARAMETERS: [&str; 2] = ["sslmode", "sslrootcert"];

/// The URL as the driver takes it.
pub(super) fn without_parameters(url: &Url) -> String {
    let mut url = url.clone();
    let is_ours = |pair: &&str| PARAMETERS.contains(&pair.split('=').next().unwrap_or_default());
    let others: Vec<&str> = url.query().unwrap_or_default().split('&').filter(|pair| !is_ours(pair)).collect();
    let others = others.join("&");
    url.set_query(Some(others.as_str()).filter(|others| !others.is_empty()));
    url.into()
}

/// Decides on TLS and sets the mode in `config`.
///
/// # Errors
/// A sentence for the operator when a parameter is not accepted, or when no certificate can be trusted.
pub(super) fn connector(url: &Url, config: &mut Config) -> Result<Option<MakeRustlsConnect>, String> {
    let parameter = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let verify = match parameter("sslmode").as_deref() {
        Some("disable") => false,
        Some("require" | "verify-full") => true,
        Some(other) => {
            return Err(format!(
                "sslmode={other} is not accepted: use verify-full (or require, which verifies as well), or disable; \
                 the default is verify-full, and disable for this machine's own addresses and sockets"
            ));
        }
        None => !is_local_only(config),
    };
    config.ssl_mode(if verify { SslMode::Require } else { SslMode::Disable });
    if !verify {
        return Ok(None);
    }
    client_config(parameter("sslrootcert").as_deref()).map(|tls| Some(MakeRustlsConnect::new(tls)))
}

fn is_local_only(config: &Config) -> bool {
    config.get_hosts().iter().all(is_local) && config.get_hostaddrs().iter().all(|address| address.is_loopback())
}

/// Trusts the authorities in this file; without one, those of the system.
fn client_config(root_file: Option<&str>) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let trusting: ConfigBuilder<ClientConfig, WantsClientCert> = match root_file {
        Some(path) => {
            builder.with_root_certificates(read_roots(path).map_err(|error| format!("sslrootcert={path}: {error}"))?)
        }
        None => builder.with_platform_verifier().map_err(|error| {
            format!("{error}: install the system's certificates (ca-certificates), or name a file in sslrootcert")
        })?,
    };
    let mut config = trusting.with_no_client_auth();
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(config)
}

fn read_roots(path: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())? {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() { Err("it holds no certificate".into()) } else { Ok(roots) }
}
