//! Whom a TLS connection trusts: the authorities of the system, or the certificates in a file of the operator instead.
//!
//! A file may hold authorities, and certificates of single servers. Such a one, self-signed or not, is trusted for the
//! server that shows exactly this certificate, within its dates and for its host, and vouches for nobody else.

mod certificate;
#[cfg(test)]
mod tests;
mod verifier;

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier as SystemVerifier;
use url::Url;

use self::certificate::is_authority;
use self::verifier::Verifier;

/// A client that trusts the certificates in this PEM file; without one, whom the system trusts. `setting` is where an
/// operator names the file.
///
/// # Errors
/// A sentence for the operator: the file cannot be used, or the system trusts nobody.
pub(crate) fn client_config(file: Option<&Path>, setting: &'static str) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let verifier = match file {
        Some(path) => trusting_file(path, setting, &provider)
            .map_err(|why| format!("{} cannot be used: {why}", path.display()))?,
        None => trusting_system(setting, &provider)?,
    };
    config(Arc::new(verifier), provider)
}

/// A client of HTTP that trusts whom the system trusts, to ask this URL. Without TLS nobody is needed to be trusted, so
/// nothing is looked for. `why` ends the sentence that asks for the system's certificates.
///
/// # Errors
/// A sentence for the operator: the system trusts nobody.
pub(crate) fn http_client_config(url: &Url, why: &str) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match url.scheme() {
        "https" => Arc::new(system(&provider, why)?),
        _ => Arc::new(Verifier::of_nobody(&provider)),
    };
    let mut config = config(verifier, provider)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Whether the other side showed a certificate whose time is over.
pub(crate) fn has_expired(error: &rustls::Error) -> bool {
    use rustls::CertificateError::{Expired, ExpiredContext};
    matches!(error, rustls::Error::InvalidCertificate(Expired | ExpiredContext { .. }))
}

fn config(verifier: Arc<dyn ServerCertVerifier>, provider: Arc<CryptoProvider>) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

fn system(provider: &Arc<CryptoProvider>, why: &str) -> Result<SystemVerifier, String> {
    SystemVerifier::new(Arc::clone(provider))
        .map_err(|error| format!("{error}: install the system's certificates (ca-certificates){why}"))
}

fn trusting_system(setting: &'static str, provider: &Arc<CryptoProvider>) -> Result<Verifier, String> {
    let system = system(provider, &format!(", or name a file in {setting}"))?;
    Ok(Verifier::new(Some(Arc::new(system)), Vec::new(), setting, provider))
}

fn trusting_file(path: &Path, setting: &'static str, provider: &Arc<CryptoProvider>) -> Result<Verifier, String> {
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    if certificates.is_empty() {
        return Err("it holds no certificate".into());
    }
    let mut authorities = RootCertStore::empty();
    for certificate in &certificates {
        if is_authority(certificate) {
            authorities.add(certificate.clone()).map_err(|error| error.to_string())?;
        }
    }
    Verifier::of_file(authorities, certificates, setting, provider).map_err(|error| error.to_string())
}
