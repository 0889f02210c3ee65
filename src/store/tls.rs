//! TLS to PostgreSQL: verified, or none at all. Nothing in between, since what is not verified protects nobody.

use std::path::Path;

use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::config::{PostgresHost, PostgresTls, PostgresUrl};
use crate::tls::client_config;

/// Decides on TLS to this host and sets the mode in `config`.
///
/// # Errors
/// A sentence for the operator when no certificate can be trusted.
pub(super) fn connector(
    url: &PostgresUrl,
    host: &PostgresHost,
    config: &mut Config,
) -> Result<Option<MakeRustlsConnect>, String> {
    let verify = match url.tls {
        PostgresTls::Off => false,
        PostgresTls::Verified => true,
        PostgresTls::Default => !host.is_this_machine(),
    };
    config.ssl_mode(if verify { SslMode::Require } else { SslMode::Disable });
    if !verify {
        return Ok(None);
    }
    let trusted = url.trusted.as_deref().map(Path::new);
    let mut tls = client_config(trusted, "sslrootcert").map_err(|error| format!("sslrootcert: {error}"))?;
    tls.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(Some(MakeRustlsConnect::new(tls)))
}
